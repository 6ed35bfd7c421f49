package resync

import (
	"context"
	"fmt"
	"slices"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// ofSource are the Incidents of a source of which Sentry could not be told so far: something of the source has changed.
func (w *WriteBack) ofSource(ctx context.Context, object client.Object) []reconcile.Request {
	incidents, err := loop.Incidents(ctx, w.feeds.Client, client.ObjectKeyFromObject(object))
	if err != nil {
		return nil
	}
	var requests []reconcile.Request
	for i := range incidents {
		name := client.ObjectKeyFromObject(&incidents[i])
		if lifecycle.IsWriting(&incidents[i]) {
			w.pauses.Forget(name)
			requests = append(requests, reconcile.Request{NamespacedName: name})
		}
	}
	return requests
}

// SetupWithManager registers the controller "write-back". Of Incidents, it hears what may be written of them.
func (w *WriteBack) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("write-back").WithOptions(loop.ControllerOptions()).
		For(&v1alpha1.Incident{}, builder.WithPredicates(isUnwritten(), hasAnswered())).
		Watches(&v1alpha1.AlertSource{}, handler.EnqueueRequestsFromMapFunc(w.ofSource), builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, accessChanged()))).
		Complete(loop.ReportPanics(w, mgr.GetClient(), w.feeds.Recorder, &v1alpha1.Incident{}))
	if err != nil {
		return fmt.Errorf("set up controller write-back: %w", err)
	}
	return nil
}

// isUnwritten lets an Incident pass of which Sentry may have to be told, or could not be.
func isUnwritten() predicate.Predicate {
	return predicate.NewPredicateFuncs(func(object client.Object) bool {
		incident, ok := object.(*v1alpha1.Incident)
		return ok && (len(lifecycle.Unwritten(incident)) > 0 || lifecycle.IsWriting(incident))
	})
}

// hasAnswered lets an Incident pass if there is something else to tell Sentry than before: what is heard of it does not matter.
func hasAnswered() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.Incident)
		is, isIncident := e.ObjectNew.(*v1alpha1.Incident)
		return ok && isIncident && !slices.EqualFunc(lifecycle.Unwritten(was), lifecycle.Unwritten(is), lifecycle.Writing.Same)
	}}
}

// accessChanged lets a source pass of which it has changed what Sentry lets it do.
func accessChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.AlertSource)
		is, isSource := e.ObjectNew.(*v1alpha1.AlertSource)
		if !ok || !isSource {
			return false
		}
		for _, kind := range []string{v1alpha1.ConditionInSync, v1alpha1.ConditionWritesBack} {
			if loop.ConditionOf(was.Status.Conditions, kind).Status != loop.ConditionOf(is.Status.Conditions, kind).Status {
				return true
			}
		}
		return false
	}}
}
