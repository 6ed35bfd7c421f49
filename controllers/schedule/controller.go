// Package schedule is the controller of OnCallSchedules: it says who is on call, until when, and in conditions whether that
// works.
package schedule

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
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

// Reconciler says who is on call by a schedule.
type Reconciler struct {
	// Client reads from the cache and writes the status.
	Client client.Client
	// Recorder takes the Events.
	Recorder events.EventRecorder
	// Clock says what time it is.
	Clock clock.PassiveClock
}

// +kubebuilder:rbac:groups=itoc360.io,resources=oncallschedules;notificationchannels,verbs=get;list;watch
// +kubebuilder:rbac:groups=itoc360.io,resources=oncallschedules/status,verbs=patch

// Reconcile brings one schedule's status up to date, and comes back when somebody else is on call.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	schedule := &v1alpha1.OnCallSchedule{}
	if err := r.Client.Get(ctx, request.NamespacedName, schedule); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if schedule.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	now := r.Clock.Now()
	duty, problem := lifecycle.OnDuty(&schedule.Spec, now)
	ready, err := r.judge(ctx, schedule, duty, problem)
	if err != nil {
		return ctrl.Result{}, err
	}
	before := schedule.DeepCopy()
	schedule.Status.ObservedGeneration = schedule.Generation
	schedule.Status.Conditions = loop.Conditions(before.Status.Conditions, ready, schedule.Generation, now)
	schedule.Status.OnCall, schedule.Status.Until = duty.Member, nil
	if !duty.Until.IsZero() {
		schedule.Status.Until = ptr.To(metav1.NewTime(duty.Until.UTC()).Rfc3339Copy())
	}
	if err := r.writeStatus(ctx, before, schedule, ready); err != nil {
		return loop.Again(err)
	}
	return ctrl.Result{RequeueAfter: loop.Soonest(now, duty.Until)}, nil
}

// writeStatus patches the status, if it changed, and then tells what is new in it.
func (r *Reconciler) writeStatus(ctx context.Context, before, schedule *v1alpha1.OnCallSchedule, ready metav1.Condition) error {
	if equality.Semantic.DeepEqual(before.Status, schedule.Status) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, schedule.DeepCopy(), patch); err != nil {
		return fmt.Errorf("patch status: %w", err)
	}
	was := loop.ConditionOf(before.Status.Conditions, v1alpha1.ConditionReady)
	loop.AnnounceReady(r.Recorder, schedule, was, ready)
	return nil
}

// judge is the Ready condition of a schedule, without times.
func (r *Reconciler) judge(
	ctx context.Context, schedule *v1alpha1.OnCallSchedule, duty lifecycle.Duty, problem error,
) (metav1.Condition, error) {
	ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse}
	var channels []string
	for _, member := range schedule.Spec.Members {
		channels = append(channels, member.ChannelRef.Name)
	}
	obstacle, err := loop.ChannelsReady(ctx, r.Client, schedule.Namespace, channels)
	switch {
	case err != nil:
		return ready, err
	case problem != nil:
		ready.Reason, ready.Message = v1alpha1.ReasonScheduleInvalid, "Nobody is on call: "+problem.Error()
	case obstacle.Reason != "":
		ready.Reason, ready.Message = obstacle.Reason, obstacle.Message
	case duty.Member == "":
		ready.Reason, ready.Message = v1alpha1.ReasonNobodyOnCall, "Nobody is on call; a step that names this schedule waits"
		if !duty.Until.IsZero() {
			ready.Message += " until " + duty.Until.UTC().Format(time.RFC3339)
		}
	default:
		ready.Status, ready.Reason, ready.Message = metav1.ConditionTrue, v1alpha1.ReasonUsable, duty.Member+" is on call"
	}
	return ready, nil
}

// SetupWithManager registers the controller "schedule". Its own status writes do not wake it; those of its channels do.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("schedule").WithOptions(loop.ControllerOptions()).
		For(&v1alpha1.OnCallSchedule{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.NotificationChannel{}, handler.EnqueueRequestsFromMapFunc(r.schedulesOf)).
		Complete(loop.ReportPanics(r, mgr.GetClient(), r.Recorder, &v1alpha1.OnCallSchedule{}))
	if err != nil {
		return fmt.Errorf("set up controller schedule: %w", err)
	}
	return nil
}

// schedulesOf are the schedules with a member whom a channel reaches.
func (r *Reconciler) schedulesOf(ctx context.Context, channel client.Object) []reconcile.Request {
	schedules, err := loop.SchedulesWith(ctx, r.Client, client.ObjectKeyFromObject(channel))
	return loop.RequestsFor(ctx, schedules, err)
}
