package inbox

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Why a signal went to disk.
const (
	// spooledRepeat is for what changes nothing but counters.
	spooledRepeat = "repeat"
	// spooledSlow is for what was not recorded in time.
	spooledSlow = "slow"
	// spooledOutage is for what came while no write succeeded.
	spooledOutage = "outage"
	// spooledRefused is for what came while Incidents of its source may not be written.
	spooledRefused = "refused"
	// spooledLine is for what came when too many waited for their writes.
	spooledLine = "line"
)

// Why a signal on disk was given up.
const (
	lostUnreadable = "unreadable"
	lostSource     = "source_gone"
	lostInvalid    = "invalid"
)

// Why a signal on disk is set aside.
const (
	// asideVersion is for one that another version of the operator wrote, and this one cannot read.
	asideVersion = "version"
	// asideRefused is for one that was refused by itself; it is tried again.
	asideRefused = "refused"
)

var (
	setAside = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "itoc360_spool_set_aside",
		Help: "Signals of the spool that hold up no others of their alert any more: of another version of the operator (version), " +
			"or refused by themselves (refused).",
	}, []string{"reason"})

	orphansTotal = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "itoc360_intake_orphan_resolves_total",
		Help: "Resolves of which no Incident was known.",
	})

	pendingSignals = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "itoc360_intake_pending_signals",
		Help: "Signals accepted, and neither recorded yet nor in the spool.",
	})

	spooledTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itoc360_spool_accepted_total",
		Help: "Signals that went to the spool, by reason (repeat, slow, outage, refused, line).",
	}, []string{"reason"})

	appliedTotal = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "itoc360_spool_applied_total",
		Help: "Signals of the spool that were recorded, or given up.",
	})

	lostTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itoc360_spool_lost_total",
		Help: "Signals of the spool that were given up, by reason (unreadable, source_gone, invalid).",
	}, []string{"reason"})

	oldestSeconds = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "itoc360_spool_oldest_seconds",
		Help: "Age of the oldest signal in the spool, 0 if it is empty.",
	})
)

func init() {
	metrics.Registry.MustRegister(orphansTotal, pendingSignals, spooledTotal, appliedTotal, lostTotal, oldestSeconds, setAside)
}
