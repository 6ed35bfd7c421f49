package controllers

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// start is what the tests' clocks show first. It lies ahead of the API server's own clock, which stamps creations, so
// that an hour later is an hour later for both.
var start = time.Now().Add(time.Minute).Truncate(time.Second).UTC()

func at(after time.Duration) time.Time { return start.Add(after) }

func microAt(after time.Duration) metav1.MicroTime { return metav1.NewMicroTime(at(after)) }

func timeAt(after time.Duration) *metav1.Time { return ptr.To(metav1.NewTime(at(after))) }

// must fails the test if there is an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newNamespace makes a namespace of the test's own.
func newNamespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	must(t, live.Create(t.Context(), namespace))
	return namespace.Name
}

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

// recorded are the Events sent since the last time.
func recorded(recorder *events.FakeRecorder) []string {
	var sent []string
	for {
		select {
		case one := <-recorder.Events:
			sent = append(sent, one)
		default:
			return sent
		}
	}
}

// expectEvents fails the test unless exactly these Events were sent; each is named by how it begins.
func expectEvents(t *testing.T, recorder *events.FakeRecorder, prefixes ...string) {
	t.Helper()
	sent := recorded(recorder)
	if len(sent) != len(prefixes) {
		t.Fatalf("sent Events %q, want %q", sent, prefixes)
	}
	for i, prefix := range prefixes {
		if !strings.HasPrefix(sent[i], prefix) {
			t.Errorf("sent Events %q, want %q", sent, prefixes)
		}
	}
}

// sourceTest is one source with its reconciler.
type sourceTest struct {
	*testing.T

	key        client.ObjectKey
	directory  *fakeDirectory
	recorder   *events.FakeRecorder
	clock      *clocktesting.FakePassiveClock
	reconciler *AlertSourceReconciler
}

// newSourceTest makes the source payments in a namespace of its own.
func newSourceTest(t *testing.T, change func(*v1alpha1.AlertSource)) *sourceTest {
	t.Helper()
	test := &sourceTest{
		T:         t,
		key:       client.ObjectKey{Namespace: newNamespace(t), Name: "payments"},
		directory: &fakeDirectory{},
		recorder:  events.NewFakeRecorder(100),
		clock:     clocktesting.NewFakePassiveClock(start),
	}
	test.reconciler = &AlertSourceReconciler{
		Client: live, APIReader: live, Recorder: test.recorder, Directory: test.directory,
		ExternalURL: "https://alerts.example.com/", IntakeURL: "http://intake.itoc360-system.svc", Clock: test.clock,
	}
	test.createSource(change)
	return test
}

func (t *sourceTest) createSource(change func(*v1alpha1.AlertSource)) {
	t.Helper()
	source := newSource(t.key, change)
	must(t.T, live.Create(t.Context(), source))
}

func newSource(key client.ObjectKey, change func(*v1alpha1.AlertSource)) *v1alpha1.AlertSource {
	source := &v1alpha1.AlertSource{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name},
		Spec: v1alpha1.AlertSourceSpec{
			Type: v1alpha1.SourceTypeSentry,
			Sentry: &v1alpha1.SentrySource{
				ClientSecretRefs: []v1alpha1.SecretKeyReference{{Name: "payments-sentry", Key: "clientSecret"}},
			},
		},
	}
	if change != nil {
		change(source)
	}
	return source
}

// reconcile looks until nothing is to be repeated soon, and gives the last answer.
func (t *sourceTest) reconcile() ctrl.Result {
	t.Helper()
	for range 5 {
		if result := t.look(); result.RequeueAfter > soon {
			return result
		}
	}
	t.Fatal("the source does not settle")
	return ctrl.Result{}
}

func (t *sourceTest) look() ctrl.Result {
	t.Helper()
	result, err := t.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: t.key})
	must(t.T, err)
	return result
}

func (t *sourceTest) source() *v1alpha1.AlertSource {
	t.Helper()
	source := &v1alpha1.AlertSource{}
	must(t.T, live.Get(t.Context(), t.key, source))
	return source
}

func (t *sourceTest) updateSource(change func(*v1alpha1.AlertSource)) {
	t.Helper()
	source := t.source()
	change(source)
	must(t.T, live.Update(t.Context(), source))
}

func (t *sourceTest) secretKey() client.ObjectKey {
	return client.ObjectKey{Namespace: t.key.Namespace, Name: "payments-webhook"}
}

func (t *sourceTest) secret() *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	must(t.T, live.Get(t.Context(), t.secretKey(), secret))
	return secret
}

func (t *sourceTest) updateSecret(change func(*corev1.Secret)) {
	t.Helper()
	secret := t.secret()
	change(secret)
	must(t.T, live.Update(t.Context(), secret))
}

func (t *sourceTest) createSecret(name string, data map[string]string, change func(*corev1.Secret)) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: t.key.Namespace, Name: name}, StringData: data}
	if change != nil {
		change(secret)
	}
	must(t.T, live.Create(t.Context(), secret))
}

// expectReady fails the test unless Ready says this, with a sentence, and Reconciling and Stalled are there as told.
func (t *sourceTest) expectReady(status metav1.ConditionStatus, reason, abnormal string) {
	t.Helper()
	source := t.source()
	ready := conditionOf(source.Status.Conditions, v1alpha1.ConditionReady)
	if ready.Status != status || ready.Reason != reason || ready.Message == "" || ready.ObservedGeneration != source.Generation {
		t.Errorf("Ready is %+v, want %s %s of generation %d", ready, status, reason, source.Generation)
	}
	for _, kind := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		if there := conditionOf(source.Status.Conditions, kind).Type != ""; there != (kind == abnormal) {
			t.Errorf("condition %s is there: %t, want only %q", kind, there, abnormal)
		}
	}
}

func (t *sourceTest) expectMessage(parts ...string) {
	t.Helper()
	message := conditionOf(t.source().Status.Conditions, v1alpha1.ConditionReady).Message
	for _, part := range parts {
		if !strings.Contains(message, part) {
			t.Errorf("Ready says %q, want it to say %q", message, part)
		}
	}
}
