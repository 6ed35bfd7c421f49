package webhook_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/webhook"
	"github.com/itoc360/itoc360-operator/webhook/inbox"
	"github.com/itoc360/itoc360-operator/webhook/sources"
)

// noon is when these replicas think that it is.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// replica is a reporter with a clock of its own.
func replica(t *testing.T, name string) (*webhook.Reporter, *testingclock.FakeClock) {
	t.Helper()
	clock := testingclock.NewFakeClock(noon)
	return webhook.NewReporter(testbed.NewClient(t, cluster(t).Config), name, clock, testr.New(t)), clock
}

// known is a source as a directory would know it.
func known(t *testing.T, source *testbed.Source) *sources.Source {
	t.Helper()
	return &sources.Source{Object: source.Get(t), Name: source.Name}
}

// entries tells what the replicas reported, such as "a: 12:00 Verified 12:00 refused 2 [checkout]".
func entries(t *testing.T, source *testbed.Source) string {
	t.Helper()
	var told []string
	for _, entry := range source.Get(t).Status.Intake {
		told = append(told, fmt.Sprintf("%s: %s %s %s refused %d %v", entry.Replica,
			clockTime(entry.LastSignalTime), entry.LastSignature, clockTime(entry.LastSignatureTime), entry.Refused, entry.IgnoredProjects))
	}
	slices.Sort(told)
	return strings.Join(told, "\n")
}

func clockTime(at *metav1.Time) string {
	if at == nil {
		return "-"
	}
	return at.UTC().Format("15:04")
}

