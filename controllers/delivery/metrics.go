package delivery

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

var (
	sendsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itoc360_notification_sends_total",
		Help: "Attempts to send a notification, by the kind of channel (slack, pagerduty, email, webhook, alertmanager), " +
			"the kind of notification (page, update, resolved) and the result (sent, retryable, unauthorized, permanent).",
	}, []string{"channel_kind", "kind", "result"})

	pageSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "itoc360_page_delay_seconds",
		Help: "Time from when a page was due to when its target had taken it, by the kind of channel. A first step is due " +
			"when the webhook arrives.",
		Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 1800},
	}, []string{"channel_kind"})
)

func init() {
	metrics.Registry.MustRegister(sendsTotal, pageSeconds)
}

func observeSent(letter *letter, kind string, at time.Time) {
	sendsTotal.WithLabelValues(kind, strings.ToLower(string(letter.entry.Kind)), "sent").Inc()
	if letter.entry.Kind == v1alpha1.KindPage {
		pageSeconds.WithLabelValues(kind).Observe(at.Sub(letter.entry.DueAt.Time).Seconds())
	}
}

func observeFailed(letter *letter, kind string, failure lifecycle.Failure) {
	sendsTotal.WithLabelValues(kind, strings.ToLower(string(letter.entry.Kind)), strings.ToLower(string(failure.Class))).Inc()
}
