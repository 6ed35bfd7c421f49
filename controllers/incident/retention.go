package incident

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

const (
	// deletionBatch bounds how many Incidents of one source go in one look, so that a shortened retention of one
	// source does not hold up those of the others.
	deletionBatch = 200
	// defaultMaxResolved is the API's default, for an object that was made before the field.
	defaultMaxResolved = 1000
	// retentionDelay gathers the resolves of a source's Incidents into one look at its retention. Nothing is due within
	// an hour of its resolve, so there is no hurry.
	retentionDelay = time.Minute
)

// Retention deletes the Incidents of a source that have outlived its retention, and test notifications.
type Retention struct {
	// Client reads from the cache and deletes.
	Client client.Client
	// Recorder takes the Events.
	Recorder events.EventRecorder
	// Clock says what time it is.
	Clock clock.PassiveClock
	// Intake goes first; nil for none.
	Intake loop.Intake
}

// +kubebuilder:rbac:groups=itoc360.io,resources=incidents,verbs=get;list;watch;delete

// Reconcile deletes what is due of one source's Incidents, and comes back when the next one is.
func (r *Retention) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	loop.Yield(ctx, r.Intake, loop.Bookkeeping)
	source := &v1alpha1.AlertSource{}
	if err := r.Client.Get(ctx, request.NamespacedName, source); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if source.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	incidents, err := loop.Kept(ctx, r.Client, request.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	now := r.Clock.Now()
	retention := source.Spec.Incidents.Retention
	maxResolved := int(ptr.Deref(retention.MaxResolved, defaultMaxResolved))
	expired, next := lifecycle.Expire(incidents, lifecycle.Retention{
		MaxAge: retention.MaxAge.Duration, MaxResolved: maxResolved, KeepsDisputed: source.AsksSentry(),
	}, now)
	deleted, err := r.deleteAll(ctx, expired)
	switch {
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: loop.Soon}, nil
	case err != nil:
		return ctrl.Result{}, err
	case deleted < len(expired):
		return ctrl.Result{RequeueAfter: time.Millisecond}, nil
	default:
		return ctrl.Result{RequeueAfter: loop.Soonest(now, next)}, nil
	}
}

// deleteAll deletes Incidents in the given order, at most a batch. It stops at the first conflict: one that has changed
// meanwhile may not be due any more, and then neither are those of its alert that follow it.
func (r *Retention) deleteAll(ctx context.Context, expired []*lifecycle.Kept) (deleted int, err error) {
	for _, incident := range expired[:min(len(expired), deletionBatch)] {
		if err := r.delete(ctx, incident); client.IgnoreNotFound(err) != nil {
			return deleted, fmt.Errorf("delete incident %s: %w", incident.Name, err)
		}
		deleted++
	}
	if deleted > 0 {
		log.FromContext(ctx).V(1).Info("Deleted expired incidents", "count", deleted)
	}
	return deleted, nil
}

// delete removes an Incident, provided that it is still exactly the one that was judged.
func (r *Retention) delete(ctx context.Context, incident *lifecycle.Kept) error {
	uid, resourceVersion := incident.UID, incident.ResourceVersion
	named := &v1alpha1.Incident{}
	named.Namespace, named.Name = incident.Name.Namespace, incident.Name.Name
	return r.Client.Delete(ctx, named, client.Preconditions{UID: &uid, ResourceVersion: &resourceVersion})
}

// SetupWithManager registers the controller "retention".
func (r *Retention) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("retention").WithOptions(loop.ControllerOptions()).
		For(&v1alpha1.AlertSource{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Incident{}, loop.SourceOfChanged(retentionDelay)).
		Complete(loop.ReportPanics(r, mgr.GetClient(), r.Recorder, &v1alpha1.AlertSource{}))
	if err != nil {
		return fmt.Errorf("set up controller retention: %w", err)
	}
	return nil
}
