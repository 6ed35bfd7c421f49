// Package channel is the controller of NotificationChannels: it says in conditions whether a channel can send, and has one
// send a test message when that is asked for.
package channel

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
)

const (
	// resync is how soon a channel's Secrets are looked at again, of which no watch tells.
	resync = 5 * time.Minute
	// healing is how soon those of a channel are that is not ready.
	healing = 15 * time.Second
)

// Reconciler says whether a channel can send, and sends test messages.
type Reconciler struct {
	// Client reads channels from the cache and writes their status.
	Client client.Client
	// APIReader reads live: Secrets, and a channel that asks for a test.
	APIReader client.Reader
	// Recorder takes the Events.
	Recorder events.EventRecorder
	// Office makes targets.
	Office *notify.Office
	// Health is what the sends tell of the channels.
	Health *Health
	// Clock says what time it is.
	Clock clock.PassiveClock
}

// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups=itoc360.io,resources=notificationchannels,verbs=get;list;watch
// +kubebuilder:rbac:groups=itoc360.io,resources=notificationchannels/status,verbs=patch

// Reconcile brings one channel's status up to date, after a test message if one is asked for.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	channel := &v1alpha1.NotificationChannel{}
	err := r.Client.Get(ctx, request.NamespacedName, channel)
	if err == nil && asksForTest(channel) {
		// The cache may not know yet that the message was sent.
		channel = &v1alpha1.NotificationChannel{}
		err = r.APIReader.Get(ctx, request.NamespacedName, channel)
	}
	if apierrors.IsNotFound(err) {
		r.Health.forget(request.NamespacedName)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("get channel: %w", err)
	}
	if channel.DeletionTimestamp != nil {
		return r.letGo(ctx, channel)
	}
	if err := r.hold(ctx, channel); err != nil {
		return loop.Again(err)
	}
	target, failure, err := Target(ctx, r.APIReader, r.Office, channel)
	if err != nil {
		return ctrl.Result{}, err
	}
	template, problem := notify.Compile(channel.Spec.Template)
	before := channel.DeepCopy()
	if asksForTest(channel) {
		r.test(ctx, channel, target, template, failure)
	}
	judged := judge(before, failure, problem, r.Health)
	channel.Status.ObservedGeneration = channel.Generation
	channel.Status.Conditions = loop.Conditions(before.Status.Conditions, judged, channel.Generation, r.Clock.Now())
	if err := r.writeStatus(ctx, before, channel); err != nil {
		return loop.Again(err)
	}
	if judged.Status != metav1.ConditionTrue {
		return ctrl.Result{RequeueAfter: healing}, nil
	}
	return ctrl.Result{RequeueAfter: resync}, nil
}

// writeStatus patches the status, if it changed, and then tells what is new in it.
func (r *Reconciler) writeStatus(ctx context.Context, before, channel *v1alpha1.NotificationChannel) error {
	if equality.Semantic.DeepEqual(before.Status, channel.Status) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Status().Patch(ctx, channel.DeepCopy(), patch); err != nil {
		return fmt.Errorf("patch status: %w", err)
	}
	r.announce(before, channel)
	return nil
}

// judge is the Ready condition of a channel, without times. What the last send told holds until the next one, or until the
// channel is changed; after a restart that is what the status says.
func judge(channel *v1alpha1.NotificationChannel, failure *lifecycle.Failure, problem error, health *Health) metav1.Condition {
	ready := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonUnauthorized,
	}
	trouble, known := health.of(client.ObjectKeyFromObject(channel))
	was := loop.ConditionOf(channel.Status.Conditions, v1alpha1.ConditionReady)
	isSame := was.ObservedGeneration == channel.Generation
	switch {
	case failure != nil:
		ready.Reason, ready.Message = failure.Reason, failure.Message
	case known && trouble != "":
		ready.Message = trouble
	case !known && isSame && was.Reason == v1alpha1.ReasonUnauthorized:
		ready.Message = was.Message
	case problem != nil:
		ready.Reason = v1alpha1.ReasonTemplateInvalid
		ready.Message = "Messages have the default text: " + problem.Error()
	default:
		ready.Status, ready.Reason = metav1.ConditionTrue, v1alpha1.ReasonUsable
		ready.Message = "Messages can be sent; the annotation " + v1alpha1.AnnotationTest + " has one sent as a test"
	}
	return ready
}

// SetupWithManager registers the controller "channel". Its own status writes do not wake it.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("channel").WithOptions(loop.ControllerOptions()).
		For(&v1alpha1.NotificationChannel{},
			builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		WatchesRawSource(source.Func(r.Health.Start)).
		Complete(loop.ReportPanics(r, mgr.GetClient(), r.Recorder, &v1alpha1.NotificationChannel{}))
	if err != nil {
		return fmt.Errorf("set up controller channel: %w", err)
	}
	return nil
}
