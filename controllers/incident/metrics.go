package incident

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var obstaclesTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "itoc360_notification_obstacles_total",
	Help: "How often something began to keep people from being paged, by reason (PolicyMissing, ChannelMissing, " +
		"SendingFailed, NobodyOnCall).",
}, []string{"reason"})

func init() { metrics.Registry.MustRegister(obstaclesTotal) }
