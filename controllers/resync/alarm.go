package resync

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// The actions of the Incident that Sentry's webhooks do not arrive.
const (
	actionNotDelivering = "not-delivering"
	actionDelivering    = "delivering"
)

// tellDelivering opens, or resolves, the Incident that Sentry's webhooks do not arrive, where the source asks for one.
func (f *feed) tellDelivering(ctx context.Context, arrive metav1.Condition) error {
	source, err := f.source(ctx)
	if err != nil {
		return err
	}
	return f.alarm(ctx, source, arrive)
}

// alarm opens the Incident if webhooks do not arrive, and resolves it if they do, or it is not asked for any more. Once somebody has
// resolved it, it does not open again until they have arrived in between.
func (d Deps) alarm(ctx context.Context, source *v1alpha1.AlertSource, arrive metav1.Condition) error {
	name := types.NamespacedName{Namespace: source.Namespace, Name: source.Name}
	latest, err := d.Intake.Latest(ctx, name, v1alpha1.DeliveringKey)
	if err != nil {
		return err
	}
	isWanted := source.AsksSentry() && source.Spec.Sentry.NotifyWhenNotDelivering && !source.Spec.Suspend
	isDown := arrive.Status == metav1.ConditionFalse
	open := latest != nil && isOpen(latest, d.Clock.Now())
	switch {
	case isWanted && isDown && !open && !isOlder(loop.ConditionOf(source.Status.Conditions, v1alpha1.ConditionDelivering), latest):
		return d.sound(ctx, source, lifecycle.Heard{
			Signal: v1alpha1.Signal{Event: v1alpha1.SignalAlert, Action: actionNotDelivering, Priority: v1alpha1.PriorityHigh},
			Facts: lifecycle.Facts{
				Title: ptr.To("Sentry's webhooks do not arrive"), Culprit: ptr.To("AlertSource " + source.Name), Level: ptr.To("error"),
			},
		})
	case open && (!isWanted || arrive.Status == metav1.ConditionTrue):
		return d.sound(ctx, source, lifecycle.Heard{Signal: v1alpha1.Signal{Event: v1alpha1.SignalResolve, Action: actionDelivering}})
	default:
		return nil
	}
}

// isOlder tells whether webhooks have not arrived since before the last Incident about that was resolved.
func isOlder(down metav1.Condition, latest *v1alpha1.Incident) bool {
	if latest == nil || down.Status != metav1.ConditionFalse {
		return false
	}
	ended := endOf(latest)
	return !ended.IsZero() && !down.LastTransitionTime.After(ended)
}

func (d Deps) sound(ctx context.Context, source *v1alpha1.AlertSource, heard lifecycle.Heard) error {
	heard.Signal.By = v1alpha1.ByOperator
	name := types.NamespacedName{Namespace: source.Namespace, Name: source.Name}
	if _, _, err := d.Inbox.RecordFound(ctx, name, v1alpha1.DeliveringKey, heard); err != nil {
		return fmt.Errorf("record whether webhooks arrive: %w", err)
	}
	return nil
}
