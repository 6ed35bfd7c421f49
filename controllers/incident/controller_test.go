package incident

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

func TestAnIncidentIsOpenedAndResolvedBySentry(t *testing.T) {
	test := newIncidents(t, func(*v1alpha1.AlertSource) {})
	incident := test.create(1, opened(0))
	if incident.Status.State != v1alpha1.StateOpen || incident.Status.ObservedGeneration != -1 {
		t.Errorf("right after its Create the status is %+v", incident.Status)
	}
	if result := test.reconcile(incident); result != (ctrl.Result{}) {
		t.Errorf("an open Incident gives %+v", result)
	}
	test.expect(incident, v1alpha1.StateOpen, v1alpha1.ReasonNotAcknowledged, v1alpha1.ReasonUnresolved)
	testbed.ExpectEvents(t, test.recorder, "Normal Opened")
	test.hear(incident, resolved(30*time.Second))
	test.reconcile(incident)
	test.expect(incident, v1alpha1.StateResolved, v1alpha1.ReasonNotAcknowledged, v1alpha1.ReasonResolvedBySentry)
	cycle := incident.Status.Cycles[0]
	if !cycle.OpenedAt.Time.Equal(testbed.At(0)) || !cycle.ResolvedAt.Time.Equal(testbed.At(30*time.Second)) {
		t.Errorf("the cycle is %+v", cycle)
	}
	testbed.ExpectEvents(t, test.recorder, "Normal ResolvedBySentry")
}

func TestAnIncidentSeenLateHasAllItsEventsInOrder(t *testing.T) {
	test := newIncidents(t, nil)
	incident := test.create(1, opened(0), acknowledged(time.Second), resolved(2*time.Second), reopened(3*time.Second))
	test.reconcile(incident)
	test.expect(incident, v1alpha1.StateOpen, v1alpha1.ReasonNotAcknowledged, v1alpha1.ReasonUnresolved)
	testbed.ExpectEvents(t, test.recorder, "Normal Opened", "Normal Acknowledged", "Normal ResolvedBySentry", "Normal Reopened")
	test.hear(incident, resolved(4*time.Second))
	test.reconcile(incident)
	if len(incident.Status.Cycles) != 2 {
		t.Errorf("cycles are %+v", incident.Status.Cycles)
	}
	testbed.ExpectEvents(t, test.recorder, "Normal ResolvedBySentry")
}

func TestAnAcknowledgementBySentryHoldsUntilItIsWithdrawn(t *testing.T) {
	test := newIncidents(t, nil)
	incident := test.create(1, opened(0), acknowledged(time.Second))
	test.reconcile(incident)
	test.expect(incident, v1alpha1.StateAcknowledged, v1alpha1.ReasonAcknowledged, v1alpha1.ReasonUnresolved)
	test.hear(incident, withdrawn(2*time.Second))
	testbed.Recorded(test.recorder)
	test.reconcile(incident)
	test.expect(incident, v1alpha1.StateOpen, v1alpha1.ReasonNotAcknowledged, v1alpha1.ReasonUnresolved)
	testbed.ExpectEvents(t, test.recorder, "Normal AcknowledgementWithdrawn")
}

func TestAnUnchangedIncidentIsNeitherWrittenNorTold(t *testing.T) {
	test := newIncidents(t, nil)
	odd := 123456 * time.Microsecond
	incident := test.create(1, opened(odd), acknowledged(odd+time.Second))
	writes := 0
	test.reconciler.Client = interceptor.NewClient(control.Client(t), interceptor.Funcs{SubResourcePatch: func(
		ctx context.Context, c client.Client, subResource string, object client.Object, patch client.Patch,
		options ...client.SubResourcePatchOption,
	) error {
		writes++
		return c.SubResource(subResource).Patch(ctx, object, patch, options...)
	}})
	test.reconcile(incident)
	testbed.Recorded(test.recorder)
	test.clock.SetTime(testbed.At(time.Hour + 789*time.Nanosecond))
	test.reconcile(incident)
	if writes != 1 {
		t.Errorf("the status was written %d times, want once: %+v", writes, incident.Status)
	}
	testbed.ExpectEvents(t, test.recorder)
}

