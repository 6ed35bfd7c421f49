package schedule

import (
	"os"
	"testing"
	"time"

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

// monday is when the first turn begins.
var monday = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// scheduleTest is the schedule of ada and bob, who take weekly turns, with its reconciler.
type scheduleTest struct {
	*testing.T

	name       types.NamespacedName
	recorder   *events.FakeRecorder
	clock      *clocktesting.FakePassiveClock
	reconciler *Reconciler
}

func newScheduleTest(t *testing.T) *scheduleTest {
	t.Helper()
	c := control.Client(t)
	test := &scheduleTest{
		T: t, name: types.NamespacedName{Namespace: testbed.Namespace(t, c), Name: "payments"},
		recorder: events.NewFakeRecorder(100), clock: clocktesting.NewFakePassiveClock(monday),
	}
	test.reconciler = &Reconciler{Client: c, Recorder: test.recorder, Clock: test.clock}
	testbed.Must(t, c.Create(t.Context(), testbed.NewSchedule(test.name, "ada", "bob")))
	return test
}

// expect reconciles twice, of which the second look changes nothing, and expects who is on call and why it is ready or not.
func (t *scheduleTest) expect(onCall string, next time.Duration, status metav1.ConditionStatus, reason, message string, events ...string) {
	t.Helper()
	for range 2 {
		result, err := t.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: t.name})
		testbed.Must(t.T, err)
		if result.RequeueAfter != next {
			t.Errorf("the next look is after %s, not %s", result.RequeueAfter, next)
		}
	}
	schedule := &v1alpha1.OnCallSchedule{}
	testbed.Must(t.T, control.Client(t).Get(t.Context(), t.name, schedule))
	ready := loop.ConditionOf(schedule.Status.Conditions, v1alpha1.ConditionReady)
	if ready.Status != status || ready.Reason != reason || ready.Message != message || ready.ObservedGeneration != schedule.Generation {
		t.Errorf("ready is %+v", ready)
	}
	until := time.Duration(0)
	if schedule.Status.Until != nil {
		until = schedule.Status.Until.Sub(t.clock.Now())
	}
	if schedule.Status.OnCall != onCall || until != next {
		t.Errorf("on call is %+v", schedule.Status)
	}
	isStalled := reason == v1alpha1.ReasonScheduleInvalid
	stalled := loop.ConditionOf(schedule.Status.Conditions, v1alpha1.ConditionStalled)
	if (stalled.Status == metav1.ConditionTrue) != isStalled {
		t.Errorf("stalled is %+v", stalled)
	}
	testbed.ExpectEvents(t, t.recorder, events...)
}

func (t *scheduleTest) createChannels(names ...string) {
	t.Helper()
	for _, name := range names {
		channel := testbed.NewSlackChannel(types.NamespacedName{Namespace: t.name.Namespace, Name: name})
		testbed.Must(t.T, control.Client(t).Create(t.Context(), channel))
		channel.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonUsable, LastTransitionTime: metav1.Now(),
		}}
		testbed.Must(t.T, control.Client(t).Status().Update(t.Context(), channel))
	}
}

func TestAScheduleSaysWhoIsOnCall(t *testing.T) {
	const week = 7 * 24 * time.Hour
	test := newScheduleTest(t)
	test.expect("ada", week, metav1.ConditionFalse, v1alpha1.ReasonChannelMissing,
		"These NotificationChannels are not there: ada, bob", "Warning ChannelMissing")
	test.createChannels("ada", "bob")
	test.expect("ada", week, metav1.ConditionTrue, v1alpha1.ReasonUsable, "ada is on call", "Normal Usable ada is on call")
	test.clock.SetTime(monday.Add(week))
	test.expect("bob", week, metav1.ConditionTrue, v1alpha1.ReasonUsable, "bob is on call", "Normal Usable bob is on call")
	test.clock.SetTime(monday.Add(-time.Hour))
	test.expect("", time.Hour, metav1.ConditionFalse, v1alpha1.ReasonNobodyOnCall,
		"Nobody is on call; a step that names this schedule waits until 2026-01-05T09:00:00Z", "Warning NobodyOnCall")
}

func TestAScheduleInNoTimeZoneIsStalled(t *testing.T) {
	test := newScheduleTest(t)
	test.createChannels("ada", "bob")
	schedule := &v1alpha1.OnCallSchedule{}
	testbed.Must(t, control.Client(t).Get(t.Context(), test.name, schedule))
	schedule.Spec.TimeZone = "Europe/Atlantis"
	testbed.Must(t, control.Client(t).Update(t.Context(), schedule))
	test.expect("", 0, metav1.ConditionFalse, v1alpha1.ReasonScheduleInvalid,
		`Nobody is on call: the IANA database has no time zone "Europe/Atlantis"`, "Warning ScheduleInvalid")
}

func TestAChannelWakesTheSchedulesOfThoseWhomItReaches(t *testing.T) {
	test := newScheduleTest(t)
	for name, want := range map[string]int{"bob": 1, "eve": 0} {
		channel := testbed.NewSlackChannel(client.ObjectKey{Namespace: test.name.Namespace, Name: name})
		if requests := test.reconciler.schedulesOf(t.Context(), channel); len(requests) != want {
			t.Errorf("%s wakes %v", name, requests)
		}
	}
}

func TestAScheduleThatIsGoneIsNoError(t *testing.T) {
	reconciler := &Reconciler{Client: control.Client(t)}
	result, err := reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "a", Name: "b"}})
	if err != nil || result != (ctrl.Result{}) {
		t.Errorf("it gives %+v, %v", result, err)
	}
}
