package loop

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// Requests is a queue of what to reconcile.
type Requests = workqueue.TypedRateLimitingInterface[reconcile.Request]

// SourceOfChanged enqueues the source of an Incident that came, went or changed its standing, after a delay within
// which further changes add nothing.
func SourceOfChanged(delay time.Duration) handler.EventHandler {
	enqueue := func(object client.Object, queue Requests) {
		if incident, ok := object.(*v1alpha1.Incident); ok {
			name := types.NamespacedName{Namespace: incident.Namespace, Name: incident.Spec.SourceRef.Name}
			queue.AddAfter(reconcile.Request{NamespacedName: name}, delay)
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, queue Requests) { enqueue(e.Object, queue) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, queue Requests) { enqueue(e.Object, queue) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, queue Requests) {
			if changedStanding(e.ObjectOld, e.ObjectNew) {
				enqueue(e.ObjectNew, queue)
			}
		},
	}
}

// changedStanding tells whether an Incident was resolved, reopened or recognized as a test.
func changedStanding(before, after client.Object) bool {
	was, ok := before.(*v1alpha1.Incident)
	is, isIncident := after.(*v1alpha1.Incident)
	return ok && isIncident && (IsUnresolved(was) != IsUnresolved(is) || was.Spec.Test != is.Spec.Test)
}

// RequestsFor asks to reconcile what a change concerns. Where that could not be found out, the log says so: the change is
// seen with the next resync.
func RequestsFor(ctx context.Context, names []client.ObjectKey, err error) []reconcile.Request {
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Finding what a change concerns")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(names))
	for _, name := range names {
		requests = append(requests, reconcile.Request{NamespacedName: name})
	}
	return requests
}
