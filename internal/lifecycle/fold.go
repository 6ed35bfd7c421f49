package lifecycle

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// Fold replays an Incident's signals and response into its status, and says when the status changes next by the mere
// passing of time (zero: never). It reads nothing else: the same spec and now always give the same status.
//
// The status lacks what only the caller knows: the generation that it speaks of.
func Fold(spec *v1alpha1.IncidentSpec, now time.Time) (status v1alpha1.IncidentStatus, next time.Time) {
	status, _, next = FoldAnswer(spec, now)
	return status, next
}

// Answer is how somebody answered an unresolved Incident.
type Answer struct {
	// By is who acknowledged or snoozed: Sentry, or a responder's user name; empty if nobody did.
	By string
	// SnoozedUntil is when the snooze ends; zero without one.
	SnoozedUntil time.Time
}

// FoldAnswer is Fold that also says who has answered.
func FoldAnswer(spec *v1alpha1.IncidentSpec, now time.Time) (status v1alpha1.IncidentStatus, answer Answer, next time.Time) {
	cycles := replay(spec.Signals)
	current := &cycles[len(cycles)-1]
	response := ptr.Deref(spec.Response, v1alpha1.Response{})
	acknowledgedBy := AcknowledgerOf(spec)
	if response.AcknowledgedAt != nil {
		current.AcknowledgedAt = within(*current, notAhead(*response.AcknowledgedAt, now))
	}
	if response.ResolvedAt != nil && current.ResolvedAt == nil {
		end(current, notAhead(*response.ResolvedAt, now), response.ResolvedBy)
	}
	status.Cycles = cycles
	status.State = v1alpha1.StateOpen
	switch {
	case current.ResolvedAt != nil:
		status.State = v1alpha1.StateResolved
	case response.SnoozedUntil != nil && response.SnoozedUntil.After(now):
		status.State = v1alpha1.StateSnoozed
		next = response.SnoozedUntil.Time
		answer = Answer{By: response.SnoozedBy, SnoozedUntil: next}
	case current.AcknowledgedAt != nil:
		status.State = v1alpha1.StateAcknowledged
		answer.By = acknowledgedBy
	}
	status.Conditions = []metav1.Condition{acknowledged(*current, acknowledgedBy), resolved(*current)}
	return status, answer, next
}

// AcknowledgementOf returns the time that the acknowledgement of the present cycle bears in the spec, as its author wrote it; zero
// if there is none. Unlike the time in the status, which is moved into the cycle, it is the same at each look.
func AcknowledgementOf(spec *v1alpha1.IncidentSpec) time.Time {
	if response := spec.Response; response != nil && response.AcknowledgedAt != nil {
		return response.AcknowledgedAt.Time
	}
	if place := acknowledgementIn(spec.Signals); place >= 0 {
		return acknowledgeTime(spec.Signals[place]).Time
	}
	return time.Time{}
}

// StartOf returns when a cycle, numbered from 1, began by both clocks: the sender's time of the signal that opened it, or its
// arrival where that was earlier. It is zero for a cycle that the Incident does not have.
func StartOf(spec *v1alpha1.IncidentSpec, cycle int32) time.Time {
	cycles := replay(spec.Signals)
	if cycle < 1 || int(cycle) > len(cycles) {
		return time.Time{}
	}
	start := cycles[cycle-1].OpenedAt.Time
	if place := openingOf(spec.Signals, int(cycle)); place >= 0 {
		return earlier(start, spec.Signals[place].ReceivedAt.Time)
	}
	return earlier(start, spec.Signals[0].ReceivedAt.Time)
}

// isOpen tells whether an Incident is unresolved.
func isOpen(spec *v1alpha1.IncidentSpec) bool {
	cycles := replay(spec.Signals)
	return cycles[len(cycles)-1].ResolvedAt == nil && !isByHand(spec)
}