func TestAResponderAcknowledgesAndResolves(t *testing.T) {
	test := newIncidents(t, nil)
	incident := test.create(1, opened(0))
	test.reconcile(incident)
	response := v1alpha1.Response{AcknowledgedBy: "alice", AcknowledgedAt: testbed.TimeAt(10 * time.Second)}
	test.respond(incident, response)
	test.reconcile(incident)
	test.expect(incident, v1alpha1.StateAcknowledged, v1alpha1.ReasonAcknowledged, v1alpha1.ReasonUnresolved)
	response.ResolvedBy, response.ResolvedAt = "bob", testbed.TimeAt(20*time.Second)
	test.respond(incident, response)
	test.reconcile(incident)
	test.expect(incident, v1alpha1.StateResolved, v1alpha1.ReasonAcknowledged, v1alpha1.ReasonResolvedByHand)
	if cycle := incident.Status.Cycles[0]; cycle.ResolvedBy != "bob" || !cycle.ResolvedAt.Time.Equal(testbed.At(20*time.Second)) {
		t.Errorf("the cycle is %+v", cycle)
	}
	testbed.ExpectEvents(t, test.recorder, "Normal Opened", "Normal Acknowledged", "Normal ResolvedByHand Resolved by bob")
}

func TestASnoozeEndsByItself(t *testing.T) {
	test := newIncidents(t, nil)
	incident := test.create(1, opened(0))
	test.reconcile(incident)
	test.respond(incident, v1alpha1.Response{SnoozedBy: "alice", SnoozedUntil: testbed.TimeAt(time.Hour)})
	if result := test.reconcile(incident); result.RequeueAfter != 59*time.Minute {
		t.Errorf("a snooze that ends in 59m gives %+v", result)
	}
	test.expect(incident, v1alpha1.StateSnoozed, v1alpha1.ReasonNotAcknowledged, v1alpha1.ReasonUnresolved)
	test.clock.SetTime(testbed.At(time.Hour))
	if result := test.reconcile(incident); result != (ctrl.Result{}) {
		t.Errorf("a snooze that is over gives %+v", result)
	}
	test.expect(incident, v1alpha1.StateOpen, v1alpha1.ReasonNotAcknowledged, v1alpha1.ReasonUnresolved)
	testbed.ExpectEvents(t, test.recorder, "Normal Opened", "Normal Snoozed", "Normal SnoozeEnded")
}

func TestAResponseAheadOfNowCountsAsOfItsFirstLook(t *testing.T) {
	test := newIncidents(t, nil)
	incident := test.create(1, opened(0))
	test.respond(incident, v1alpha1.Response{
		AcknowledgedBy: "alice", AcknowledgedAt: testbed.TimeAt(time.Hour), ResolvedBy: "alice", ResolvedAt: testbed.TimeAt(time.Hour),
	})
	test.reconcile(incident)
	before := incident.ResourceVersion
	for _, later := range []time.Duration{2 * time.Minute, 2 * time.Hour} {
		test.clock.SetTime(testbed.At(later))
		test.reconcile(incident)
	}
	if incident.ResourceVersion != before {
		t.Errorf("the status moved with the clock: %+v", incident.Status)
	}
	cycle, firstLook := incident.Status.Cycles[0], testbed.At(time.Minute)
	if !cycle.ResolvedAt.Time.Equal(firstLook) || !cycle.AcknowledgedAt.Time.Equal(firstLook) {
		t.Errorf("the cycle is %+v", cycle)
	}
}

func TestATestNotificationIsToldAsSuch(t *testing.T) {
	test := newIncidents(t, nil)
	incident := test.create(1, opened(0))
	test.update(incident, func(spec *v1alpha1.IncidentSpec) { spec.Test = true })
	test.reconcile(incident)
	testbed.ExpectEvents(t, test.recorder, "Normal TestNotification")
}

