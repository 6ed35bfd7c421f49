package incident

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// incidentTest is the Incidents of one source with their reconciler.
type incidentTest struct {
	*testing.T

	source     client.ObjectKey
	recorder   *events.FakeRecorder
	clock      *clocktesting.FakePassiveClock
	inbox      *fakeInbox
	dispatcher *fakeDispatcher
	reconciler *Reconciler
}

// fakeInbox notes what it is told.
type fakeInbox struct {
	told []string
	err  error
}

var _ Inbox = (*fakeInbox)(nil)

func (s *fakeInbox) RecordSilence(_ context.Context, source types.NamespacedName, key v1alpha1.AlertKey) error {
	s.told = append(s.told, fmt.Sprintf("%s %s", source.Name, key))
	return s.err
}

func (s *fakeInbox) RecordAcknowledgementTimeout(
	_ context.Context, source types.NamespacedName, key v1alpha1.AlertKey, acknowledged time.Time,
) error {
	s.told = append(s.told, fmt.Sprintf("%s %s acknowledged at %s", source.Name, key, acknowledged.Sub(testbed.Start)))
	return s.err
}

// fakeDispatcher notes what is to be sent.
type fakeDispatcher struct {
	channels []string
}

func (d *fakeDispatcher) Enqueue(channel types.NamespacedName, _ *v1alpha1.Incident) {
	d.channels = append(d.channels, channel.Name)
}

var errInboxFull = errors.New("the inbox is full")

func newIncidentTest(t *testing.T, source client.ObjectKey) *incidentTest {
	t.Helper()
	test := &incidentTest{
		T: t, source: source, recorder: events.NewFakeRecorder(100), inbox: &fakeInbox{}, dispatcher: &fakeDispatcher{},
		clock: clocktesting.NewFakePassiveClock(testbed.At(time.Minute)),
	}
	test.reconciler = &Reconciler{
		Client: control.Client(t), Recorder: test.recorder, Clock: test.clock, Inbox: test.inbox, Dispatcher: test.dispatcher,
	}
	return test
}

// newIncidents begins a test of Incidents in a namespace of their own, with or without a source.
func newIncidents(t *testing.T, change func(*v1alpha1.AlertSource)) *incidentTest {
	t.Helper()
	test := newIncidentTest(t, client.ObjectKey{Namespace: testbed.Namespace(t, control.Client(t)), Name: "payments"})
	if change != nil {
		testbed.Must(t, control.Client(t).Create(t.Context(), testbed.NewAlertSource(test.source, change)))
	}
	return test
}

func opened(after time.Duration) v1alpha1.Signal {
	return testbed.SignalAt(after, v1alpha1.SignalAlert, v1alpha1.EffectOpened)
}

func reopened(after time.Duration) v1alpha1.Signal {
	return testbed.SignalAt(after, v1alpha1.SignalAlert, v1alpha1.EffectReopened)
}

func acknowledged(after time.Duration) v1alpha1.Signal {
	return testbed.SignalAt(after, v1alpha1.SignalAcknowledge, v1alpha1.EffectAcknowledged)
}

func withdrawn(after time.Duration) v1alpha1.Signal {
	return testbed.SignalAt(after, v1alpha1.SignalAlert, v1alpha1.EffectUnacknowledged)
}

func resolved(after time.Duration) v1alpha1.Signal {
	return testbed.SignalAt(after, v1alpha1.SignalResolve, v1alpha1.EffectResolved)
}

// create makes the Incident of issue 42 with a number, as the intake does: without status.
func (t *incidentTest) create(number int32, signals ...v1alpha1.Signal) *v1alpha1.Incident {
	t.Helper()
	return t.createFor(v1alpha1.IssueKey("42"), number, signals...)
}

func (t *incidentTest) createFor(key v1alpha1.AlertKey, number int32, signals ...v1alpha1.Signal) *v1alpha1.Incident {
	t.Helper()
	incident := testbed.NewIncident(t.source, key, number, signals...)
	testbed.Must(t.T, control.Client(t).Create(t.Context(), incident))
	return incident
}

func (t *incidentTest) reconcile(incident *v1alpha1.Incident) ctrl.Result {
	t.Helper()
	result, err := t.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(incident)})
	testbed.Must(t.T, err)
	t.read(incident)
	return result
}

func (t *incidentTest) reconcileAll() {
	t.Helper()
	incidents, err := loop.Incidents(t.Context(), control.Client(t), t.source)
	testbed.Must(t.T, err)
	for i := range incidents {
		t.reconcile(&incidents[i])
	}
}

func (t *incidentTest) read(incident *v1alpha1.Incident) {
	t.Helper()
	testbed.Must(t.T, control.Client(t).Get(t.Context(), client.ObjectKeyFromObject(incident), incident))
}

// update changes an Incident as the intake or a responder does.
func (t *incidentTest) update(incident *v1alpha1.Incident, change func(*v1alpha1.IncidentSpec)) {
	t.Helper()
	t.read(incident)
	change(&incident.Spec)
	testbed.Must(t.T, control.Client(t).Update(t.Context(), incident))
}

func (t *incidentTest) hear(incident *v1alpha1.Incident, signals ...v1alpha1.Signal) {
	t.Helper()
	t.update(incident, func(spec *v1alpha1.IncidentSpec) { spec.Signals = append(spec.Signals, signals...) })
}

func (t *incidentTest) respond(incident *v1alpha1.Incident, response v1alpha1.Response) {
	t.Helper()
	t.update(incident, func(spec *v1alpha1.IncidentSpec) { spec.Response = &response })
}

// expect fails the test unless the status speaks of the spec, in this state and with these conditions' reasons.
func (t *incidentTest) expect(incident *v1alpha1.Incident, state v1alpha1.IncidentState, acknowledged, resolved string) {
	t.Helper()
	status := incident.Status
	if status.State != state || status.ObservedGeneration != incident.Generation {
		t.Errorf("state is %s of generation %d, want %s of %d", status.State, status.ObservedGeneration, state, incident.Generation)
	}
	for kind, reason := range map[string]string{v1alpha1.ConditionAcknowledged: acknowledged, v1alpha1.ConditionResolved: resolved} {
		condition := loop.ConditionOf(status.Conditions, kind)
		if condition.Reason != reason || condition.ObservedGeneration != incident.Generation || condition.Message == "" {
			t.Errorf("condition %+v, want reason %s of generation %d", condition, reason, incident.Generation)
		}
	}
}

func requestOf(incident *v1alpha1.Incident) ctrl.Request {
	return ctrl.Request{NamespacedName: client.ObjectKeyFromObject(incident)}
}
