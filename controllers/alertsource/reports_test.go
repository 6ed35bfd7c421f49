package alertsource

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// signedBy is a report whose last signature was some time after the start.
func signedBy(replica string, last v1alpha1.SignatureResult, after time.Duration, refused int32) v1alpha1.IntakeReport {
	return v1alpha1.IntakeReport{
		Replica: replica, ReportedAt: *testbed.TimeAt(after), Refused: refused,
		LastSignature: last, LastSignatureTime: testbed.TimeAt(after),
	}
}

func TestWhatTheLastDeliveryToAnyReplicaShowedIsTheVerdictOnSignatures(t *testing.T) {
	const verified, refused, unreadable = v1alpha1.SignatureVerified, v1alpha1.SignatureRefused, v1alpha1.SignatureUnreadable
	for name, test := range map[string]struct {
		reports []v1alpha1.IntakeReport
		was     string
		want    string
		says    string
	}{
		"no report and nothing before": {nil, "", "Unknown NoDelivery", "No delivery was seen yet"},
		"a replica that heard nothing": {[]v1alpha1.IntakeReport{{Replica: "a"}}, "", "Unknown NoDelivery", "No delivery"},
		"no report any more":           {nil, v1alpha1.ReasonVerified, "True Verified", "matched"},
		"no report any more, refused":  {nil, v1alpha1.ReasonSignatureMismatch, "False SignatureMismatch", "in Sentry"},
		"the only one": {
			[]v1alpha1.IntakeReport{signedBy("a", verified, 0, 0)}, v1alpha1.ReasonSignatureMismatch, "True Verified", "signature matched",
		},
		"the later of two": {
			[]v1alpha1.IntakeReport{signedBy("a", refused, time.Second, 3), signedBy("b", verified, 0, 0)},
			"", "False SignatureMismatch", "Refused in the last hour: 3",
		},
		"the later of two, and how many were refused": {
			[]v1alpha1.IntakeReport{signedBy("a", refused, 0, 3), signedBy("b", verified, time.Second, 4)},
			"", "True Verified", "signature matched. Refused in the last hour: 7",
		},
		"the worse of two in one second": {
			[]v1alpha1.IntakeReport{signedBy("a", verified, 0, 0), signedBy("b", unreadable, 0, 0)},
			"", "Unknown ClientSecretUnreadable", "cannot be read",
		},
		"the worse of two in one second, in the other order": {
			[]v1alpha1.IntakeReport{signedBy("a", refused, 0, 0), signedBy("b", verified, 0, 0)},
			"", "False SignatureMismatch", "in Sentry",
		},
	} {
		t.Run(name, func(t *testing.T) {
			source := &v1alpha1.AlertSource{Spec: v1alpha1.AlertSourceSpec{
				Sentry: &v1alpha1.SentrySource{ClientSecretRefs: []v1alpha1.SecretKeyReference{{Name: "any"}}},
			}}
			source.Status.Intake = test.reports
			if test.was != "" {
				source.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSignatureVerified, Reason: test.was}}
			}
			got := signatureCondition(source)
			if string(got.Status)+" "+got.Reason != test.want || !strings.HasSuffix(got.Message, test.says) &&
				!strings.Contains(got.Message, test.says) {
				t.Errorf("got %+v, want %s: %s", got, test.want, test.says)
			}
			source.Spec.Sentry.ClientSecretRefs = nil
			if got := signatureCondition(source); got.Reason != v1alpha1.ReasonNoClientSecret || strings.Contains(got.Message, "Refused") {
				t.Errorf("without a client secret: %+v", got)
			}
		})
	}
}

