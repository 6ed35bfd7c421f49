package lifecycle

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// isByHand tells whether a responder resolved.
func isByHand(spec *v1alpha1.IncidentSpec) bool {
	return spec.Response != nil && spec.Response.ResolvedAt != nil
}

// isAfterHand tells whether a signal arrived after a responder's resolve, if there is one.
func isAfterHand(spec *v1alpha1.IncidentSpec, signal v1alpha1.Signal, now time.Time) bool {
	return !isByHand(spec) || isAfter(*spec.Response.ResolvedAt, signal, now)
}

// isAfter tells whether a signal arrived after a responder's time. One ahead of now counts as now, so everything that
// arrives is after it: an alert too many rather than one too few.
func isAfter(at metav1.Time, signal v1alpha1.Signal, now time.Time) bool {
	return at.After(now) || !signal.ReceivedAt.Time.Before(at.Time)
}

// keepResponse moves what responders wanted of the cycle that is over into the signals, so that no cycle is born
// acknowledged. It stands before the resolve that ended the cycle, whatever the two clocks say. The caller records one
// more signal, which bounds them.
func keepResponse(spec *v1alpha1.IncidentSpec, now time.Time) {
	response := ptr.Deref(spec.Response, v1alpha1.Response{})
	spec.Response = nil
	place := newest(spec.Signals, func(s v1alpha1.Signal) bool { return s.Effect == v1alpha1.EffectResolved })
	if place < 0 {
		return
	}
	latest := spec.Signals[place].Time
	if response.SnoozedUntil != nil {
		insertAt(spec, place, latest, v1alpha1.Signal{
			ReceivedAt: notAhead(*response.SnoozedUntil, now), By: response.SnoozedBy, Until: seconds(response.SnoozedUntil),
			Event: v1alpha1.SignalResponse, Action: actionSnooze, Effect: v1alpha1.EffectNone,
		})
		place++
	}
	if response.AcknowledgedAt != nil {
		insertAt(spec, place, latest, acknowledgement(response, now))
	}
}

// withdraw takes back the acknowledgement that an unresolved, or the change to regressed, outdoes: Sentry's own and, if the issue
// has regressed, also a person's, moved into the signals. Sentry regresses only what was resolved: so a resolve was missed, and the person
// spoke of what came before it. It tells whether there was anything to take back.
func withdraw(spec *v1alpha1.IncidentSpec, heard Heard, now time.Time) bool {
	signal, cycle := heard.Signal, lastCycle(spec.Signals)
	if !isWithdrawal(signal) && !hasRegressed(spec, heard) || signal.Time.Before(&cycle[0].Time) ||
		signal.Time.Time.Before(newestTime(cycle, isAcknowledgement)) {
		return false
	}
	cycles := replay(spec.Signals)
	withdrawn := cycles[len(cycles)-1].AcknowledgedAt != nil
	response := ptr.Deref(spec.Response, v1alpha1.Response{})
	if !heard.Facts.regressed() || response.AcknowledgedAt == nil || !isAfter(*response.AcknowledgedAt, signal, now) {
		return withdrawn
	}
	takeAcknowledgement(spec, signal, now)
	return true
}

// hasRegressed tells whether a signal is the first to say that the issue has regressed, whatever else it says.
func hasRegressed(spec *v1alpha1.IncidentSpec, heard Heard) bool {
	known := spec.Issue.Substatus
	return heard.Facts.regressed() && known != "" && known != substatusRegressed && !isLate(spec, heard.Signal)
}

// takeOver gives an Incident the acknowledgement of the issue that was merged into its own.
func takeOver(spec *v1alpha1.IncidentSpec, heard Heard, now time.Time) {
	if heard.Merged.AcknowledgedAt.IsZero() {
		return
	}
	response := v1alpha1.Response{AcknowledgedBy: heard.Merged.AcknowledgedBy, AcknowledgedAt: &heard.Merged.AcknowledgedAt}
	insertAt(spec, placeOf(spec.Signals, heard.Signal), heard.Signal.Time, acknowledgement(response, now))
	bound(spec)
}

// takeAcknowledgement moves a responder's acknowledgement, if there is one, into the signals, before the signal that
// withdraws it.
func takeAcknowledgement(spec *v1alpha1.IncidentSpec, signal v1alpha1.Signal, now time.Time) {
	response := ptr.Deref(spec.Response, v1alpha1.Response{})
	if response.AcknowledgedAt == nil {
		return
	}
	insertAt(spec, placeOf(spec.Signals, signal), signal.Time, acknowledgement(response, now))
	response.AcknowledgedBy, response.AcknowledgedAt = "", nil
	spec.Response = &response
	if response == (v1alpha1.Response{}) {
		spec.Response = nil
	}
}

// acknowledgement is a responder's, as a signal.
func acknowledgement(response v1alpha1.Response, now time.Time) v1alpha1.Signal {
	return v1alpha1.Signal{
		ReceivedAt: notAhead(*response.AcknowledgedAt, now), By: response.AcknowledgedBy,
		Event: v1alpha1.SignalResponse, Action: actionAcknowledge, Effect: v1alpha1.EffectAcknowledged,
	}
}

// seconds is a time without its fraction, which people may write and signals do not have.
func seconds(at *metav1.Time) *metav1.Time {
	return ptr.To(metav1.NewTime(at.Truncate(time.Second)))
}

// notAhead is a responder's time, or now if it is ahead of now.
func notAhead(at metav1.Time, now time.Time) metav1.MicroTime {
	if at.After(now) {
		return metav1.NewMicroTime(now)
	}
	return metav1.NewMicroTime(at.Time)
}
