package incident

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// newPaged begins a test of Incidents whose source pages slack at once, and pager after ten minutes.
func newPaged(t *testing.T) *incidentTest {
	t.Helper()
	test := newIncidents(t, func(source *v1alpha1.AlertSource) {
		source.Spec.EscalationPolicyRef = &v1alpha1.PolicyReference{Name: "payments"}
	})
	test.clock.SetTime(testbed.Start)
	for _, channel := range []string{"slack", "pager"} {
		testbed.Must(t, control.Client(t).Create(t.Context(), testbed.NewSlackChannel(test.named(channel))))
	}
	testbed.Must(t, control.Client(t).Create(t.Context(), usualPolicy(test)))
	return test
}

func usualPolicy(test *incidentTest) *v1alpha1.EscalationPolicy {
	policy := testbed.NewPolicy(test.named("payments"), testbed.Step("team", 0, "slack"), testbed.Step("on-call", 10*time.Minute, "pager"))
	policy.Spec.AckTimeout.Duration = time.Hour
	return policy
}

func (t *incidentTest) named(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: t.source.Namespace, Name: name}
}

// expectSends expects which channels are to be told, since the last time it was asked.
func (t *incidentTest) expectSends(want ...string) {
	t.Helper()
	if got := strings.Join(t.dispatcher.channels, " "); got != strings.Join(want, " ") {
		t.Errorf("%q are to be told, not %q", got, want)
	}
	t.dispatcher.channels = nil
}

// take writes into the ledger that everything pending was taken.
func (t *incidentTest) take(incident *v1alpha1.Incident) {
	t.Helper()
	for i := range incident.Status.Notifications {
		if entry := &incident.Status.Notifications[i]; entry.State == v1alpha1.NotificationPending {
			entry.State, entry.ClosedAt = v1alpha1.NotificationSent, ptr.To(metav1.NewMicroTime(t.clock.Now()))
		}
	}
	testbed.Must(t.T, control.Client(t.T).Status().Update(t.Context(), incident))
}

func (t *incidentTest) expectNotified(incident *v1alpha1.Incident, reason string) {
	t.Helper()
	notified := notifiedOf(incident.Status)
	isTrue := notified.Status == metav1.ConditionTrue
	if notified.Reason != reason || isTrue != (reason == v1alpha1.ReasonNotified) || notified.ObservedGeneration != incident.Generation {
		t.Errorf("notified is %+v", notified)
	}
}

func TestAnIncidentPagesStepByStep(t *testing.T) {
	test := newPaged(t)
	incident := test.create(1, opened(0))
	if result := test.reconcile(incident); result.RequeueAfter != 10*time.Minute {
		t.Errorf("the next look is after %s", result.RequeueAfter)
	}
	test.expectSends("slack")
	test.expectNotified(incident, v1alpha1.ReasonSending)
	test.take(incident)
	test.reconcile(incident)
	test.expectNotified(incident, v1alpha1.ReasonNotified)
	testbed.ExpectEvents(t, test.recorder, "Normal Opened", "Normal Notified Paged through slack")
	test.expectSends()
	test.clock.SetTime(testbed.At(10 * time.Minute))
	test.reconcile(incident)
	test.expectSends("pager")
	if run := incident.Status.Escalation; run.Run != 1 || !run.StartedAt.Time.Equal(testbed.Start) {
		t.Errorf("the run is %+v", run)
	}
	test.respond(incident, v1alpha1.Response{AcknowledgedBy: "alice", AcknowledgedAt: testbed.TimeAt(10 * time.Minute)})
	if result := test.reconcile(incident); result.RequeueAfter != time.Hour {
		t.Errorf("an acknowledgement is looked at again after %s", result.RequeueAfter)
	}
	test.expectSends("slack")
	test.clock.SetTime(testbed.At(70 * time.Minute))
	test.reconcile(incident)
	if told := strings.Join(test.inbox.told, ", "); told != "payments issue/42 acknowledged at 10m0s" {
		t.Errorf("the inbox is told %q", told)
	}
}

