package incident

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// +kubebuilder:rbac:groups=itoc360.io,resources=incidents,verbs=get;patch

// isClosing tells whether nobody is to be paged of an Incident any more, and whoever was is to hear so: it is being deleted,
// or will be with its source.
func isClosing(incident *v1alpha1.Incident, source *v1alpha1.AlertSource) bool {
	if incident.DeletionTimestamp != nil {
		return true
	}
	return source != nil && source.DeletionTimestamp != nil && !source.IsOrphaning()
}

// isNeeded tells whether somebody is to be told of an Incident, or was told and has not heard of its end.
func isNeeded(incident *v1alpha1.Incident) bool {
	return lifecycle.IsOpenAt(incident, "") || len(pendingChannels(incident.Status.Notifications)) > 0
}

// isHeld tells whether an Incident has the finalizer.
func isHeld(incident *v1alpha1.Incident) bool {
	return controllerutil.ContainsFinalizer(incident, v1alpha1.NotificationsFinalizer)
}

// hold puts the finalizer on an Incident before anybody is told of it: were it deleted by hand, nobody would know whom to tell
// of the end.
func (r *Reconciler) hold(ctx context.Context, before, incident *v1alpha1.Incident) error {
	if incident.DeletionTimestamp != nil || isHeld(incident) || !isNeeded(incident) {
		return nil
	}
	return r.patchFinalizers(ctx, before, incident, controllerutil.AddFinalizer)
}

// letGo takes the finalizer off an Incident of which nobody needs to hear any more, or which was to be deleted too long ago to
// wait for that. It says when to look again; zero: never. While its end is told again and again the finalizer stays, though it
// would not hold up a deletion, its own or its source's: when it goes, caches keep no more than a stub.
func (r *Reconciler) letGo(
	ctx context.Context, incident *v1alpha1.Incident, isClosing bool, now time.Time,
) (again time.Time, err error) {
	if !isHeld(incident) {
		return time.Time{}, nil
	}
	if incident.DeletionTimestamp != nil {
		again = incident.DeletionTimestamp.Add(loop.CloseWithin)
	}
	isLate := !again.IsZero() && !now.Before(again)
	if isNeeded(incident) && !isLate {
		return again, nil
	}
	if until := lifecycle.RepeatedUntil(incident); !isClosing && until.After(now) {
		return until, nil
	}
	return time.Time{}, r.patchFinalizers(ctx, incident.DeepCopy(), incident, controllerutil.RemoveFinalizer)
}

// patchFinalizers changes the list of finalizers, if it is to change. Both versions have the new resourceVersion then, and keep
// their status.
func (r *Reconciler) patchFinalizers(
	ctx context.Context, before, incident *v1alpha1.Incident, change func(client.Object, string) (changed bool),
) error {
	changed := before.DeepCopy()
	if err := loop.ChangeFinalizer(ctx, r.Client, changed, v1alpha1.NotificationsFinalizer, change); err != nil {
		return err
	}
	for _, object := range []*v1alpha1.Incident{before, incident} {
		object.ResourceVersion, object.Finalizers = changed.ResourceVersion, changed.Finalizers
	}
	return nil
}
