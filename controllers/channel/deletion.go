package channel

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

const (
	// deletionGrace is how long a channel that is being deleted is kept at most, for what was opened there to be closed.
	deletionGrace = 10 * time.Minute
	// deletionPause is how soon it is looked at again.
	deletionPause = time.Second
)

// +kubebuilder:rbac:groups=itoc360.io,resources=notificationchannels,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=itoc360.io,resources=incidents,verbs=get;list;watch

// hold puts the finalizer on a channel, before anything is opened there.
func (r *Reconciler) hold(ctx context.Context, channel *v1alpha1.NotificationChannel) error {
	return loop.ChangeFinalizer(ctx, r.Client, channel, v1alpha1.NotificationsFinalizer, controllerutil.AddFinalizer)
}

// letGo takes the finalizer off a channel that is being deleted once nothing is open there, or its grace is over.
func (r *Reconciler) letGo(ctx context.Context, channel *v1alpha1.NotificationChannel) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(channel, v1alpha1.NotificationsFinalizer) {
		return ctrl.Result{}, nil
	}
	isOpen, err := r.isOpen(ctx, channel)
	if err != nil {
		return ctrl.Result{}, err
	}
	if isOpen && r.Clock.Now().Before(channel.DeletionTimestamp.Add(deletionGrace)) {
		return ctrl.Result{RequeueAfter: deletionPause}, nil
	}
	err = loop.ChangeFinalizer(ctx, r.Client, channel, v1alpha1.NotificationsFinalizer, controllerutil.RemoveFinalizer)
	if err != nil {
		return loop.Again(err)
	}
	return ctrl.Result{}, nil
}

// isOpen tells whether a channel was told of an Incident, and not of its end.
func (r *Reconciler) isOpen(ctx context.Context, channel *v1alpha1.NotificationChannel) (bool, error) {
	incidents, err := loop.IncidentsIn(ctx, r.Client, channel.Namespace)
	if err != nil {
		return false, err
	}
	for i := range incidents {
		if lifecycle.IsOpenAt(&incidents[i], channel.Name) {
			return true, nil
		}
	}
	return false, nil
}
