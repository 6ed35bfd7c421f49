package alertsource

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// deletionGrace is how long a source is there after its deletion was asked for. Until a replica hears of the deletion, it
// opens Incidents that the source owns. Were the source gone by then, and another made under its name, these would have a
// dead owner and be collected, and with them what Sentry was told to be taken.
const deletionGrace = 10 * time.Second

// timestampPrecision is by how much a deletionTimestamp may lie before the deletion: the API server cuts it to the second.
const timestampPrecision = time.Second

// hold puts the finalizer on a source, before anything else is done for it.
func (r *Reconciler) hold(ctx context.Context, source *v1alpha1.AlertSource) error {
	return loop.ChangeFinalizer(ctx, r.Client, source, v1alpha1.SourceFinalizer, controllerutil.AddFinalizer)
}

// letGo takes the finalizer off a source that is being deleted once its grace is over, and whoever was paged has heard that
// nobody looks after it any more. It says of one that is still there that it is being deleted.
func (r *Reconciler) letGo(ctx context.Context, source *v1alpha1.AlertSource) (ctrl.Result, error) {
	kept := max(0, source.DeletionTimestamp.Add(deletionGrace+timestampPrecision).Sub(r.Clock.Now()))
	isOpen, err := r.isOpen(ctx, source)
	if err != nil {
		return ctrl.Result{}, err
	}
	if kept == 0 && isOpen {
		kept = loop.Soon
	}
	if kept == 0 {
		if err := loop.ChangeFinalizer(ctx, r.Client, source, v1alpha1.SourceFinalizer, controllerutil.RemoveFinalizer); err != nil {
			return loop.Again(err)
		}
	}
	if len(source.Finalizers) == 0 {
		return ctrl.Result{}, nil
	}
	if err := r.tell(ctx, source, judge(source, facts{})); err != nil {
		return loop.Again(err)
	}
	return ctrl.Result{RequeueAfter: kept}, nil
}

// isOpen tells whether channels are still to hear of the end of a source's Incidents, which go with it, or one of them has a
// finalizer that nobody may be there to take off later.
func (r *Reconciler) isOpen(ctx context.Context, source *v1alpha1.AlertSource) (bool, error) {
	isLate := !r.Clock.Now().Before(source.DeletionTimestamp.Add(loop.CloseWithin))
	if isLate || source.IsOrphaning() {
		return false, nil
	}
	incidents, err := loop.Incidents(ctx, r.Client, client.ObjectKeyFromObject(source))
	if err != nil {
		return false, err
	}
	for i := range incidents {
		if lifecycle.IsOpenAt(&incidents[i], "") || controllerutil.ContainsFinalizer(&incidents[i], v1alpha1.NotificationsFinalizer) {
			return true, nil
		}
	}
	return false, nil
}
