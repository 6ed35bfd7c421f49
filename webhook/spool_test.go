package webhook_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook"
)

// spooled lets an intake keep in a folder what is not recorded in time.
func spooled(dir string) func(*webhook.Options) {
	return func(o *webhook.Options) { o.SpoolDir, o.SpoolMaxBytes = dir, 64<<20 }
}

func TestWhatAHungAPIServerDoesNotTakeIsAcceptedAndRecordedInItsOrder(t *testing.T) {
	proxy, err := cluster(t).Proxy()
	testbed.Must(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	served := startIntake(t, proxy.Config(), spooled(t.TempDir()))
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.tell(t, source, []chapter{{issue("created", 1), "opened"}})
	proxy.Hang()
	served.tell(t, source, []chapter{
		{issue("resolved", 2), "accepted"},
		// Of equal times the later arrival is the newer one.
		{issue("unresolved", 2), "accepted"},
		{issue("resolved", 3), "accepted"},
		{issue("unresolved", 3), "accepted"},
	})
	if err := served.Server.Ready(nil); err != nil {
		t.Errorf("an API server that went away made the intake unready: %v", err)
	}
	proxy.Resume()
	testbed.Eventually(t, "all is recorded, in order", func(context.Context) bool {
		return source.Story(t) == "1 Resolved High, 2 Resolved High, 3 Open High"
	})
}

// Of what is settled a cache has a stub alone; the API server, which has the rest, may be away.
func TestWhatComesOfASettledIncidentWhileTheAPIServerHangsIsAccepted(t *testing.T) {
	proxy, err := cluster(t).Proxy()
	testbed.Must(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	served := startIntake(t, proxy.Config(), spooled(t.TempDir()), func(o *webhook.Options) { o.AnswerTimeout = 6 * time.Second })
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	created, resolved := issue("created", 1), issue("resolved", 2)
	for _, one := range []simulator.Webhook{created, resolved} {
		if answer := served.post(t, source, one); answer.Status != http.StatusOK {
			t.Fatalf("answered %+v", answer)
		}
	}
	testbed.Eventually(t, "all is recorded", func(context.Context) bool { return source.Story(t) == "1 Resolved High" })
	settle(t, served, source)
	proxy.Hang()
	if answer := served.post(t, source, issue("unresolved", 3)); answer.Result != "accepted" {
		t.Errorf("answered %+v", answer)
	}
	proxy.Resume()
	testbed.Eventually(t, "the next Incident", func(context.Context) bool {
		return source.Story(t) == "1 Resolved High, 2 Open High"
	})
}

// settle writes the status that makes a source's first Incident a stub, and waits until the intake's cache has it.
func settle(t *testing.T, served *intake, source *testbed.Source) {
	t.Helper()
	incident := &source.Incidents(t)[0]
	incident.Status, _ = lifecycle.Fold(&incident.Spec, time.Now())
	incident.Status.ObservedGeneration = incident.Generation
	for i := range incident.Status.Conditions {
		incident.Status.Conditions[i].LastTransitionTime = metav1.Now()
	}
	testbed.Must(t, served.client.Status().Update(t.Context(), incident))
	testbed.Eventually(t, "the cache has a stub", func(ctx context.Context) bool {
		var list v1alpha1.IncidentList
		testbed.Must(t, served.cache.List(ctx, &list, client.InNamespace(source.Name.Namespace)))
		return len(list.Items) == 1 && lifecycle.IsStub(&list.Items[0])
	})
}

func TestRepeatsOfAnOpenIssueAreAcceptedAndCounted(t *testing.T) {
	served := startIntake(t, cluster(t).Config, spooled(t.TempDir()))
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.tell(t, source, []chapter{{issue("created", 1), "opened"}})
	for minute := range 20 {
		answer := served.post(t, source, eventAlert(2+minute))
		// The first one tells more than Sentry's created did.
		if minute > 0 && (answer.Result != "accepted" || answer.Incident != source.Name.Namespace+"/payments-42-1") {
			t.Errorf("answered %+v", answer)
		}
	}
	before := source.Incidents(t)[0]
	if before.Generation > 2 {
		t.Errorf("written %d times for 20 repeats", before.Generation)
	}
	// What changes more is not held up by them, and takes them along.
	served.tell(t, source, []chapter{{issue("resolved", 30), "resolved"}})
	if got := source.Incidents(t)[0]; got.Spec.SignalCount != 22 || source.Story(t) != "1 Resolved High" {
		t.Errorf("ended as %q, with %d signals", source.Story(t), got.Spec.SignalCount)
	}
}

func TestAStoppingIntakeRecordsTheRepeatsThatItHolds(t *testing.T) {
	served := startIntake(t, cluster(t).Config, spooled(t.TempDir()))
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.tell(t, source, []chapter{{issue("created", 1), "opened"}, {eventAlert(2), "updated"}, {eventAlert(3), "accepted"}})
	served.stop()
	if got := source.Incidents(t)[0].Spec.SignalCount; got != 3 {
		t.Errorf("%d signals are recorded, want 3", got)
	}
}

// A repeat is held on the word of the cache. Where somebody else ends the Incident, it is no repeat.
func TestARepeatThatIsNoneAfterAllOpensTheNextIncident(t *testing.T) {
	served := startIntake(t, cluster(t).Config, spooled(t.TempDir()))
	other := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	other.knows(t, source)
	served.tell(t, source, []chapter{{issue("created", 1), "opened"}, {eventAlert(2), "updated"}, {eventAlert(5), "accepted"}})
	other.tell(t, source, []chapter{{issue("resolved", 4), "resolved"}})
	resolved := time.Now()
	testbed.Eventually(t, "the next Incident", func(context.Context) bool {
		return source.Story(t) == "1 Resolved High, 2 Open High"
	})
	t.Logf("it opened %s after the resolve", time.Since(resolved))
}

func TestAnIntakeWithoutAUsableSpoolGoesOn(t *testing.T) {
	troubles := make(chan error, 10)
	served := startIntake(t, cluster(t).Config, spooled("/proc/nowhere"), func(o *webhook.Options) {
		o.Trouble = func(reason, message string) { troubles <- errors.New(reason + ": " + message) }
	})
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.tell(t, source, []chapter{
		{issue("created", 1), "opened"}, {eventAlert(2), "updated"}, {eventAlert(3), "updated"}, {issue("resolved", 4), "resolved"},
	})
	t.Log(<-troubles)
}

func TestAFullSpoolMeans503(t *testing.T) {
	proxy, err := cluster(t).Proxy()
	testbed.Must(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	troubles := make(chan string, 10)
	served := startIntake(t, proxy.Config(), func(o *webhook.Options) {
		o.SpoolDir, o.SpoolMaxBytes, o.AnswerTimeout = t.TempDir(), 5000, 0
		o.Trouble = func(reason, _ string) { troubles <- reason }
	})
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	proxy.Hang()
	counts := map[int]int{}
	for id := range 20 {
		posted := simulator.IssueWebhook("created", simulator.Issue{ID: string(rune('1' + id%9))}, at(id))
		counts[served.post(t, source, posted).Status]++
	}
	if counts[http.StatusOK] == 0 || counts[http.StatusServiceUnavailable] == 0 || len(counts) > 2 {
		t.Errorf("answers by code: %v", counts)
	}
	if got := <-troubles; got != "SpoolFull" {
		t.Errorf("heard of %s", got)
	}
	proxy.Resume()
}
