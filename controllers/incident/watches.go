package incident

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
)

// outcomeChanged lets updates pass in which a send came to an end.
func outcomeChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.Incident)
		is, isIncident := e.ObjectNew.(*v1alpha1.Incident)
		return ok && isIncident && outcomesDiffer(was.Status.Notifications, is.Status.Notifications)
	}}
}

// ofSource are the Incidents for which a change of their source matters.
func (r *Reconciler) ofSource(ctx context.Context, source client.Object) []reconcile.Request {
	return r.unresolvedOf(ctx, client.ObjectKeyFromObject(source))
}

// ofPolicy are the Incidents for which a change of a policy matters.
func (r *Reconciler) ofPolicy(ctx context.Context, policy client.Object) []reconcile.Request {
	return r.ofPolicies(ctx, policy.GetNamespace(), policy.GetName())
}

// ofChannel are the Incidents for which a change of a channel matters.
func (r *Reconciler) ofChannel(ctx context.Context, channel client.Object) []reconcile.Request {
	policies, err := loop.PoliciesOf(ctx, r.Client, client.ObjectKeyFromObject(channel))
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing the policies of a changed channel")
		return nil
	}
	return r.ofPolicies(ctx, channel.GetNamespace(), policies...)
}

func (r *Reconciler) ofPolicies(ctx context.Context, namespace string, policies ...string) []reconcile.Request {
	sources, err := loop.SourcesOf(ctx, r.Client, namespace, policies...)
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing the sources of a changed policy")
		return nil
	}
	return r.unresolvedOf(ctx, sources...)
}

// unresolvedOf are the unresolved Incidents of sources, and those that still have somebody to tell.
func (r *Reconciler) unresolvedOf(ctx context.Context, sources ...client.ObjectKey) []reconcile.Request {
	var requests []reconcile.Request
	for _, source := range sources {
		incidents, err := loop.Incidents(ctx, r.Client, source)
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Listing the incidents of a changed source")
			return nil
		}
		for i := range incidents {
			if loop.IsUnresolved(&incidents[i]) || len(pendingChannels(incidents[i].Status.Notifications)) > 0 {
				requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&incidents[i])})
			}
		}
	}
	return requests
}
