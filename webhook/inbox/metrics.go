package inbox

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	orphansTotal = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "itoc360_intake_orphan_resolves_total",
		Help: "Resolves of which no Incident was known.",
	})

	pendingSignals = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "itoc360_intake_pending_signals",
		Help: "Signals accepted and not yet recorded.",
	})
)

func init() { metrics.Registry.MustRegister(orphansTotal, pendingSignals) }