func expectEntries(t *testing.T, source *testbed.Source, want ...string) {
	t.Helper()
	if got := entries(t, source); got != strings.Join(want, "\n") {
		t.Errorf("reported:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

func TestEachReplicaReportsInAnEntryOfItsOwn(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	a, _ := replica(t, "a")
	b, _ := replica(t, "b")
	a.Heard(known(t, source), noon)
	a.Signed(known(t, source), v1alpha1.SignatureVerified)
	b.Heard(known(t, source), noon.Add(-time.Minute))
	b.IgnoredProjects(known(t, source), []string{"checkout"})
	// Neither waits for what the other wrote, nor overwrites it.
	a.Flush(t.Context())
	b.Flush(t.Context())
	expectEntries(t, source, "a: 12:00 Verified 12:00 refused 0 []", "b: 11:59  - refused 0 [checkout]")
	a.Heard(known(t, source), noon.Add(time.Minute))
	a.Flush(t.Context())
	expectEntries(t, source, "a: 12:01 Verified 12:00 refused 0 []", "b: 11:59  - refused 0 [checkout]")
}

func TestAReportTellsWhatBecameOfTheLastSignatureAndHowManyWereRefused(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	reporter, clock := replica(t, "a")
	for _, step := range []struct {
		result v1alpha1.SignatureResult
		want   string
	}{
		{v1alpha1.SignatureVerified, "a: - Verified 12:00 refused 0 []"},
		{v1alpha1.SignatureRefused, "a: - Refused 12:20 refused 1 []"},
		{v1alpha1.SignatureRefused, "a: - Refused 12:40 refused 2 []"},
		{v1alpha1.SignatureUnreadable, "a: - Unreadable 13:00 refused 2 []"},
		// The first refusal is an hour old.
		{v1alpha1.SignatureVerified, "a: - Verified 13:20 refused 1 []"},
	} {
		reporter.Signed(known(t, source), step.result)
		reporter.Flush(t.Context())
		expectEntries(t, source, step.want)
		clock.Step(20 * time.Minute)
	}
	// No delivery came since, and yet the last refusal is no longer of the last hour.
	reporter.Flush(t.Context())
	expectEntries(t, source, "a: - Verified 13:20 refused 0 []")
}

func TestWhatEarlierClientSecretsShowedDoesNotCountForLaterOnes(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	reporter, _ := replica(t, "a")
	reporter.Signed(known(t, source), v1alpha1.SignatureRefused)
	source.Update(t, func(s *v1alpha1.AlertSource) { s.Spec.Sentry.ClientSecretRefs = nil })
	reporter.Heard(known(t, source), noon)
	reporter.Flush(t.Context())
	expectEntries(t, source, "a: 12:00  - refused 0 []")
}

// onlyLedger makes a source turn away all projects but one.
func onlyLedger(s *v1alpha1.AlertSource) { s.Spec.Sentry.Projects = []string{"ledger"} }

func TestProjectsTurnedAwayAreNamedUpToABoundAndForAnHour(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config), onlyLedger)
	reporter, clock := replica(t, "a")
	for i := range 12 {
		reporter.IgnoredProjects(known(t, source), []string{"project-" + strconv.Itoa(i)})
	}
	reporter.Flush(t.Context())
	if named := source.Get(t).Status.Intake[0].IgnoredProjects; len(named) != 10 {
		t.Errorf("named %v, want ten of them", named)
	}
	clock.Step(30 * time.Minute)
	reporter.IgnoredProjects(known(t, source), []string{"project-3", "project-11"})
	clock.Step(30 * time.Minute)
	reporter.Flush(t.Context())
	expectEntries(t, source, "a: -  - refused 0 [project-3]")
}

func TestNothingIsWrittenWhenNothingChanged(t *testing.T) {
	direct := testbed.NewClient(t, cluster(t).Config)
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
	clock := testingclock.NewFakeClock(noon)
	reporter := webhook.NewReporter(counting, "a", clock, testr.New(t))
	reporter.Heard(known(t, source), noon)
	reporter.Signed(known(t, source), v1alpha1.SignatureRefused)
	reporter.Flush(t.Context())
	for range 5 {
		clock.Step(10 * time.Second)
		reporter.Flush(t.Context())
	}
	if writes != 1 {
		t.Errorf("written %d times, want once", writes)
	}
	// What was refused is taken back once it is of the last hour no more, and then there is nothing left to tell.
	for range 5 {
		clock.Step(time.Hour)
		reporter.Flush(t.Context())
	}
	if writes != 2 {
		t.Errorf("written %d times, want twice", writes)
	}
}

func TestAReportThatCouldNotBeWrittenIsWrittenTheNextTime(t *testing.T) {
	proxy, err := cluster(t).Proxy()
	testbed.Must(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	reporter := webhook.NewReporter(testbed.NewClient(t, proxy.Config()), "a", testingclock.NewFakeClock(noon), testr.New(t))
	reporter.Heard(known(t, source), noon)
	proxy.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	reporter.Flush(ctx)
	expectEntries(t, source)
	proxy.Resume()
	reporter.Flush(t.Context())
	expectEntries(t, source, "a: 12:00  - refused 0 []")
}

func TestWhatOneSourceShowedIsNotToldOfALaterOneOfItsName(t *testing.T) {
	c := testbed.NewClient(t, cluster(t).Config)
	source := testbed.NewSource(t, c)
	reporter, _ := replica(t, "a")
	former := known(t, source)
	reporter.Signed(former, v1alpha1.SignatureRefused)
	testbed.Must(t, c.Delete(t.Context(), former.Object))
	reporter.Flush(t.Context())
	reporter.Signed(former, v1alpha1.SignatureRefused)
	source.Create(t)
	reporter.Flush(t.Context())
	expectEntries(t, source)
	reporter.Heard(known(t, source), noon)
	reporter.Flush(t.Context())
	expectEntries(t, source, "a: 12:00  - refused 0 []")
}

func TestAReplicasNameMayBeAsLongAsAPods(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	name := strings.Repeat("long-", 50) + "abc"
	reporter, _ := replica(t, name)
	reporter.Heard(known(t, source), noon)
	reporter.Flush(t.Context())
	expectEntries(t, source, name+": 12:00  - refused 0 []")
}

func TestAReplicaSaysForAsLongAsItHoldsThatItCannotRecord(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	reporter, clock := replica(t, "a")
	problems := map[types.NamespacedName]inbox.Problem{
		source.Name: {Since: noon, Reason: v1alpha1.ReasonForbidden, Message: "exceeded quota", Alerts: 2},
	}
	reporter.Watch(func() map[types.NamespacedName]inbox.Problem { return problems }, oneSource{known(t, source)})
	reporter.Flush(t.Context())
	first := source.Get(t).Status.Intake[0]
	if got := first.NotRecording; got == nil || got.Reason != "Forbidden" || got.Message != "exceeded quota" || got.Alerts != 2 {
		t.Fatalf("it reports %+v", first)
	}
	clock.Step(time.Minute)
	reporter.Flush(t.Context())
	if again := source.Get(t).Status.Intake[0]; !again.ReportedAt.After(first.ReportedAt.Time) || again.NotRecording == nil {
		t.Errorf("a minute later it reports %+v", again)
	}
	delete(problems, source.Name)
	clock.Step(time.Second)
	reporter.Flush(t.Context())
	if last := source.Get(t).Status.Intake[0]; last.NotRecording != nil {
		t.Errorf("once it can, it reports %+v", last)
	}
}

// oneSource finds a single source.
type oneSource struct{ *sources.Source }

func (o oneSource) ByName(types.NamespacedName) *sources.Source { return o.Source }
