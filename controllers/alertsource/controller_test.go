package alertsource

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

func TestANewSourceListensOnceItsTokenIsKnown(t *testing.T) {
	test := newSourceTest(t)
	if result := test.look(); result.RequeueAfter != loop.Soon {
		t.Errorf("the look that makes the Secret gives %+v, want another one soon", result)
	}
	if reason := loop.ConditionOf(test.source().Status.Conditions, v1alpha1.ConditionReady).Reason; reason != "" {
		t.Errorf("Ready is %s before the directory can know the token", reason)
	}
	if result := test.look(); result.RequeueAfter != sourceResync {
		t.Errorf("a source that listens gives %+v", result)
	}
	test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
	test.expectMessage("Paste the URL in key url of Secret payments-webhook into Sentry")
	testbed.ExpectEvents(t, test.recorder, "Normal Listening Paste the URL")
	source := test.source()
	if source.Status.ObservedGeneration != source.Generation || source.Status.WebhookSecret != "payments-webhook" ||
		source.Status.OpenIncidents == nil || *source.Status.OpenIncidents != 0 {
		t.Errorf("status is %+v", source.Status)
	}
	signature := loop.ConditionOf(source.Status.Conditions, v1alpha1.ConditionSignatureVerified)
	if signature.Status != metav1.ConditionUnknown || signature.Reason != v1alpha1.ReasonNoDelivery {
		t.Errorf("SignatureVerified is %+v", signature)
	}
}

func TestASettledSourceIsNotWrittenAgain(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	before := test.source().ResourceVersion
	test.clock.SetTime(testbed.At(time.Hour))
	test.reconcile()
	if after := test.source().ResourceVersion; after != before {
		t.Error("the status was written although nothing changed")
	}
}

func TestWithoutAnExternalURLTheMessageSaysThatSentryCannotReachIt(t *testing.T) {
	test := newSourceTest(t)
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
	test := newSourceTest(t)
	test.directory.problems = []string{"Secret payments-sentry is not there"}
	if result := test.reconcile(); result.RequeueAfter != sourceHealing {
		t.Errorf("a source that waits gives %+v", result)
	}
	test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonSecretMissing, v1alpha1.ConditionReconciling)
	test.expectMessage("Secret payments-sentry is not there")
	testbed.ExpectEvents(t, test.recorder, "Warning SecretMissing Secret payments-sentry is not there")
	test.reconcile()
	testbed.ExpectEvents(t, test.recorder)
	test.directory.problems = nil
	test.clock.SetTime(testbed.At(time.Minute))
	test.reconcile()
	test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
	testbed.ExpectEvents(t, test.recorder, "Normal Listening")
	since := loop.ConditionOf(test.source().Status.Conditions, v1alpha1.ConditionReady).LastTransitionTime
	if !since.Time.Equal(testbed.At(time.Minute)) {
		t.Errorf("Ready since %s, want %s", since, testbed.At(time.Minute))
	}
}

func TestNothingIsSaidOfASourceWhoseSecretsWereNotReadYet(t *testing.T) {
	test := newSourceTest(t)
	test.directory.unknown = true
	test.look()
	if result := test.look(); result.RequeueAfter != loop.Soon {
		t.Errorf("a source of which nothing is known gives %+v", result)
	}
	if source := test.source(); len(source.Status.Conditions) != 0 {
		t.Errorf("conditions are %+v", source.Status.Conditions)
	}
}

func TestTwoSourcesWithOneTokenAreBothTold(t *testing.T) {
	other := types.NamespacedName{Namespace: "team-b", Name: "ledger"}
	t.Run("the older goes on listening", func(t *testing.T) {
		test := newSourceTest(t)
		test.directory.others = []types.NamespacedName{other}
		test.reconcile()
		test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonTokenShared, "")
		test.expectMessage("team-b/ledger", "this source is the oldest", "Paste the URL")
		testbed.ExpectEvents(t, test.recorder, "Warning TokenShared")
	})
	t.Run("the younger stalls", func(t *testing.T) {
		test := newSourceTest(t)
		test.directory.others, test.directory.second = []types.NamespacedName{other}, true
		test.reconcile()
		test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonTokenShared, v1alpha1.ConditionStalled)
		test.expectMessage("team-b/ledger", "give this source a token of its own")
		testbed.ExpectEvents(t, test.recorder, "Warning TokenShared")
		test.directory.others, test.directory.second = nil, false
		test.reconcile()
		test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
	})
}

// createIncident makes an Incident whose status says this.
func (t *sourceTest) createIncident(number int32, state v1alpha1.IncidentState) *v1alpha1.Incident {
	t.Helper()
	opened := testbed.SignalAt(0, v1alpha1.SignalAlert, v1alpha1.EffectOpened)
	incident := testbed.NewIncident(t.key, v1alpha1.IssueKey("42"), number, opened)
	testbed.Must(t.T, control.Client(t).Create(t.Context(), incident))
	incident.Status.State = state
	testbed.Must(t.T, control.Client(t).Status().Update(t.Context(), incident))
	return incident
}

func TestOpenIncidentsAreCounted(t *testing.T) {
	test := newSourceTest(t)
	open := test.createIncident(2, v1alpha1.StateOpen)
	test.createIncident(1, v1alpha1.StateResolved)
	test.reconcile()
	if count := ptr.Deref(test.source().Status.OpenIncidents, -1); count != 1 {
		t.Errorf("%d open Incidents are counted, want 1", count)
	}
	testbed.Must(t, control.Client(t).Delete(t.Context(), open))
	test.reconcile()
	if count := ptr.Deref(test.source().Status.OpenIncidents, -1); count != 0 {
		t.Errorf("%d open Incidents are counted, want 0", count)
	}
}

func TestNoTokenIsInStatusOrEvents(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	token := string(test.secret().Data[v1alpha1.SecretKeyToken])
	told := strings.Join(testbed.Recorded(test.recorder), "\n")
	for _, condition := range test.source().Status.Conditions {
		told += condition.Message
	}
	if strings.Contains(told, token) {
		t.Error("the token was told")
	}
}

func TestASourceThatPagesNobodySaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		policy *v1alpha1.PolicyReference
		want   string
	}{
		"without a policy":         {nil, "Nobody is paged: name an EscalationPolicy in escalationPolicyRef"},
		"with one that is missing": {&v1alpha1.PolicyReference{Name: "gone"}, "Nobody is paged: EscalationPolicy gone, which"},
	} {
		t.Run(name, func(t *testing.T) {
			test := newSourceTest(t, func(source *v1alpha1.AlertSource) { source.Spec.EscalationPolicyRef = c.policy })
			test.reconcile()
			testbed.ExpectEvents(t, test.recorder, "Normal Listening", "Warning NobodyPaged "+c.want)
			test.reconcile()
			testbed.ExpectEvents(t, test.recorder)
			ready := loop.ConditionOf(test.source().Status.Conditions, v1alpha1.ConditionReady)
			if ready.Status != metav1.ConditionTrue || !strings.Contains(ready.Message, c.want) {
				t.Errorf("ready is %+v", ready)
			}
			test.updateSource(paged)
			test.reconcile()
			ready = loop.ConditionOf(test.source().Status.Conditions, v1alpha1.ConditionReady)
			if strings.Contains(ready.Message, "paged") {
				t.Errorf("with a policy, ready is %+v", ready)
			}
		})
	}
}
