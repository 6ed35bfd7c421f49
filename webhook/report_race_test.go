package webhook_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/webhook"
)

// replicaThatIsOvertaken is a reporter that somebody else is faster than, once: after it has read, before it writes.
func replicaThatIsOvertaken(t *testing.T, rival func()) *webhook.Reporter {
	t.Helper()
	direct, err := client.NewWithWatch(cluster(t).Config, client.Options{Scheme: testbed.Scheme(t)})
	testbed.Must(t, err)
	rival = once(rival)
	overtaken := interceptor.NewClient(direct, interceptor.Funcs{
		Get: func(
			ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption,
		) error {
			err := c.Get(ctx, key, object, options...)
			rival()
			return err
		},
	})
	return webhook.NewReporter(overtaken, testingclock.NewFakeClock(noon), testr.New(t))
}

func TestReplicasThatReportAtTheSameTimeLoseNothing(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config), onlyLedger)
	other, _ := replica(t)
	other.Heard(known(t, source), noon.Add(time.Minute))
	other.IgnoredProjects(known(t, source), []string{"theirs"})
	reporter := replicaThatIsOvertaken(t, func() { other.Flush(t.Context()) })
	reporter.Heard(known(t, source), noon)
	reporter.IgnoredProjects(known(t, source), []string{"ours"})
	reporter.Flush(t.Context())
	if status := source.Get(t).Status; !status.LastSignalTime.Time.Equal(noon.Add(time.Minute)) ||
		!slices.Contains(status.IgnoredProjects, "theirs") {
		t.Errorf("what the other told is lost: %v, %v", status.LastSignalTime, status.IgnoredProjects)
	}
	reporter.Flush(t.Context())
	status := source.Get(t).Status
	slices.Sort(status.IgnoredProjects)
	if !status.LastSignalTime.Time.Equal(noon.Add(time.Minute)) || !slices.Equal(status.IgnoredProjects, []string{"ours", "theirs"}) {
		t.Errorf("next time: %v, %v; want the later signal, and the projects of both", status.LastSignalTime, status.IgnoredProjects)
	}
}

func TestAReportDoesNotOverwriteWhatTheSpecHasJustMadeUntrue(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config))
	reporter := replicaThatIsOvertaken(t, func() {
		source.Update(t, func(s *v1alpha1.AlertSource) { s.Spec.Sentry.ClientSecretRefs = nil })
	})
	reporter.Verified(known(t, source))
	for range 2 {
		reporter.Flush(t.Context())
		if got := signature(t, source); got.Reason != "" {
			t.Errorf("the source has no client secret any more, and yet: %+v", got)
		}
	}
}

// Pods come and go. What each of them leaves behind stays in the source for ever.
func TestReplicasThatComeAndGoLeaveNothingBehind(t *testing.T) {
	source := testbed.NewSource(t, testbed.NewClient(t, cluster(t).Config), onlyLedger)
	for i := range 5 {
		reporter, _ := replica(t)
		reporter.Verified(known(t, source))
		reporter.Heard(known(t, source), noon.Add(time.Duration(i)*time.Minute))
		reporter.IgnoredProjects(known(t, source), []string{"a"})
		reporter.Flush(t.Context())
	}
	// The one who made the source, and the intake.
	if managers := source.Get(t).ManagedFields; len(managers) != 2 {
		t.Errorf("%d field managers: %v", len(managers), managers)
	}
}
