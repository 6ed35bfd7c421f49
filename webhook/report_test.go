package webhook_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/webhook"
)

// noon is when these replicas think that it is.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// replica is a reporter with a clock of its own.
func replica(t *testing.T) (*webhook.Reporter, *testingclock.FakeClock) {
	t.Helper()
	clock := testingclock.NewFakeClock(noon)
	return webhook.NewReporter(testbed.NewClient(t, cluster(t).Config), clock, testr.New(t)), clock
}

// known is a source as a directory would know it.
func known(t *testing.T, source *testbed.Source) *webhook.Source {
	t.Helper()
	return &webhook.Source{Object: source.Get(t), Name: source.Name}
}

func signature(t *testing.T, source *testbed.Source) metav1.Condition {
	t.Helper()
	condition := meta.FindStatusCondition(source.Get(t).Status.Conditions, v1alpha1.ConditionSignatureVerified)
	if condition == nil {
		return metav1.Condition{}
	}
	return *condition
}

func TestTheLastSignalNeverGoesBack(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	one, _ := replica(t)
	other, _ := replica(t)
	for i, step := range []struct {
		reporter *webhook.Reporter
		heard    time.Time
		want     time.Time
	}{
		{one, noon, noon},
		{other, noon.Add(-time.Minute), noon},
		{other, noon.Add(time.Minute), noon.Add(time.Minute)},
		{one, noon.Add(time.Second), noon.Add(time.Minute)},
	} {
		step.reporter.Heard(known(t, source), step.heard)
		step.reporter.Flush(t.Context())
		if last := source.Get(t).Status.LastSignalTime; last == nil || !last.Time.Equal(step.want) {
			t.Errorf("step %d: the last signal was at %v, want %v", i, last, step.want)
		}
	}
}

func TestTheSignatureConditionSaysWhatTheLastDeliveryShowed(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	reporter, clock := replica(t)
	for _, step := range []struct {
		tell   func(*webhook.Source)
		status metav1.ConditionStatus
		reason string
		since  time.Time
	}{
		{reporter.Verified, metav1.ConditionTrue, v1alpha1.ReasonVerified, noon},
		{reporter.Verified, metav1.ConditionTrue, v1alpha1.ReasonVerified, noon},
		{reporter.Mismatch, metav1.ConditionFalse, v1alpha1.ReasonSignatureMismatch, noon.Add(2 * time.Minute)},
		{reporter.Unreadable, metav1.ConditionUnknown, v1alpha1.ReasonClientSecretUnreadable, noon.Add(3 * time.Minute)},
		{reporter.Verified, metav1.ConditionTrue, v1alpha1.ReasonVerified, noon.Add(4 * time.Minute)},
	} {
		step.tell(known(t, source))
		reporter.Flush(t.Context())
		got := signature(t, source)
		if got.Status != step.status || got.Reason != step.reason || !got.LastTransitionTime.Time.Equal(step.since) {
			t.Errorf("got %+v, want %s %s since %v", got, step.status, step.reason, step.since)
		}
		clock.Step(time.Minute)
	}
}

func TestTheSignatureConditionIsLeftAloneWhereThereIsNoClientSecretAnyMore(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	reporter, _ := replica(t)
	reporter.Verified(known(t, source))
	reporter.Flush(t.Context())
	source.Update(t, func(s *v1alpha1.AlertSource) { s.Spec.Sentry.ClientSecretRefs = nil })
	reporter.Heard(known(t, source), noon)
	reporter.Flush(t.Context())
	if got := signature(t, source); got.Reason == v1alpha1.ReasonVerified {
		t.Errorf("still says %s", got.Reason)
	}
}

func TestWhatEarlierClientSecretsShowedDoesNotCountForLaterOnes(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	reporter, _ := replica(t)
	reporter.Verified(known(t, source))
	secrets := source.Get(t).Spec.Sentry.ClientSecretRefs
	source.Update(t, func(s *v1alpha1.AlertSource) { s.Spec.Sentry.ClientSecretRefs = nil })
	reporter.Heard(known(t, source), noon)
	source.Update(t, func(s *v1alpha1.AlertSource) { s.Spec.Sentry.ClientSecretRefs = secrets })
	reporter.Flush(t.Context())
	if got := signature(t, source); got.Reason != "" {
		t.Errorf("no delivery was verified since, and yet: %+v", got)
	}
}

func TestTheSignatureConditionSaysOfWhichSpecItSpeaksAndSinceWhenItHolds(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	reporter, clock := replica(t)
	for generation := int64(1); generation <= 2; generation++ {
		reporter.Verified(known(t, source))
		reporter.Flush(t.Context())
		if got := signature(t, source); got.ObservedGeneration != generation || !got.LastTransitionTime.Time.Equal(noon) {
			t.Errorf("got %+v, want generation %d, since the first time", got, generation)
		}
		clock.Step(time.Minute)
		source.Update(t, func(s *v1alpha1.AlertSource) { s.Spec.Suspend = true })
	}
}

func TestAReplicaKeepsWhatOthersTold(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config), onlyLedger)
	one, _ := replica(t)
	one.Mismatch(known(t, source))
	one.Heard(known(t, source), noon)
	one.IgnoredProjects(known(t, source), []string{"checkout"})
	one.Flush(t.Context())
	told := source.Get(t).Status
	other, _ := replica(t)
	other.Heard(known(t, source), noon.Add(-time.Minute))
	other.Flush(t.Context())
	if got := source.Get(t).Status; !equality.Semantic.DeepEqual(got, told) {
		t.Errorf("got %+v, want %+v", got, told)
	}
}

