package spool

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	up = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "itoc360_spool_up",
		Help: "1 if the spool has a file that can be used, 0 if not.",
	})

	depthEntries = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "itoc360_spool_depth",
		Help: "Signals in the spool: answered, and not yet known to be recorded.",
	})

	sizeBytes = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "itoc360_spool_bytes",
		Help: "Size of what is in the spool; --spool-max-bytes bounds it.",
	})

	damagedTotal = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "itoc360_spool_damaged_total",
		Help: "Spool files that were set aside because they could not be read as a whole.",
	})

	problemsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "itoc360_spool_problems_total",
		Help: "Times that the spool could not be used as it should, by reason (SpoolUnavailable, SpoolDamaged, SpoolFull).",
	}, []string{"reason"})
)

func init() { metrics.Registry.MustRegister(up, depthEntries, sizeBytes, damagedTotal, problemsTotal) }
