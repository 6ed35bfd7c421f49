package resync

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// How a pass can end.
const (
	passEnded  = "ended"
	passFailed = "failed"
)

var (
	passesTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itoc360_resync_passes_total",
		Help: "Passes over the unresolved issues of a source's organization in Sentry, by result (ended, failed).",
	}, []string{"result"})

	callsTotal = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "itoc360_resync_calls_total",
		Help: "Calls to Sentry's API in passes that ended.",
	})

	foundTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itoc360_resync_found_total",
		Help: "Changes that passes found and no webhook had told of until then, by effect (opened, opened_quietly, resolved, updated).",
	}, []string{"effect"})

	missedTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itoc360_resync_missed_total",
		Help: "Openings and resolves of which no webhook came by the end of the pass after the one that found them, by kind " +
			"(opening, resolve).",
	}, []string{"kind"})

	writesTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itoc360_write_backs_total",
		Help: "What was to be written to Sentry, by kind (Resolve, ResolveComment, AcknowledgeComment) and outcome (Written, NotNeeded, " +
			"Dropped).",
	}, []string{"kind", "outcome"})

	writeFailuresTotal = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "itoc360_write_back_failures_total",
		Help: "How often Sentry could not be told of a response, and is told later.",
	})
)

func init() {
	metrics.Registry.MustRegister(passesTotal, callsTotal, foundTotal, missedTotal, writesTotal, writeFailuresTotal)
}

// observe counts what a pass that has ended did.
func observe(done v1alpha1.ResyncPass) {
	passesTotal.WithLabelValues(passEnded).Inc()
	callsTotal.Add(float64(done.Calls))
	for effect, count := range map[string]int32{
		"opened": done.Opened, "opened_quietly": done.OpenedQuietly, "resolved": done.Resolved, "updated": done.Updated,
	} {
		foundTotal.WithLabelValues(effect).Add(float64(count))
	}
}

// observeMissed counts what webhooks did not tell.
func observeMissed(done v1alpha1.ResyncPass) {
	missedTotal.WithLabelValues("opening").Add(float64(done.MissedOpenings))
	missedTotal.WithLabelValues("resolve").Add(float64(done.MissedResolves))
}