func TestAConflictIsRepeatedWithoutError(t *testing.T) {
	test := newIncidents(t, nil)
	incident := test.create(1, opened(0))
	stale := incident.DeepCopy()
	test.hear(incident, resolved(time.Second))
	concluded := stale.DeepCopy()
	conclude(concluded, lifecycle.Plan{}, testbed.At(time.Minute))
	err := test.reconciler.writeStatus(t.Context(), stale, concluded)
	if result, err := loop.Again(err); err != nil || result.RequeueAfter != loop.Soon {
		t.Errorf("a conflict gives %+v, %v", result, err)
	}
	testbed.ExpectEvents(t, test.recorder)
}

func autoResolve(after time.Duration) func(*v1alpha1.AlertSource) {
	return func(source *v1alpha1.AlertSource) {
		source.Spec.Incidents.AutoResolveAfter = metav1.Duration{Duration: after}
	}
}

func TestASilenceIsToldWhenItIsDue(t *testing.T) {
	test := newIncidents(t, autoResolve(10*time.Minute))
	incident := test.create(1, opened(0))
	if result := test.reconcile(incident); result.RequeueAfter != 9*time.Minute+silenceSlack {
		t.Errorf("a silence due in 9m, and some seconds for what other replicas hold, gives %+v", result)
	}
	if len(test.inbox.told) != 0 {
		t.Errorf("told %q too early", test.inbox.told)
	}
	test.clock.SetTime(testbed.At(10*time.Minute + silenceSlack))
	if result := test.reconcile(incident); result.RequeueAfter != inboxRetry {
		t.Errorf("a silence just told gives %+v", result)
	}
	if !slices.Equal(test.inbox.told, []string{"payments issue/42"}) {
		t.Errorf("told %q", test.inbox.told)
	}
	test.inbox.err = errInboxFull
	_, err := test.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(incident)})
	if !errors.Is(err, errInboxFull) {
		t.Errorf("a silence that was not taken gives %v", err)
	}
}

func TestASilenceThatResolvedIsToldNoMore(t *testing.T) {
	test := newIncidents(t, autoResolve(10*time.Minute))
	silence := resolved(0)
	silence.Action, silence.By, silence.ReceivedAt = "silence", v1alpha1.ByOperator, testbed.MicroAt(10*time.Minute)
	incident := test.create(1, opened(0), silence)
	test.clock.SetTime(testbed.At(time.Hour))
	if result := test.reconcile(incident); result != (ctrl.Result{}) || len(test.inbox.told) != 0 {
		t.Errorf("a resolved Incident gives %+v, told %q", result, test.inbox.told)
	}
	test.expect(incident, v1alpha1.StateResolved, v1alpha1.ReasonNotAcknowledged, v1alpha1.ReasonResolvedAfterSilence)
}

func TestNoSilenceIsToldOfASourceThat(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.AlertSource){
		"is gone":       nil,
		"asks for none": autoResolve(0),
		"is suspended":  func(source *v1alpha1.AlertSource) { autoResolve(time.Hour)(source); source.Spec.Suspend = true },
		"is being deleted": func(source *v1alpha1.AlertSource) {
			autoResolve(time.Hour)(source)
			source.Finalizers = []string{"example.com/wait"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			test := newIncidents(t, change)
			if name == "is being deleted" {
				source := testbed.NewAlertSource(test.source)
				testbed.Must(t, control.Client(t).Delete(t.Context(), source))
			}
			incident := test.create(1, opened(0))
			test.clock.SetTime(testbed.At(24 * time.Hour))
			if result := test.reconcile(incident); result != (ctrl.Result{}) || len(test.inbox.told) != 0 {
				t.Errorf("gives %+v, told %q", result, test.inbox.told)
			}
			test.expect(incident, v1alpha1.StateOpen, v1alpha1.ReasonNotAcknowledged, v1alpha1.ReasonUnresolved)
		})
	}
}

func TestAChangedSourceWakesItsUnresolvedIncidents(t *testing.T) {
	test := newIncidents(t, func(*v1alpha1.AlertSource) {})
	open := test.create(1, opened(0))
	test.createFor(v1alpha1.MetricKey("7"), 1, opened(0), resolved(time.Second))
	test.reconcileAll()
	woken := test.reconciler.ofSource(t.Context(), testbed.NewAlertSource(test.source))
	if len(woken) != 1 || woken[0].NamespacedName != client.ObjectKeyFromObject(open) {
		t.Errorf("woken are %v", woken)
	}
}