func TestTheTimeOfATransitionStays(t *testing.T) {
	test := newPaged(t)
	incident := test.create(1, opened(0))
	test.reconcile(incident)
	test.clock.SetTime(testbed.At(5 * time.Minute))
	test.hear(incident, opened(5*time.Minute))
	test.reconcile(incident)
	if at := notifiedOf(incident.Status).LastTransitionTime; !at.Time.Equal(testbed.Start) {
		t.Errorf("the transition was at %s", at)
	}
}

func TestWhatKeepsPeopleFromBeingPagedIsToldOnce(t *testing.T) {
	test := newPaged(t)
	policy := usualPolicy(test)
	testbed.Must(t, control.Client(t).Delete(t.Context(), policy))
	incident := test.create(1, opened(0))
	test.reconcile(incident)
	test.reconcile(incident)
	test.expectNotified(incident, v1alpha1.ReasonPolicyMissing)
	testbed.ExpectEvents(t, test.recorder, "Normal Opened", "Warning PolicyMissing")
	testbed.Must(t, control.Client(t).Create(t.Context(), usualPolicy(test)))
	testbed.Must(t, control.Client(t).Delete(t.Context(), testbed.NewSlackChannel(test.named("slack"))))
	test.reconcile(incident)
	test.expectNotified(incident, v1alpha1.ReasonChannelMissing)
	testbed.ExpectEvents(t, test.recorder, "Warning ChannelMissing")
	testbed.Must(t, control.Client(t).Create(t.Context(), testbed.NewSlackChannel(test.named("slack"))))
	test.reconcile(incident)
	test.expectNotified(incident, v1alpha1.ReasonSending)
}

func TestNobodyIsPagedOf(t *testing.T) {
	for name, c := range map[string]struct {
		source func(*v1alpha1.AlertSource)
		change func(*v1alpha1.IncidentSpec)
		reason string
	}{
		"a source without a policy": {func(*v1alpha1.AlertSource) {}, func(*v1alpha1.IncidentSpec) {}, v1alpha1.ReasonNoPolicy},
		"no source":                 {nil, func(*v1alpha1.IncidentSpec) {}, v1alpha1.ReasonSourceMissing},
		"a test notification":       {nil, func(spec *v1alpha1.IncidentSpec) { spec.Test = true }, v1alpha1.ReasonTest},
		"a restored Incident": {
			nil, func(spec *v1alpha1.IncidentSpec) { spec.RecordedAt = &metav1.Time{Time: time.Now().Add(-time.Hour)} },
			v1alpha1.ReasonSourceMissing,
		},
	} {
		t.Run(name, func(t *testing.T) {
			test := newIncidents(t, c.source)
			incident := test.create(1, opened(0))
			test.update(incident, c.change)
			test.reconcile(incident)
			test.expectNotified(incident, c.reason)
			test.expectSends()
		})
	}
}

func TestARestoredIncidentIsShownAndNotPaged(t *testing.T) {
	test := newPaged(t)
	ago := time.Now().Add(-2 * time.Hour).Sub(testbed.Start)
	incident := testbed.NewIncident(test.source, v1alpha1.IssueKey("42"), 1, opened(ago))
	incident.Spec.RecordedAt = &metav1.Time{Time: time.Now().Add(-time.Hour)}
	testbed.Must(t, control.Client(t).Create(t.Context(), incident))
	test.reconcile(incident)
	test.expectNotified(incident, v1alpha1.ReasonPreexisting)
	test.expectSends()
	later := time.Now().Add(time.Minute)
	test.hear(incident, testbed.SignalAt(later.Sub(testbed.Start), v1alpha1.SignalAlert, v1alpha1.EffectWoken))
	test.clock.SetTime(later)
	test.reconcile(incident)
	test.expectSends("slack")
}

func TestWhoeverIsStillToBeToldIsRememberedAfterARestart(t *testing.T) {
	test := newPaged(t)
	incident := test.create(1, opened(0))
	test.reconcile(incident)
	test.expectSends("slack")
	test.reconcile(incident)
	test.expectSends("slack")
}

