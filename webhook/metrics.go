package webhook

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	requestsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itoc360_intake_requests_total",
		Help: "Requests answered by the intake, by the status code and the result " +
			"(opened, updated, reopened, resolved, ignored, or why it was refused).",
	}, []string{"code", "result"})

	answerSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "itoc360_intake_answer_seconds",
		Help:    "Time from a request's last byte to its answer. Sentry gives up after one second.",
		Buckets: []float64{.005, .01, .025, .05, .1, .2, .4, .6, .8, .9, 1, 5},
	})

	ignoredTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itoc360_intake_ignored_total",
		Help: "Authentic webhooks that opened and changed nothing, by reason.",
	}, []string{"reason"})
)

func init() {
	metrics.Registry.MustRegister(requestsTotal, answerSeconds, ignoredTotal)
}
