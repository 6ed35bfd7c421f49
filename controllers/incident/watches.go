package incident

import (
	"context"
	"errors"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// outcomeChanged lets updates pass in which a send came to an end.
func outcomeChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.Incident)
		is, isIncident := e.ObjectNew.(*v1alpha1.Incident)
		return ok && isIncident && outcomesDiffer(was.Status.Notifications, is.Status.Notifications)
	}}
}

// whole keeps stubs from the queue: at a start there may be a hundred thousand of them, and nothing to do for any.
func whole() predicate.Predicate {
	return predicate.NewPredicateFuncs(func(o client.Object) bool {
		incident, ok := o.(*v1alpha1.Incident)
		return ok && !lifecycle.IsStub(incident)
	})
}

// ofSource are the Incidents for which a change of their source matters.
func (r *Reconciler) ofSource(ctx context.Context, source client.Object) []reconcile.Request {
	incidents, err := r.unresolvedOf(ctx, client.ObjectKeyFromObject(source))
	return loop.RequestsFor(ctx, incidents, err)
}

// ofPolicy are the Incidents for which a change of a policy matters.
func (r *Reconciler) ofPolicy(ctx context.Context, policy client.Object) []reconcile.Request {
	incidents, err := r.pagedBy(ctx, client.ObjectKeyFromObject(policy))
	return loop.RequestsFor(ctx, incidents, err)
}

// ofChannel are the Incidents for which a change of a channel matters.
func (r *Reconciler) ofChannel(ctx context.Context, channel client.Object) []reconcile.Request {
	policies, err := loop.PoliciesOf(ctx, r.Client, client.ObjectKeyFromObject(channel))
	var all []client.ObjectKey
	for _, policy := range policies {
		incidents, failed := r.pagedBy(ctx, policy)
		all, err = append(all, incidents...), errors.Join(err, failed)
	}
	if channel.GetDeletionTimestamp() != nil {
		told, failed := r.toldThrough(ctx, client.ObjectKeyFromObject(channel))
		all, err = append(all, told...), errors.Join(err, failed)
	}
	return loop.RequestsFor(ctx, all, err)
}

// ofSchedule are the Incidents for which a change of a schedule matters.
func (r *Reconciler) ofSchedule(ctx context.Context, schedule client.Object) []reconcile.Request {
	policies, err := loop.PoliciesBy(ctx, r.Client, client.ObjectKeyFromObject(schedule))
	var all []client.ObjectKey
	for _, policy := range policies {
		incidents, failed := r.pagedBy(ctx, policy)
		all, err = append(all, incidents...), errors.Join(err, failed)
	}
	return loop.RequestsFor(ctx, all, err)
}

// toldThrough are the Incidents of which a channel was told, and not of their end, whatever policy names it now.
func (r *Reconciler) toldThrough(ctx context.Context, channel client.ObjectKey) ([]client.ObjectKey, error) {
	incidents, err := loop.IncidentsIn(ctx, r.Client, channel.Namespace)
	var names []client.ObjectKey
	for i := range incidents {
		if lifecycle.IsOpenAt(&incidents[i], channel.Name) {
			names = append(names, client.ObjectKeyFromObject(&incidents[i]))
		}
	}
	return names, err
}

// pagedBy are the Incidents that matter of those that page by a policy.
func (r *Reconciler) pagedBy(ctx context.Context, policy client.ObjectKey) ([]client.ObjectKey, error) {
	sources, err := loop.SourcesOf(ctx, r.Client, policy)
	var all []client.ObjectKey
	for _, source := range sources {
		incidents, failed := r.unresolvedOf(ctx, source)
		all, err = append(all, incidents...), errors.Join(err, failed)
	}
	return all, err
}

// unresolvedOf are a source's Incidents that are unresolved, of which somebody is still to be told, or that have the finalizer.
func (r *Reconciler) unresolvedOf(ctx context.Context, source client.ObjectKey) ([]client.ObjectKey, error) {
	incidents, err := loop.Incidents(ctx, r.Client, source)
	var names []client.ObjectKey
	for i := range incidents {
		if loop.IsUnresolved(&incidents[i]) || isHeld(&incidents[i]) || len(pendingChannels(incidents[i].Status.Notifications)) > 0 {
			names = append(names, client.ObjectKeyFromObject(&incidents[i]))
		}
	}
	return names, err
}