func TestAPolicyAndItsChannelsWakeTheIncidentsTheyConcern(t *testing.T) {
	test := newPaged(t)
	open, over, pending := test.create(1, opened(0)), test.create(2, opened(0), resolved(1)), test.create(3, opened(0), resolved(1))
	for _, incident := range []*v1alpha1.Incident{open, over, pending} {
		test.reconcile(incident)
	}
	pending.Status.Notifications = []v1alpha1.Notification{{
		Cycle: 1, Run: 1, Channel: "slack", Kind: v1alpha1.KindResolved, Priority: v1alpha1.PriorityHigh,
		DueAt: testbed.MicroAt(0), State: v1alpha1.NotificationPending,
	}}
	testbed.Must(t, control.Client(t).Status().Update(t.Context(), pending))
	for name, got := range map[string][]ctrl.Request{
		"a policy":  test.reconciler.ofPolicy(t.Context(), usualPolicy(test)),
		"a channel": test.reconciler.ofChannel(t.Context(), testbed.NewSlackChannel(test.named("slack"))),
	} {
		var names []string
		for _, request := range got {
			names = append(names, request.Name)
		}
		if strings.Join(names, " ") != open.Name+" "+pending.Name {
			t.Errorf("%s wakes %q", name, names)
		}
	}
	if got := test.reconciler.ofChannel(t.Context(), testbed.NewSlackChannel(test.named("other"))); len(got) != 0 {
		t.Errorf("a channel of no policy wakes %v", got)
	}
}

func TestTheEndOfASendWakesAndAClaimDoesNot(t *testing.T) {
	now := testbed.MicroAt(0)
	before := &v1alpha1.Incident{}
	before.Status.Notifications = []v1alpha1.Notification{{State: v1alpha1.NotificationPending, NextAttempt: &now, Reason: "RateLimited"}}
	for name, c := range map[string]struct {
		change func(*v1alpha1.Notification)
		want   bool
	}{
		"nothing":    {func(*v1alpha1.Notification) {}, false},
		"a claim":    {func(n *v1alpha1.Notification) { n.SendBefore, n.NextAttempt, n.Attempts = &now, nil, 2 }, false},
		"a failure":  {func(n *v1alpha1.Notification) { n.Reason, n.NextAttempt = "Unavailable", &now }, true},
		"an arrival": {func(n *v1alpha1.Notification) { n.State = v1alpha1.NotificationSent }, true},
	} {
		after := before.DeepCopy()
		c.change(&after.Status.Notifications[0])
		if got := outcomeChanged().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}); got != c.want {
			t.Errorf("%s wakes: %t", name, got)
		}
	}
}

func TestAnIncidentPagesWhoeverIsOnCall(t *testing.T) {
	test := newPaged(t)
	policy := &v1alpha1.EscalationPolicy{}
	testbed.Must(t, control.Client(t).Get(t.Context(), test.named("payments"), policy))
	policy.Spec.Steps = []v1alpha1.EscalationStep{testbed.ScheduleStep("on-call", 0, "rota")}
	testbed.Must(t, control.Client(t).Update(t.Context(), policy))
	incident := test.create(1, opened(0))
	test.reconcile(incident)
	test.expectNotified(incident, v1alpha1.ReasonNobodyOnCall)
	testbed.ExpectEvents(t, test.recorder, "Normal Opened", "Warning NobodyOnCall")
	schedule := testbed.NewSchedule(test.named("rota"), "slack")
	testbed.Must(t, control.Client(t).Create(t.Context(), schedule))
	if requests := test.reconciler.ofSchedule(t.Context(), schedule); len(requests) != 1 || requests[0] != requestOf(incident) {
		t.Errorf("the schedule concerns %v", requests)
	}
	test.reconcile(incident)
	test.expectSends("slack")
	test.expectNotified(incident, v1alpha1.ReasonSending)
}