func TestRecordingIsFalseWhileAReplicaSaysThatItCannot(t *testing.T) {
	problem := func(since time.Duration, reason string) *v1alpha1.RecordingProblem {
		return &v1alpha1.RecordingProblem{Since: *testbed.TimeAt(since), Reason: reason, Message: "exceeded quota"}
	}
	now := testbed.At(time.Hour)
	report := func(replica string, ago time.Duration, problem *v1alpha1.RecordingProblem) v1alpha1.IntakeReport {
		return v1alpha1.IntakeReport{Replica: replica, ReportedAt: metav1.NewTime(now.Add(-ago)), NotRecording: problem}
	}
	for name, c := range map[string]struct {
		reports []v1alpha1.IntakeReport
		want    string
		says    []string
	}{
		"no report":           {nil, "True Recording", nil},
		"reports without any": {[]v1alpha1.IntakeReport{report("a", 0, nil)}, "True Recording", nil},
		"one that cannot": {
			[]v1alpha1.IntakeReport{report("a", 0, problem(0, "Forbidden")), report("b", 0, nil)},
			"False Forbidden",
			[]string{"replica a", "exceeded quota", "Raise the quota"},
		},
		"one that has gone": {[]v1alpha1.IntakeReport{report("a", 4*time.Minute, problem(0, "Forbidden"))}, "True Recording", nil},
		"the longest of two": {
			[]v1alpha1.IntakeReport{
				report("a", 0, problem(2*time.Minute, "Forbidden")), report("b", 0, problem(time.Minute, "Invalid")),
			},
			"False Invalid",
			[]string{"replica b"},
		},
		"a panic of ours": {[]v1alpha1.IntakeReport{report("a", 0, problem(0, "Panicked"))}, "False Panicked", nil},
	} {
		got := recordingCondition(&v1alpha1.AlertSource{Status: v1alpha1.AlertSourceStatus{Intake: c.reports}}, now)
		if string(got.Status)+" "+got.Reason != c.want {
			t.Errorf("%s: it is %+v", name, got)
		}
		for _, words := range c.says {
			if !strings.Contains(got.Message, words) {
				t.Errorf("%s: it says %q, without %q", name, got.Message, words)
			}
		}
	}
}

func TestTheLastSignalIsTheLatestOfAllAndNeverGoesBack(t *testing.T) {
	source := &v1alpha1.AlertSource{}
	if got := concludeReports(source, time.Now()).lastSignalTime; got != nil {
		t.Errorf("got %v, and none was heard", got)
	}
	for i, step := range []struct{ a, b, want *metav1.Time }{
		{nil, testbed.TimeAt(0), testbed.TimeAt(0)},
		{testbed.TimeAt(time.Minute), testbed.TimeAt(0), testbed.TimeAt(time.Minute)},
		{nil, nil, testbed.TimeAt(time.Minute)},
		{testbed.TimeAt(time.Second), nil, testbed.TimeAt(time.Minute)},
	} {
		source.Status.Intake = []v1alpha1.IntakeReport{{Replica: "a", LastSignalTime: step.a}, {Replica: "b", LastSignalTime: step.b}}
		source.Status.LastSignalTime = concludeReports(source, time.Now()).lastSignalTime
		if got := source.Status.LastSignalTime; !got.Equal(step.want) {
			t.Errorf("step %d: the last signal was at %v, want %v", i, got, step.want)
		}
	}
}

func TestIgnoredProjectsAreThoseThatTheAllowListStillLacksTenAtMost(t *testing.T) {
	source := &v1alpha1.AlertSource{}
	source.Spec.Sentry = &v1alpha1.SentrySource{Projects: []string{"ledger", "checkout"}}
	source.Status.Intake = []v1alpha1.IntakeReport{
		{Replica: "a", IgnoredProjects: []string{"billing", "checkout"}}, {Replica: "b", IgnoredProjects: []string{"accounts", "billing"}},
	}
	if got := concludeReports(source, time.Now()).ignoredProjects; !slices.Equal(got, []string{"accounts", "billing"}) {
		t.Errorf("named %v", got)
	}
	for letter := 'a'; letter < 'p'; letter++ {
		source.Status.Intake[0].IgnoredProjects = append(source.Status.Intake[0].IgnoredProjects, string(letter))
	}
	if got := concludeReports(source, time.Now()).ignoredProjects; len(got) != 10 {
		t.Errorf("named %v, want ten", got)
	}
	source.Spec.Sentry.Projects = nil
	if got := concludeReports(source, time.Now()).ignoredProjects; len(got) != 0 {
		t.Errorf("named %v, and there is no allow-list", got)
	}
}

// reportAs writes what an intake's replica does.
func (t *sourceTest) reportAs(report v1alpha1.IntakeReport) {
	t.Helper()
	object, err := t.source().StatusToApply(v1alpha1.AlertSourceStatus{Intake: []v1alpha1.IntakeReport{report}})
	testbed.Must(t.T, err)
	testbed.Must(t.T, control.Client(t).Status().Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object),
		client.FieldOwner("intake/"+report.Replica), client.ForceOwnership))
}

func (t *sourceTest) expectSignature(status metav1.ConditionStatus, reason string) {
	t.Helper()
	got := loop.ConditionOf(t.source().Status.Conditions, v1alpha1.ConditionSignatureVerified)
	if got.Status != status || got.Reason != reason {
		t.Errorf("SignatureVerified is %s %s, want %s %s", got.Status, got.Reason, status, reason)
	}
}

