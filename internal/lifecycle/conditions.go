package lifecycle

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// acknowledged is the Acknowledged condition of a cycle; its transition time is that of the fact it tells.
func acknowledged(cycle v1alpha1.Cycle, by string) metav1.Condition {
	if cycle.AcknowledgedAt == nil {
		const message = "Nobody has acknowledged this cycle"
		return condition(v1alpha1.ConditionAcknowledged, metav1.ConditionFalse, v1alpha1.ReasonNotAcknowledged, message, cycle.OpenedAt)
	}
	message, since := "Acknowledged by "+by, *cycle.AcknowledgedAt
	return condition(v1alpha1.ConditionAcknowledged, metav1.ConditionTrue, v1alpha1.ReasonAcknowledged, message, since)
}

// resolved is the Resolved condition of a cycle; its transition time is that of the fact it tells.
func resolved(cycle v1alpha1.Cycle) metav1.Condition {
	if cycle.ResolvedAt == nil {
		message := fmt.Sprintf("Open since %s", cycle.OpenedAt.UTC().Format(time.RFC3339))
		return condition(v1alpha1.ConditionResolved, metav1.ConditionFalse, v1alpha1.ReasonUnresolved, message, cycle.OpenedAt)
	}
	reason, message := v1alpha1.ReasonResolvedByHand, "Resolved by "+cycle.ResolvedBy
	switch cycle.ResolvedBy {
	case v1alpha1.BySentry:
		reason = v1alpha1.ReasonResolvedBySentry
	case v1alpha1.ByOperator:
		reason = v1alpha1.ReasonResolvedAfterSilence
		message = "Resolved by the operator after its source's autoResolveAfter without a signal"
	}
	return condition(v1alpha1.ConditionResolved, metav1.ConditionTrue, reason, message, *cycle.ResolvedAt)
}

func condition(
	kind string, status metav1.ConditionStatus, reason, message string, since metav1.MicroTime,
) metav1.Condition {
	return metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, LastTransitionTime: metav1.NewTime(since.Time),
	}
}
