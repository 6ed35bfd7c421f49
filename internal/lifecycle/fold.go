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
	cycles := replay(spec.Signals)
	current := &cycles[len(cycles)-1]
	response := ptr.Deref(spec.Response, v1alpha1.Response{})
	acknowledgedBy := v1alpha1.BySentry
	if response.AcknowledgedAt != nil {
		acknowledgedBy = response.AcknowledgedBy
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
	case current.AcknowledgedAt != nil:
		status.State = v1alpha1.StateAcknowledged
	}
	status.Conditions = []metav1.Condition{acknowledged(*current, acknowledgedBy), resolved(*current)}
	return status, next
}

// isOpen tells whether an Incident is unresolved.
func isOpen(spec *v1alpha1.IncidentSpec) bool {
	cycles := replay(spec.Signals)
	return cycles[len(cycles)-1].ResolvedAt == nil && !isByHand(spec)
}