// Until the first delivery the condition is the controller's, which would lose it for good if the intake laid hands on it.
func TestAConditionOfTheControllersIsNotTheIntakes(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	object := source.Get(t)
	object.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionSignatureVerified, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonNoDelivery,
		LastTransitionTime: metav1.NewTime(noon),
	}}
	testbed.Must(t, source.Client.Status().Update(t.Context(), object, client.FieldOwner("controller")))
	reporter, _ := replica(t)
	reporter.Heard(known(t, source), noon)
	reporter.Flush(t.Context())
	for _, owner := range source.Get(t).ManagedFields {
		if owner.Manager != "controller" && strings.Contains(owner.FieldsV1.String(), "SignatureVerified") {
			t.Errorf("%s owns the condition", owner.Manager)
		}
	}
	if got := signature(t, source); got.Reason != v1alpha1.ReasonNoDelivery {
		t.Errorf("got %+v", got)
	}
}

// onlyLedger makes a source turn away all projects but one.
func onlyLedger(s *v1alpha1.AlertSource) { s.Spec.Sentry.Projects = []string{"ledger"} }

func TestAProjectThatIsListedNowIsNoLongerNamed(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config), onlyLedger)
	reporter, _ := replica(t)
	reporter.IgnoredProjects(known(t, source), []string{"checkout", "billing"})
	reporter.Flush(t.Context())
	source.Update(t, func(s *v1alpha1.AlertSource) { s.Spec.Sentry.Projects = []string{"ledger", "checkout"} })
	reporter.Heard(known(t, source), noon)
	reporter.Flush(t.Context())
	if got := source.Get(t).Status.IgnoredProjects; !slices.Equal(got, []string{"billing"}) {
		t.Errorf("named %v, want only what is still turned away", got)
	}
}

func TestProjectsTurnedAwayAreNamedUpToABound(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config), onlyLedger)
	one, _ := replica(t)
	other, _ := replica(t)
	for i := range 8 {
		one.IgnoredProjects(known(t, source), []string{"one-" + strconv.Itoa(i), "both"})
		other.IgnoredProjects(known(t, source), []string{"both", "other-" + strconv.Itoa(i)})
	}
	one.Flush(t.Context())
	other.Flush(t.Context())
	named := source.Get(t).Status.IgnoredProjects
	unique := map[string]bool{}
	for _, project := range named {
		unique[project] = true
	}
	if len(named) != 10 || len(unique) != 10 || !unique["both"] || !unique["one-7"] {
		t.Errorf("named %v, want ten different ones, those of the first replica among them", named)
	}
}

func TestNothingIsWrittenWhenNothingChanged(t *testing.T) {
	direct, err := client.NewWithWatch(cluster(t).Config, client.Options{Scheme: testbed.Scheme(t)})
	testbed.Must(t, err)
	writes := 0
	counting := interceptor.NewClient(direct, interceptor.Funcs{
		SubResourceApply: func(
			ctx context.Context, c client.Client, name string, object runtime.ApplyConfiguration, options ...client.SubResourceApplyOption,
		) error {
			writes++
			return c.SubResource(name).Apply(ctx, object, options...)
		},
	})
	source := testbed.NewSource(t, direct)
	reporter := webhook.NewReporter(counting, testingclock.NewFakeClock(noon), testr.New(t))
	reporter.Heard(known(t, source), noon)
	reporter.Verified(known(t, source))
	reporter.Flush(t.Context())
	reporter.Verified(known(t, source))
	reporter.Flush(t.Context())
	if writes != 1 {
		t.Errorf("written %d times, want once", writes)
	}
}

func TestAReportOfASourceThatIsGoneIsForgotten(t *testing.T) {
	c := testbed.NewClient(t, cluster(t).Config)
	source := testbed.NewSource(t, c)
	reporter, _ := replica(t)
	reporter.Mismatch(known(t, source))
	reporter.Flush(t.Context())
	reporter.Heard(known(t, source), noon)
	testbed.Must(t, c.Delete(t.Context(), source.Get(t)))
	reporter.Flush(t.Context())
	source.Create(t)
	reporter.Heard(known(t, source), noon.Add(time.Hour))
	reporter.Flush(t.Context())
	if got := signature(t, source); got.Reason != "" {
		t.Errorf("the new source is told what the former one's delivery showed: %+v", got)
	}
}

func TestWhatOneSourceShowedIsNotToldOfALaterOneOfItsName(t *testing.T) {
	c := testbed.NewClient(t, cluster(t).Config)
	source := testbed.NewSource(t, c)
	reporter, _ := replica(t)
	former := known(t, source)
	reporter.Mismatch(former)
	testbed.Must(t, c.Delete(t.Context(), former.Object))
	source.Create(t)
	reporter.Flush(t.Context())
	if got := signature(t, source); got.Reason != "" {
		t.Errorf("the new source is told what the former one's delivery showed: %+v", got)
	}
	reporter.Verified(known(t, source))
	reporter.Flush(t.Context())
	if got := signature(t, source); got.Reason != v1alpha1.ReasonVerified {
		t.Errorf("the new source's own deliveries show %+v", got)
	}
}
