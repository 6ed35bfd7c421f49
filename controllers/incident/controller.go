// Package incident is the controller of Incidents: it writes what lifecycle.Fold concludes, tells the inbox of silence that
// is over, and deletes what has outlived its source's retention.
package incident

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// silenceSlack is how much longer than it must a silence lasts before the inbox is told: repeats may wait for up to 12 s on the
// disk of another replica until they are recorded.
const silenceSlack = 15 * time.Second

// inboxRetry is how soon the inbox is told again what changed nothing, because it knew less, or more.
const inboxRetry = time.Minute

// Reconciler writes the status that lifecycle.Fold concludes from an Incident's spec, adds to its ledger what
// lifecycle.Escalate finds due, tells of both in Events, and tells the inbox what time alone has brought about.
type Reconciler struct {
	// Client reads from the cache and writes.
	Client client.Client
	// Recorder takes the Events.
	Recorder events.EventRecorder
	// Clock says what time it is.
	Clock clock.PassiveClock
	// Inbox takes what time alone has brought about.
	Inbox Inbox
	// Dispatcher has channels told what is pending.
	Dispatcher Dispatcher
	// Intake goes first; nil for none.
	Intake loop.Intake
}

// +kubebuilder:rbac:groups=itoc360.io,resources=incidents,verbs=get;list;watch
// +kubebuilder:rbac:groups=itoc360.io,resources=incidents/status,verbs=patch

// Reconcile brings one Incident's status up to date.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	incident, source, err := r.read(ctx, request)
	if err == nil && loop.Yield(ctx, r.Intake, patience(incident, source)) {
		incident, source, err = r.read(ctx, request)
	}
	if err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if lifecycle.IsStub(incident) || (incident.DeletionTimestamp != nil && !isHeld(incident)) {
		return ctrl.Result{}, nil
	}
	// The precision of the API's times: what is written must compare equal to what is read back.
	now := r.Clock.Now().Truncate(time.Microsecond)
	plan, err := r.planOf(ctx, incident, source)
	if err != nil {
		return ctrl.Result{}, err
	}
	before := incident.DeepCopy()
	next := conclude(incident, plan, now)
	if err := r.hold(ctx, before, incident); err != nil {
		return loop.Again(err)
	}
	if err := r.writeStatus(ctx, before, incident); err != nil {
		return loop.Again(err)
	}
	r.dispatch(incident)
	again, err := r.letGo(ctx, incident, plan.Closing, now)
	if err != nil {
		return loop.Again(err)
	}
	if incident.DeletionTimestamp != nil {
		return ctrl.Result{RequeueAfter: loop.Soonest(now, next, again)}, nil
	}
	silent, err := r.tellSilence(ctx, incident, source, now)
	if err != nil {
		return ctrl.Result{}, err
	}
	timeout, err := r.tellTimeout(ctx, incident, source, plan, now)
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: loop.Soonest(now, next, silent, timeout, again)}, nil
}

// read reads an Incident, and its source, which is nil if it is not there.
func (r *Reconciler) read(ctx context.Context, request ctrl.Request) (*v1alpha1.Incident, *v1alpha1.AlertSource, error) {
	incident := &v1alpha1.Incident{}
	if err := r.Client.Get(ctx, request.NamespacedName, incident); err != nil {
		return nil, nil, err
	}
	source, err := r.sourceOf(ctx, incident)
	return incident, source, err
}

// patience is how long an Incident's status may wait.
func patience(incident *v1alpha1.Incident, source *v1alpha1.AlertSource) time.Duration {
	if isPaging := source != nil && source.Spec.EscalationPolicyRef != nil && !incident.Spec.Test; isPaging || isHeld(incident) {
		return loop.Paging
	}
	return loop.Bookkeeping
}

// sourceOf is an Incident's source, nil if it is not there.
func (r *Reconciler) sourceOf(ctx context.Context, incident *v1alpha1.Incident) (*v1alpha1.AlertSource, error) {
	source := &v1alpha1.AlertSource{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: incident.Namespace, Name: incident.Spec.SourceRef.Name}, source)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get source: %w", err)
	}
	return source, nil
}

// writeStatus patches the status, if it changed, and then tells what is new in it. The resourceVersion makes it a
// conflict if the Incident is no longer the one that was judged.
func (r *Reconciler) writeStatus(ctx context.Context, before, incident *v1alpha1.Incident) error {
	if equality.Semantic.DeepEqual(before.Status, incident.Status) {
		return nil
	}
	written, err := loop.PatchStatus(ctx, r.Client, before, incident)
	if err != nil {
		return err
	}
	incident.ResourceVersion = written.ResourceVersion
	announceIncident(r.Recorder, incident, before.Status)
	return nil
}

// tellSilence tells the inbox of a silence that is over, and says when to look again (zero: never). A source that is
// gone or being deleted resolves nothing, nor does a suspended one: what it heard was not recorded.
func (r *Reconciler) tellSilence(
	ctx context.Context, incident *v1alpha1.Incident, source *v1alpha1.AlertSource, now time.Time,
) (time.Time, error) {
	if source == nil || source.DeletionTimestamp != nil || source.Spec.Suspend {
		return time.Time{}, nil
	}
	due := lifecycle.SilentAt(&incident.Spec, source.Spec.Incidents.AutoResolveAfter.Duration)
	if due.IsZero() {
		return due, nil
	}
	if due = due.Add(silenceSlack); due.After(now) {
		return due, nil
	}
	if err := r.Inbox.RecordSilence(ctx, client.ObjectKeyFromObject(source), incident.Spec.AlertKey); err != nil {
		return time.Time{}, fmt.Errorf("record silence: %w", err)
	}
	return now.Add(inboxRetry), nil
}

// SetupWithManager registers the controller "incident". Its own status writes do not wake it; what became of a send does.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("incident").WithOptions(loop.ControllerOptions()).
		For(&v1alpha1.Incident{}, builder.WithPredicates(
			whole(), predicate.Or(predicate.GenerationChangedPredicate{}, outcomeChanged()))).
		Watches(&v1alpha1.AlertSource{}, handler.EnqueueRequestsFromMapFunc(r.ofSource),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.EscalationPolicy{}, handler.EnqueueRequestsFromMapFunc(r.ofPolicy),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.OnCallSchedule{}, handler.EnqueueRequestsFromMapFunc(r.ofSchedule),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.NotificationChannel{}, handler.EnqueueRequestsFromMapFunc(r.ofChannel),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(loop.ReportPanics(r, mgr.GetClient(), r.Recorder, &v1alpha1.Incident{}))
	if err != nil {
		return fmt.Errorf("set up controller incident: %w", err)
	}
	return nil
}
