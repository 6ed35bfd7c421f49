package loop

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// Conditions are Ready, given without times, and as kstatus wants it beside one that is not true: Reconciling if it heals
// without a change of the object, else Stalled. The time of a transition stays while the status does.
func Conditions(was []metav1.Condition, ready metav1.Condition, generation int64, now time.Time) []metav1.Condition {
	conditions := []metav1.Condition{ready}
	if ready.Status != metav1.ConditionTrue {
		abnormal := ready
		abnormal.Type, abnormal.Status = v1alpha1.ConditionStalled, metav1.ConditionTrue
		if Heals(ready.Reason) {
			abnormal.Type = v1alpha1.ConditionReconciling
		}
		conditions = append(conditions, abnormal)
	}
	for i := range conditions {
		Stamp(&conditions[i], was, generation, now)
	}
	return conditions
}

// Stamp completes a condition with the generation that it speaks of and the time since when it holds.
func Stamp(condition *metav1.Condition, was []metav1.Condition, generation int64, now time.Time) {
	condition.ObservedGeneration = generation
	condition.LastTransitionTime = metav1.NewTime(now).Rfc3339Copy()
	if before := ConditionOf(was, condition.Type); before.Status == condition.Status {
		condition.LastTransitionTime = before.LastTransitionTime
	}
}

// Heals tells whether what keeps an object from being ready is expected to pass without its spec being changed.
func Heals(reason string) bool {
	switch reason {
	case v1alpha1.ReasonSecretMissing, v1alpha1.ReasonTerminating, v1alpha1.ReasonChannelMissing, v1alpha1.ReasonChannelNotReady,
		v1alpha1.ReasonScheduleMissing, v1alpha1.ReasonScheduleNotReady, v1alpha1.ReasonNobodyOnCall:
		return true
	default:
		return false
	}
}
