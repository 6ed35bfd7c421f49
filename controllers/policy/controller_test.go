package policy

import (
	"os"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

var control = testbed.ControlPlane{AddIndexes: loop.AddIndexes}

func TestMain(m *testing.M) { os.Exit(control.Run(m)) }

func TestAPolicyIsReadyWhenItsChannelsAre(t *testing.T) {
	c := control.Client(t)
	name := types.NamespacedName{Namespace: testbed.Namespace(t, c), Name: "payments"}
	channel := func(channel string) types.NamespacedName {
		return types.NamespacedName{Namespace: name.Namespace, Name: channel}
	}
	policy := testbed.NewPolicy(name, testbed.Step("team", 0, "slack", "pager"), testbed.Step("all", 0, "slack"))
	testbed.Must(t, c.Create(t.Context(), policy))
	recorder := events.NewFakeRecorder(100)
	reconciler := &Reconciler{Client: c, Recorder: recorder, Clock: clocktesting.NewFakePassiveClock(testbed.Start)}
	expect := func(status metav1.ConditionStatus, reason, message string, events ...string) {
		t.Helper()
		// A second look changes nothing and tells nothing.
		for range 2 {
			_, err := reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: name})
			testbed.Must(t, err)
		}
		testbed.Must(t, c.Get(t.Context(), name, policy))
		ready := loop.ConditionOf(policy.Status.Conditions, v1alpha1.ConditionReady)
		if ready.Status != status || ready.Reason != reason || ready.Message != message {
			t.Errorf("ready is %+v", ready)
		}
		if policy.Status.ObservedGeneration != policy.Generation || ready.ObservedGeneration != policy.Generation {
			t.Errorf("it speaks of generation %d", policy.Status.ObservedGeneration)
		}
		if beside := loop.ConditionOf(policy.Status.Conditions, v1alpha1.ConditionReconciling).Status; beside == status {
			t.Errorf("reconciling is %s", beside)
		}
		testbed.ExpectEvents(t, recorder, events...)
	}
	expect(metav1.ConditionFalse, v1alpha1.ReasonChannelMissing,
		"These NotificationChannels are not there: slack, pager", "Warning ChannelMissing")
	slack, pager := testbed.NewSlackChannel(channel("slack")), testbed.NewWebhookChannel(channel("pager"))
	testbed.Must(t, c.Create(t.Context(), slack))
	testbed.Must(t, c.Create(t.Context(), pager))
	makeReady(t, c, pager)
	expect(metav1.ConditionFalse, v1alpha1.ReasonChannelNotReady,
		"These NotificationChannels are not ready: slack", "Warning ChannelNotReady")
	makeReady(t, c, slack)
	expect(metav1.ConditionTrue, v1alpha1.ReasonUsable, "All channels are ready", "Normal Usable")
	if requests := reconciler.policiesOf(t.Context(), slack); len(requests) != 1 || requests[0].NamespacedName != name {
		t.Errorf("a channel wakes %v", requests)
	}
	if requests := reconciler.policiesOf(t.Context(), testbed.NewSlackChannel(channel("other"))); len(requests) != 0 {
		t.Errorf("a channel of no policy wakes %v", requests)
	}
}

func makeReady(t *testing.T, c client.Client, channel *v1alpha1.NotificationChannel) {
	t.Helper()
	channel.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonUsable, LastTransitionTime: metav1.Now(),
	}}
	testbed.Must(t, c.Status().Update(t.Context(), channel))
}

func TestAPolicyThatIsGoneIsNoError(t *testing.T) {
	reconciler := &Reconciler{Client: control.Client(t)}
	result, err := reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "a", Name: "b"}})
	if err != nil || result != (ctrl.Result{}) {
		t.Errorf("it gives %+v, %v", result, err)
	}
}

func TestAPolicyIsReadyWhenItsSchedulesAre(t *testing.T) {
	c := control.Client(t)
	name := types.NamespacedName{Namespace: testbed.Namespace(t, c), Name: "payments"}
	testbed.Must(t, c.Create(t.Context(), testbed.NewPolicy(name, testbed.ScheduleStep("on-call", 0, "rota"))))
	reconciler := &Reconciler{Client: c, Recorder: events.NewFakeRecorder(100), Clock: clocktesting.NewFakePassiveClock(testbed.Start)}
	expect := func(reason string) {
		t.Helper()
		_, err := reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: name})
		testbed.Must(t, err)
		policy := &v1alpha1.EscalationPolicy{}
		testbed.Must(t, c.Get(t.Context(), name, policy))
		if ready := loop.ConditionOf(policy.Status.Conditions, v1alpha1.ConditionReady); ready.Reason != reason {
			t.Errorf("ready is %+v, not %s", ready, reason)
		}
	}
	expect(v1alpha1.ReasonScheduleMissing)
	schedule := testbed.NewSchedule(types.NamespacedName{Namespace: name.Namespace, Name: "rota"}, "ada")
	testbed.Must(t, c.Create(t.Context(), schedule))
	expect(v1alpha1.ReasonScheduleNotReady)
	schedule.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonUsable, LastTransitionTime: metav1.Now(),
	}}
	testbed.Must(t, c.Status().Update(t.Context(), schedule))
	expect(v1alpha1.ReasonUsable)
	if requests := reconciler.policiesBy(t.Context(), schedule); len(requests) != 1 || requests[0].NamespacedName != name {
		t.Errorf("the schedule wakes %v", requests)
	}
	ada := testbed.NewSlackChannel(types.NamespacedName{Namespace: name.Namespace, Name: "ada"})
	if requests := reconciler.policiesOf(t.Context(), ada); len(requests) != 1 {
		t.Errorf("the channel of a member wakes %v", requests)
	}
}
