package controllers

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestANewSourceListensOnceItsTokenIsKnown(t *testing.T) {
	test := newSourceTest(t, nil)
	if result := test.look(); result.RequeueAfter != soon {
		t.Errorf("the look that makes the Secret gives %+v, want another one soon", result)
	}
	if reason := conditionOf(test.source().Status.Conditions, v1alpha1.ConditionReady).Reason; reason != "" {
		t.Errorf("Ready is %s before the directory can know the token", reason)
	}
	if result := test.look(); result.RequeueAfter != sourceResync {
		t.Errorf("a source that listens gives %+v", result)
	}
	test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
	test.expectMessage("Paste the URL in key url of Secret payments-webhook into Sentry")
	expectEvents(t, test.recorder, "Normal Listening Paste the URL")
	source := test.source()
	if source.Status.ObservedGeneration != source.Generation || source.Status.WebhookSecret != "payments-webhook" ||
		source.Status.OpenIncidents == nil || *source.Status.OpenIncidents != 0 {
		t.Errorf("status is %+v", source.Status)
	}
	signature := conditionOf(source.Status.Conditions, v1alpha1.ConditionSignatureVerified)
	if signature.Status != metav1.ConditionUnknown || signature.Reason != v1alpha1.ReasonNoDelivery {
		t.Errorf("SignatureVerified is %+v", signature)
	}
}

func TestASettledSourceIsNotWrittenAgain(t *testing.T) {
	test := newSourceTest(t, nil)
	test.reconcile()
	before := test.source().ResourceVersion
	test.clock.SetTime(at(time.Hour))
	test.reconcile()
	if after := test.source().ResourceVersion; after != before {
		t.Error("the status was written although nothing changed")
	}
}

func TestWithoutAnExternalURLTheMessageSaysThatSentryCannotReachIt(t *testing.T) {
	test := newSourceTest(t, nil)
	test.reconciler.ExternalURL = ""
	test.reconcile()
	test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
	test.expectMessage("Sentry cannot reach that URL", "--external-url")
}

func TestASuspendedSourceIsReadyAndSaysSo(t *testing.T) {
	test := newSourceTest(t, func(source *v1alpha1.AlertSource) { source.Spec.Suspend = true })
	test.reconcile()
	test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonSuspended, "")
	test.expectMessage("Suspended", "payments-webhook")
	test.updateSource(func(source *v1alpha1.AlertSource) { source.Spec.Suspend = false })
	test.reconcile()
	test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
}

func TestAMissingSecretIsToldAndHealsByItself(t *testing.T) {
	test := newSourceTest(t, nil)
	test.directory.problems = []string{"Secret payments-sentry is not there"}
	if result := test.reconcile(); result.RequeueAfter != sourceHealing {
		t.Errorf("a source that waits gives %+v", result)
	}
	test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonSecretMissing, v1alpha1.ConditionReconciling)
	test.expectMessage("Secret payments-sentry is not there")
	expectEvents(t, test.recorder, "Warning SecretMissing Secret payments-sentry is not there")
	test.reconcile()
	expectEvents(t, test.recorder)
	test.directory.problems = nil
	test.clock.SetTime(at(time.Minute))
	test.reconcile()
	test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
	expectEvents(t, test.recorder, "Normal Listening")
	since := conditionOf(test.source().Status.Conditions, v1alpha1.ConditionReady).LastTransitionTime
	if !since.Time.Equal(at(time.Minute)) {
		t.Errorf("Ready since %s, want %s", since, at(time.Minute))
	}
}

func TestNothingIsSaidOfASourceWhoseSecretsWereNotReadYet(t *testing.T) {
	test := newSourceTest(t, nil)
	test.directory.unknown = true
	test.look()
	if result := test.look(); result.RequeueAfter != soon {
		t.Errorf("a source of which nothing is known gives %+v", result)
	}
	if source := test.source(); len(source.Status.Conditions) != 0 {
		t.Errorf("conditions are %+v", source.Status.Conditions)
	}
}

func TestTwoSourcesWithOneTokenAreBothTold(t *testing.T) {
	other := types.NamespacedName{Namespace: "team-b", Name: "ledger"}
	t.Run("the older goes on listening", func(t *testing.T) {
		test := newSourceTest(t, nil)
		test.directory.others = []types.NamespacedName{other}
		test.reconcile()
		test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonTokenShared, "")
		test.expectMessage("team-b/ledger", "this source is the oldest", "Paste the URL")
		expectEvents(t, test.recorder, "Warning TokenShared")
	})
	t.Run("the younger stalls", func(t *testing.T) {
		test := newSourceTest(t, nil)
		test.directory.others, test.directory.second = []types.NamespacedName{other}, true
		test.reconcile()
		test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonTokenShared, v1alpha1.ConditionStalled)
		test.expectMessage("team-b/ledger", "give this source a token of its own")
		expectEvents(t, test.recorder, "Warning TokenShared")
		test.directory.others, test.directory.second = nil, false
		test.reconcile()
		test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
	})
}

func TestASourceThatIsBeingDeletedMakesNothing(t *testing.T) {
	test := newSourceTest(t, func(source *v1alpha1.AlertSource) { source.Finalizers = []string{"example.com/wait"} })
	must(t, live.Delete(t.Context(), test.source()))
	test.reconcile()
	test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonTerminating, v1alpha1.ConditionReconciling)
	err := live.Get(t.Context(), test.secretKey(), &corev1.Secret{})
	if client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("the webhook Secret was made: %v", err)
	}
	expectEvents(t, test.recorder)
	test.updateSource(func(source *v1alpha1.AlertSource) { source.Finalizers = nil })
	if result := test.look(); result != (ctrl.Result{}) {
		t.Errorf("a source that is gone gives %+v", result)
	}
}

func TestOpenIncidentsAreCounted(t *testing.T) {
	test := newSourceTest(t, nil)
	incidents := newIncidentTest(t, test.key)
	open := incidents.create(1, opened(0))
	incidents.create(2, opened(0), resolved(time.Second))
	incidents.reconcileAll()
	test.reconcile()
	if count := ptr.Deref(test.source().Status.OpenIncidents, -1); count != 1 {
		t.Errorf("%d open Incidents are counted, want 1", count)
	}
	must(t, live.Delete(t.Context(), open))
	test.reconcile()
	if count := ptr.Deref(test.source().Status.OpenIncidents, -1); count != 0 {
		t.Errorf("%d open Incidents are counted, want 0", count)
	}
}

func TestNoTokenIsInStatusOrEvents(t *testing.T) {
	test := newSourceTest(t, nil)
	test.reconcile()
	token := string(test.secret().Data[v1alpha1.SecretKeyToken])
	told := strings.Join(recorded(test.recorder), "\n")
	for _, condition := range test.source().Status.Conditions {
		told += condition.Message
	}
	if strings.Contains(told, token) {
		t.Error("the token was told")
	}
}