func TestTheStatusConcludesFromTheReports(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	test.expectSignature(metav1.ConditionUnknown, v1alpha1.ReasonNoDelivery)
	report := signedBy("a", v1alpha1.SignatureVerified, 0, 0)
	report.LastSignalTime = testbed.TimeAt(0)
	test.reportAs(report)
	test.reconcile()
	test.expectSignature(metav1.ConditionTrue, v1alpha1.ReasonVerified)
	if got := test.source().Status.LastSignalTime; !got.Equal(testbed.TimeAt(0)) {
		t.Errorf("the last signal was at %v", got)
	}
	before := test.source().ResourceVersion
	test.reconcile()
	if after := test.source().ResourceVersion; after != before {
		t.Error("the status was written although nothing changed")
	}
}

func TestASourceWithoutClientSecretsSaysThatTheTokenAloneAuthorizes(t *testing.T) {
	test := newSourceTest(t, func(source *v1alpha1.AlertSource) { source.Spec.Sentry.ClientSecretRefs = nil })
	test.reconcile()
	test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
	test.expectSignature(metav1.ConditionFalse, v1alpha1.ReasonNoClientSecret)
}

// Pods come and go. What one leaves behind must not stay in the source for ever, its field manager included.
func TestAReportGoesAnHourAfterItWasWrittenAndItsConclusionsStay(t *testing.T) {
	test := newSourceTest(t)
	for i, replica := range []string{"a", "b", "c"} {
		report := signedBy(replica, v1alpha1.SignatureVerified, time.Duration(i)*time.Minute, 0)
		report.LastSignalTime = testbed.TimeAt(0)
		test.reportAs(report)
	}
	test.reconcile()
	test.clock.SetTime(testbed.At(time.Hour))
	test.reportAs(signedBy("b", v1alpha1.SignatureVerified, time.Hour, 0))
	test.reconcile()
	if got := test.replicas(); got != "b c" {
		t.Errorf("after an hour the reports of %q are there, want those of b and c", got)
	}
	test.clock.SetTime(testbed.At(3 * time.Hour))
	test.reconcile()
	test.reconcile()
	if got := test.replicas(); got != "" {
		t.Errorf("after three hours the reports of %q are there", got)
	}
	test.expectSignature(metav1.ConditionTrue, v1alpha1.ReasonVerified)
	if got := test.source().Status.LastSignalTime; !got.Equal(testbed.TimeAt(0)) {
		t.Errorf("the last signal was at %v", got)
	}
	for _, manager := range test.source().ManagedFields {
		if strings.HasPrefix(manager.Manager, "intake/") {
			t.Errorf("%s is still a manager", manager.Manager)
		}
	}
}

func (t *sourceTest) replicas() string {
	t.Helper()
	var names []string
	for _, report := range t.source().Status.Intake {
		names = append(names, report.Replica)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestAReportThatIsWrittenAnewMeanwhileIsNotDropped(t *testing.T) {
	test := newSourceTest(t)
	test.reportAs(signedBy("a", v1alpha1.SignatureVerified, 0, 0))
	test.reconcile()
	stale := test.source()
	test.clock.SetTime(testbed.At(time.Hour))
	test.reportAs(signedBy("a", v1alpha1.SignatureVerified, time.Hour, 0))
	testbed.Must(t, test.reconciler.dropReports(t.Context(), stale))
	if got := test.replicas(); got != "a" {
		t.Errorf("the reports of %q are there, want that of a", got)
	}
}

// What a newer replica reported may say more than this version reads of it.
func TestAReportThatSaysMoreThanIsKnownOfItGoesToo(t *testing.T) {
	test := newSourceTest(t)
	test.reportAs(signedBy("a", v1alpha1.SignatureRefused, 0, 3))
	seen := test.source()
	seen.Status.Intake[0].Refused = 0
	test.clock.SetTime(testbed.At(time.Hour))
	testbed.Must(t, test.reconciler.dropReports(t.Context(), seen))
	if got := test.replicas(); got != "" {
		t.Errorf("the reports of %q are still there", got)
	}
}

func TestALaggingCacheOverwritesNoLaterConclusion(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	stale := test.source()
	test.reportAs(signedBy("a", v1alpha1.SignatureRefused, 0, 1))
	test.reconcile()
	err := test.reconciler.writeStatus(t.Context(), stale, verdict{ready: metav1.ConditionFalse, reason: "Any", message: "Any"}, 1)
	if result, err := loop.Again(err); err != nil || result.RequeueAfter != loop.Soon {
		t.Errorf("a write on an old view gives %+v, %v; want another look soon", result, err)
	}
	test.expectSignature(metav1.ConditionFalse, v1alpha1.ReasonSignatureMismatch)
}
