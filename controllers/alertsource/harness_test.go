package alertsource

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// fakeDirectory answers what it is told to.
type fakeDirectory struct {
	problems []string
	unknown  bool
	others   []types.NamespacedName
	second   bool
	changed  chan event.TypedGenericEvent[*v1alpha1.AlertSource]
}

var _ Directory = (*fakeDirectory)(nil)

func (d *fakeDirectory) Problems(types.NamespacedName) ([]string, bool) {
	return d.problems, !d.unknown
}

func (d *fakeDirectory) SharedWith(types.NamespacedName) ([]types.NamespacedName, bool) {
	return d.others, !d.second
}

func (d *fakeDirectory) Subscribe(context.Context) <-chan event.TypedGenericEvent[*v1alpha1.AlertSource] {
	return d.changed
}

// sourceTest is one source with its reconciler.
type sourceTest struct {
	*testing.T

	key        client.ObjectKey
	directory  *fakeDirectory
	recorder   *events.FakeRecorder
	clock      *clocktesting.FakePassiveClock
	reconciler *Reconciler
}

// newSourceTest makes the source payments in a namespace of its own.
func newSourceTest(t *testing.T, changes ...func(*v1alpha1.AlertSource)) *sourceTest {
	t.Helper()
	test := &sourceTest{
		T:         t,
		key:       client.ObjectKey{Namespace: testbed.Namespace(t, control.Client(t)), Name: "payments"},
		directory: &fakeDirectory{},
		recorder:  events.NewFakeRecorder(100),
		clock:     clocktesting.NewFakePassiveClock(testbed.Start),
	}
	test.reconciler = &Reconciler{
		Client: control.Client(t), APIReader: control.Client(t), Recorder: test.recorder, Directory: test.directory,
		ExternalURL: "https://alerts.example.com/", IntakeURL: "http://intake.itoc360-system.svc", Clock: test.clock,
	}
	testbed.Must(t, control.Client(t).Create(t.Context(), testbed.NewPolicy(test.key, testbed.Step("team", 0, "slack"))))
	test.createSource(append([]func(*v1alpha1.AlertSource){paged}, changes...)...)
	return test
}

// paged lets a source page by the policy of its name.
func paged(source *v1alpha1.AlertSource) {
	source.Spec.EscalationPolicyRef = &v1alpha1.PolicyReference{Name: "payments"}
}

func (t *sourceTest) createSource(changes ...func(*v1alpha1.AlertSource)) {
	t.Helper()
	source := testbed.NewAlertSource(t.key, changes...)
	testbed.Must(t.T, control.Client(t).Create(t.Context(), source))
}

// reconcile looks until nothing is to be repeated soon, and gives the last answer.
func (t *sourceTest) reconcile() ctrl.Result {
	t.Helper()
	for range 5 {
		if result := t.look(); result.RequeueAfter > loop.Soon {
			return result
		}
	}
	t.Fatal("the source does not settle")
	return ctrl.Result{}
}

func (t *sourceTest) look() ctrl.Result {
	t.Helper()
	result, err := t.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: t.key})
	testbed.Must(t.T, err)
	return result
}

func (t *sourceTest) source() *v1alpha1.AlertSource {
	t.Helper()
	source := &v1alpha1.AlertSource{}
	testbed.Must(t.T, control.Client(t).Get(t.Context(), t.key, source))
	return source
}

func (t *sourceTest) updateSource(change func(*v1alpha1.AlertSource)) {
	t.Helper()
	source := t.source()
	change(source)
	testbed.Must(t.T, control.Client(t).Update(t.Context(), source))
}

func (t *sourceTest) secretKey() client.ObjectKey {
	return client.ObjectKey{Namespace: t.key.Namespace, Name: "payments-webhook"}
}

func (t *sourceTest) secret() *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	testbed.Must(t.T, control.Client(t).Get(t.Context(), t.secretKey(), secret))
	return secret
}

func (t *sourceTest) updateSecret(change func(*corev1.Secret)) {
	t.Helper()
	secret := t.secret()
	change(secret)
	testbed.Must(t.T, control.Client(t).Update(t.Context(), secret))
}

func (t *sourceTest) createSecret(name string, data map[string]string, change func(*corev1.Secret)) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: t.key.Namespace, Name: name}, StringData: data}
	if change != nil {
		change(secret)
	}
	testbed.Must(t.T, control.Client(t).Create(t.Context(), secret))
}

// expectReady fails the test unless Ready says this, with a sentence, and Reconciling and Stalled are there as told.
func (t *sourceTest) expectReady(status metav1.ConditionStatus, reason, abnormal string) {
	t.Helper()
	source := t.source()
	ready := loop.ConditionOf(source.Status.Conditions, v1alpha1.ConditionReady)
	if ready.Status != status || ready.Reason != reason || ready.Message == "" || ready.ObservedGeneration != source.Generation {
		t.Errorf("Ready is %+v, want %s %s of generation %d", ready, status, reason, source.Generation)
	}
	for _, kind := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		if there := loop.ConditionOf(source.Status.Conditions, kind).Type != ""; there != (kind == abnormal) {
			t.Errorf("condition %s is there: %t, want only %q", kind, there, abnormal)
		}
	}
}

func (t *sourceTest) expectMessage(parts ...string) {
	t.Helper()
	message := loop.ConditionOf(t.source().Status.Conditions, v1alpha1.ConditionReady).Message
	for _, part := range parts {
		if !strings.Contains(message, part) {
			t.Errorf("Ready says %q, want it to say %q", message, part)
		}
	}
}
