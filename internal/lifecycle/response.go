package lifecycle

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// isByHand tells whether a responder resolved.
func isByHand(spec *v1alpha1.IncidentSpec) bool {
	return spec.Response != nil && spec.Response.ResolvedAt != nil
}

// isAfterHand tells whether a signal arrived after a responder's resolve, if there is one. A resolve dated ahead of
// now counts as made now, so everything that arrives is after it: an alert too many rather than one too few.
func isAfterHand(spec *v1alpha1.IncidentSpec, signal v1alpha1.Signal, now time.Time) bool {
	if !isByHand(spec) {
		return true
	}
	resolvedAt := spec.Response.ResolvedAt.Time
	return resolvedAt.After(now) || !signal.ReceivedAt.Time.Before(resolvedAt)
}

// keepResponse moves what responders wanted of the cycle that is over into the signals, so that no cycle is born
// acknowledged. It stands before the resolve that ended the cycle, whatever the two clocks say. The caller records one
// more signal, which bounds them.
func keepResponse(spec *v1alpha1.IncidentSpec, now time.Time) {
	response := spec.Response
	spec.Response = nil
	if response == nil {
		return
	}
	if response.SnoozedUntil != nil {
		insertBeforeResolve(spec, v1alpha1.Signal{
			ReceivedAt: notAhead(*response.SnoozedUntil, now), By: response.SnoozedBy,
			Event: v1alpha1.SignalUpdate, Action: "snooze", Effect: v1alpha1.EffectNone,
		})
	}
	if response.AcknowledgedAt != nil {
		insertBeforeResolve(spec, v1alpha1.Signal{
			ReceivedAt: notAhead(*response.AcknowledgedAt, now), By: response.AcknowledgedBy,
			Event: v1alpha1.SignalAcknowledge, Action: "acknowledge", Effect: v1alpha1.EffectAcknowledged,
		})
	}
}

// insertBeforeResolve puts a responder's signal in front of the resolve that ended the last cycle.
func insertBeforeResolve(spec *v1alpha1.IncidentSpec, signal v1alpha1.Signal) {
	i := newest(spec.Signals, func(s v1alpha1.Signal) bool { return s.Effect == v1alpha1.EffectResolved })
	if i < 1 {
		return
	}
	signal.Time = signal.ReceivedAt
	if earliest := spec.Signals[i-1].Time; signal.Time.Before(&earliest) {
		signal.Time = earliest
	}
	if latest := spec.Signals[i].Time; latest.Before(&signal.Time) {
		signal.Time = latest
	}
	spec.Signals = slices.Insert(spec.Signals, i, signal)
}

// notAhead is a responder's time, or now if it is ahead of now.
func notAhead(at metav1.Time, now time.Time) metav1.MicroTime {
	if at.After(now) {
		return metav1.NewMicroTime(now)
	}
	return metav1.NewMicroTime(at.Time)
}
