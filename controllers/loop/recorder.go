package loop

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Each kind of Event may come so often a second, and so many at once. An Event is a write like any other, and in a storm there
// would be several for each Incident, which all say what the Incidents say themselves.
const (
	eventsASecond = 20
	eventsAtOnce  = 100
)

var eventsDropped = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "itoc360_events_dropped_total",
	Help: "Events that were not written because there were too many, by type (Normal, Warning).",
}, []string{"type"})

func init() { metrics.Registry.MustRegister(eventsDropped) }

// calmRecorder drops Events when there are too many.
type calmRecorder struct {
	events.EventRecorder

	normal, warning *rate.Limiter
}

// CalmRecorder records Events, at most 20 a second of each type, and 100 at once.
func CalmRecorder(recorder events.EventRecorder) events.EventRecorder {
	return &calmRecorder{recorder, rate.NewLimiter(eventsASecond, eventsAtOnce), rate.NewLimiter(eventsASecond, eventsAtOnce)}
}

// Eventf implements events.EventRecorder.
func (r *calmRecorder) Eventf(regarding, related runtime.Object, eventType, reason, action, note string, args ...any) {
	limiter := r.normal
	if eventType == corev1.EventTypeWarning {
		limiter = r.warning
	}
	if !limiter.Allow() {
		eventsDropped.WithLabelValues(eventType).Inc()
		return
	}
	r.EventRecorder.Eventf(regarding, related, eventType, reason, action, note, args...)
}
