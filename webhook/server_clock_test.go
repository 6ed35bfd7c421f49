package webhook_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/webhook"
)

func TestTheServersClockIsReadFromItsAnswers(t *testing.T) {
	var date string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", date) }))
	t.Cleanup(server.Close)
	for name, c := range map[string]struct {
		date string
		want time.Duration
	}{
		"it agrees":        {testbed.At(-400 * time.Millisecond).UTC().Format(http.TimeFormat), 0},
		"it is an hour on": {testbed.At(time.Hour).UTC().Format(http.TimeFormat), time.Hour},
		"it is behind":     {testbed.At(-time.Minute).UTC().Format(http.TimeFormat), -time.Minute},
		"it is unreadable": {"yesterday", 0},
	} {
		t.Run(name, func(t *testing.T) {
			date = c.date
			serverClock := webhook.NewServerClock(testclock.NewFakePassiveClock(testbed.Start))
			reader := &http.Client{Transport: serverClock.Wrap(http.DefaultTransport)}
			response, err := reader.Get(server.URL)
			testbed.Must(t, err)
			testbed.Must(t, response.Body.Close())
			if ahead := serverClock.Now().Sub(testbed.Start); ahead != c.want {
				t.Errorf("it is %s ahead, not %s", ahead, c.want)
			}
		})
	}
}

// slowClock is an hour behind.
type slowClock struct{}

func (slowClock) Now() time.Time                   { return time.Now().Add(-time.Hour) }
func (slowClock) Since(at time.Time) time.Duration { return time.Since(at) - time.Hour }

func TestAnIncidentIsRecordedByTheServersClock(t *testing.T) {
	serverClock := webhook.NewServerClock(slowClock{})
	config := rest.CopyConfig(cluster(t).Config)
	config.Wrap(serverClock.Wrap)
	served := startIntake(t, config, func(o *webhook.Options) { o.ServerClock = serverClock })
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.post(t, source, simulator.IssueWebhook("created", simulator.Issue{ID: "42"}, time.Now()))
	incident := source.Incidents(t)[0]
	if incident.Spec.RecordedAt == nil || incident.CreationTimestamp.Sub(incident.Spec.RecordedAt.Time).Abs() > 5*time.Second {
		t.Errorf("it was recorded at %s and created at %s", incident.Spec.RecordedAt, incident.CreationTimestamp)
	}
}

func TestARestoredIncidentIsWokenBySentry(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	restored := testbed.NewIncident(source.Name, v1alpha1.IssueKey("42"), 1,
		testbed.SignalAt(time.Now().Add(-time.Hour).Sub(testbed.Start), v1alpha1.SignalAlert, v1alpha1.EffectOpened))
	restored.Spec.RecordedAt = &metav1.Time{Time: time.Now().Add(-time.Hour).Truncate(time.Second)}
	testbed.Must(t, served.client.Create(t.Context(), restored))
	testbed.Eventually(t, "the intake knows the Incident", func(ctx context.Context) bool {
		return served.cache.Get(ctx, client.ObjectKeyFromObject(restored), &v1alpha1.Incident{}) == nil
	})
	for _, action := range []string{"assigned", "unresolved", "unresolved"} {
		served.post(t, source, simulator.IssueWebhook(action, simulator.Issue{ID: "42"}, time.Now()))
	}
	var effects []string
	for _, signal := range source.Incidents(t)[0].Spec.Signals {
		effects = append(effects, string(signal.Effect))
	}
	if got := strings.Join(effects, " "); got != "Opened Updated Woken Updated" {
		t.Errorf("the signals' effects are %s", got)
	}
}
