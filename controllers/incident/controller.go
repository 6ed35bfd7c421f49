// Package incident is the controller of Incidents: it writes what lifecycle.Fold concludes, tells the inbox of silence that
// is over, and deletes what has outlived its source's retention.
package incident

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// silenceRetry is how soon a silence is told again that changed nothing, because the inbox knew less, or more.
const silenceRetry = time.Minute

// Reconciler writes the status that lifecycle.Fold concludes from an Incident's spec, tells of it in Events,
// and tells the inbox when a silence is over.
type Reconciler struct {
	// Client reads from the cache and writes.
	Client client.Client
	// Recorder takes the Events.
	Recorder events.EventRecorder
	// Clock says what time it is.
	Clock clock.PassiveClock
	// Silence takes what was silent for too long.
	Silence SilenceRecorder
}

// +kubebuilder:rbac:groups=itoc360.io,resources=incidents,verbs=get;list;watch
// +kubebuilder:rbac:groups=itoc360.io,resources=incidents/status,verbs=patch

// Reconcile brings one Incident's status up to date.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	incident := &v1alpha1.Incident{}
	if err := r.Client.Get(ctx, request.NamespacedName, incident); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if incident.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	// The precision of the API's times: what is written must compare equal to what is read back.
	now := r.Clock.Now().Truncate(time.Microsecond)
	before := incident.DeepCopy()
	next := conclude(incident, now)
	if err := r.writeStatus(ctx, before, incident); err != nil {
		return loop.Again(err)
	}
	silent, err := r.tellSilence(ctx, incident, now)
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: loop.Soonest(now, next, silent)}, nil
}

// writeStatus patches the status, if it changed, and then tells what is new in it. The resourceVersion makes it a
// conflict if the Incident is no longer the one that was judged.
func (r *Reconciler) writeStatus(ctx context.Context, before, incident *v1alpha1.Incident) error {
	if equality.Semantic.DeepEqual(before.Status, incident.Status) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, incident.DeepCopy(), patch); err != nil {
		return fmt.Errorf("patch status: %w", err)
	}
	announceIncident(r.Recorder, incident, before.Status)
	return nil
}

// tellSilence tells the inbox of a silence that is over, and says when to look again (zero: never). A source that is
// gone or being deleted resolves nothing, nor does a suspended one: what it heard was not recorded.
func (r *Reconciler) tellSilence(ctx context.Context, incident *v1alpha1.Incident, now time.Time) (time.Time, error) {
	key := client.ObjectKey{Namespace: incident.Namespace, Name: incident.Spec.SourceRef.Name}
	source := &v1alpha1.AlertSource{}
	if err := r.Client.Get(ctx, key, source); err != nil {
		return time.Time{}, client.IgnoreNotFound(err)
	}
	if source.DeletionTimestamp != nil || source.Spec.Suspend {
		return time.Time{}, nil
	}
	due := lifecycle.SilentAt(&incident.Spec, source.Spec.Incidents.AutoResolveAfter.Duration)
	if due.IsZero() || due.After(now) {
		return due, nil
	}
	if err := r.Silence.RecordSilence(ctx, key, incident.Spec.AlertKey); err != nil {
		return time.Time{}, fmt.Errorf("record silence: %w", err)
	}
	return now.Add(silenceRetry), nil
}

// SetupWithManager registers the controller "incident". Its own status writes do not wake it.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("incident").WithOptions(loop.ControllerOptions()).
		For(&v1alpha1.Incident{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.AlertSource{}, handler.EnqueueRequestsFromMapFunc(r.unresolvedOf),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up controller incident: %w", err)
	}
	return nil
}

// unresolvedOf are the Incidents for which a change of their source's autoResolveAfter matters.
func (r *Reconciler) unresolvedOf(ctx context.Context, source client.Object) []reconcile.Request {
	incidents, err := loop.Incidents(ctx, r.Client, client.ObjectKeyFromObject(source))
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing the incidents of a changed source")
		return nil
	}
	var requests []reconcile.Request
	for i := range incidents {
		if loop.IsUnresolved(&incidents[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&incidents[i])})
		}
	}
	return requests
}
