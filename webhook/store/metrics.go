package store

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var writesTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "itoc360_intake_writes_total",
	Help: "Writes of Incidents by the intake, by verb (create, patch) and result (written, stale, failed).",
}, []string{"verb", "result"})

func init() { metrics.Registry.MustRegister(writesTotal) }
