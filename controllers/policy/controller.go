// Package policy is the controller of EscalationPolicies: it says in conditions whether a policy's channels can send, and
// whether its schedules name somebody.
package policy

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
)

// Reconciler says whether a policy's channels can send.
type Reconciler struct {
	// Client reads from the cache and writes the status.
	Client client.Client
	// Recorder takes the Events.
	Recorder events.EventRecorder
	// Clock tells the time of transitions.
	Clock clock.PassiveClock
}

// +kubebuilder:rbac:groups=itoc360.io,resources=escalationpolicies;notificationchannels;oncallschedules,verbs=get;list;watch
// +kubebuilder:rbac:groups=itoc360.io,resources=escalationpolicies/status,verbs=patch

// Reconcile brings one policy's status up to date.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	policy := &v1alpha1.EscalationPolicy{}
	if err := r.Client.Get(ctx, request.NamespacedName, policy); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if policy.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	ready, err := r.judge(ctx, policy)
	if err != nil {
		return ctrl.Result{}, err
	}
	before := policy.DeepCopy()
	policy.Status.ObservedGeneration = policy.Generation
	policy.Status.Conditions = loop.Conditions(before.Status.Conditions, ready, policy.Generation, r.Clock.Now())
	if equality.Semantic.DeepEqual(before.Status, policy.Status) {
		return ctrl.Result{}, nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, policy.DeepCopy(), patch); err != nil {
		return loop.Again(fmt.Errorf("patch status: %w", err))
	}
	loop.AnnounceReady(r.Recorder, policy, loop.ConditionOf(before.Status.Conditions, v1alpha1.ConditionReady), ready)
	return ctrl.Result{}, nil
}

// judge is the Ready condition of a policy, without times.
func (r *Reconciler) judge(ctx context.Context, policy *v1alpha1.EscalationPolicy) (metav1.Condition, error) {
	ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse}
	obstacle, err := loop.ChannelsReady(ctx, r.Client, policy.Namespace, loop.ChannelsOf(policy.Spec))
	if err == nil && obstacle.Reason == "" {
		obstacle, err = r.schedulesReady(ctx, policy)
	}
	switch {
	case err != nil:
		return ready, err
	case obstacle.Reason != "":
		ready.Reason, ready.Message = obstacle.Reason, obstacle.Message
	default:
		ready.Status, ready.Reason, ready.Message = metav1.ConditionTrue, v1alpha1.ReasonUsable, "All channels are ready"
	}
	return ready, nil
}

// schedulesReady says what is wrong with a policy's schedules; no Reason: nothing.
func (r *Reconciler) schedulesReady(ctx context.Context, policy *v1alpha1.EscalationPolicy) (obstacle metav1.Condition, err error) {
	for _, name := range loop.SchedulesOf(policy.Spec) {
		schedule := &v1alpha1.OnCallSchedule{}
		err := r.Client.Get(ctx, client.ObjectKey{Namespace: policy.Namespace, Name: name}, schedule)
		switch is := loop.ConditionOf(schedule.Status.Conditions, v1alpha1.ConditionReady); {
		case apierrors.IsNotFound(err):
			obstacle.Reason, obstacle.Message = v1alpha1.ReasonScheduleMissing, "This OnCallSchedule is not there: "+name
		case err != nil:
			return obstacle, fmt.Errorf("get schedule %s: %w", name, err)
		case is.Status != metav1.ConditionTrue && obstacle.Reason == "":
			obstacle.Reason, obstacle.Message = v1alpha1.ReasonScheduleNotReady, "This OnCallSchedule is not ready: "+name
		}
	}
	return obstacle, nil
}

// SetupWithManager registers the controller "policy". Its own status writes do not wake it; those of its channels do.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("policy").WithOptions(loop.ControllerOptions()).
		For(&v1alpha1.EscalationPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.NotificationChannel{}, handler.EnqueueRequestsFromMapFunc(r.policiesOf)).
		Watches(&v1alpha1.OnCallSchedule{}, handler.EnqueueRequestsFromMapFunc(r.policiesBy)).
		Complete(loop.ReportPanics(r, mgr.GetClient(), r.Recorder, &v1alpha1.EscalationPolicy{}))
	if err != nil {
		return fmt.Errorf("set up controller policy: %w", err)
	}
	return nil
}

// policiesOf are the policies that name a channel.
func (r *Reconciler) policiesOf(ctx context.Context, channel client.Object) []reconcile.Request {
	policies, err := loop.PoliciesOf(ctx, r.Client, client.ObjectKeyFromObject(channel))
	return loop.RequestsFor(ctx, policies, err)
}

// policiesBy are the policies that name a schedule.
func (r *Reconciler) policiesBy(ctx context.Context, schedule client.Object) []reconcile.Request {
	policies, err := loop.PoliciesBy(ctx, r.Client, client.ObjectKeyFromObject(schedule))
	return loop.RequestsFor(ctx, policies, err)
}
