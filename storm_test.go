package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/receivers"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

const (
	// stormSize is how many issues come up, one of every criticalEvery of which is Critical.
	stormSize     = 500
	criticalEvery = 25
	// stormPause is the time between two.
	stormPause = 90 * time.Millisecond
	// fewMessages are those that people may receive within a minute, at the default limit, however what is Critical comes: ten
	// single ones, and a summary every eight seconds.
	fewMessages = 20
)

// stormWatch is who receives a storm's messages.
type stormWatch struct {
	mu    sync.Mutex
	times []time.Time
	// named is when each Incident was first named.
	named map[string]time.Time
	// told is how many Incidents were told of, summaries counted in full.
	told int
}

// within is how many messages came within a time.
func (w *stormWatch) within(from time.Time, d time.Duration) (count int) {
	for _, at := range w.times {
		if since := at.Sub(from); since >= 0 && since < d {
			count++
		}
	}
	return count
}

// mostWithin is how many came at most within so long a time.
func (w *stormWatch) mostWithin(d time.Duration) (most int) {
	for _, at := range w.times {
		most = max(most, w.within(at, d))
	}
	return most
}

func (w *stormWatch) receive(delivery receivers.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.times = append(w.times, now)
	w.told += max(len(delivery.Incidents), 1)
	name := fmt.Sprint(delivery.Incident["name"])
	if _, known := w.named[name]; delivery.Incident != nil && !known {
		w.named[name] = now
	}
	// In a summary, what a person reads counts: not the list for machines.
	for line := range strings.SplitSeq(delivery.Body, "\n") {
		_, name, isNamed := strings.Cut(strings.TrimSuffix(line, ")"), " (")
		if _, known := w.named[name]; isNamed && delivery.Type == "incidents.summary" && !known {
			w.named[name] = now
		}
	}
}

func TestAStormIsAFewMessagesThatNameWhatIsCritical(t *testing.T) {
	watch := &stormWatch{named: map[string]time.Time{}}
	pager := &receivers.Webhook{Secret: testbed.SigningSecret, Unexpected: t.Errorf, Seen: watch.receive}
	o := startOperator(t, serviceAccount(t), "storm")
	source := newTeam(t, "pager")
	key := newChannel(t, source, "pager", serve(t, pager))
	// The default limit, whatever the operator writes to the channel meanwhile.
	asByDefault := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"limit":null}}`))
	testbed.Must(t, source.Client.Patch(t.Context(), testbed.NewWebhookChannel(key), asByDefault))
	o.knows(t, source)
	begun := time.Now()
	posted := postStorm(t, o, source)
	testbed.EventuallyWithin(t, 3*time.Minute, "every ledger is closed", func(context.Context) bool {
		closed := 0
		for _, incident := range source.Incidents(t) {
			for _, entry := range incident.Status.Notifications {
				if entry.State == v1alpha1.NotificationSent && entry.ClosedAt != nil {
					closed++
				}
			}
		}
		return closed == stormSize
	})
	watch.mu.Lock()
	defer watch.mu.Unlock()
	if most := watch.mostWithin(time.Minute); most > fewMessages {
		t.Errorf("%d messages came within a minute, not %d at most", most, fewMessages)
	}
	var waits []time.Duration
	for name, at := range posted {
		named, isNamed := watch.named[name]
		if !isNamed {
			t.Errorf("%s is Critical, and was never named", name)
		}
		waits = append(waits, named.Sub(at))
	}
	if len(waits) != stormSize/criticalEvery || watch.told != stormSize {
		t.Errorf("%d are Critical; %d Incidents were told, not each of %d once", len(waits), watch.told, stormSize)
	}
	// How long it takes depends on the machine; what dispatch makes of a storm, time apart, internal/lifecycle holds to.
	t.Logf("%d messages in the first minute, %d in all; what is Critical was named within %s",
		watch.within(begun, time.Minute), len(watch.times), slices.Max(waits))
}

// postStorm opens the storm's Incidents, and gives when the webhook of each was posted that is Critical.
func postStorm(t *testing.T, o *operator, source *testbed.Source) map[string]time.Time {
	t.Helper()
	critical := map[string]time.Time{}
	var posting sync.WaitGroup
	ticker := time.NewTicker(stormPause)
	defer ticker.Stop()
	for number := range stormSize {
		<-ticker.C
		id := strconv.Itoa(20_000 + number)
		issue := simulator.Issue{ID: id, Title: "Trouble " + id, Project: "checkout", Priority: "high"}
		if number%criticalEvery == criticalEvery/2 {
			issue.Priority = "critical"
			critical[v1alpha1.IncidentName(source.Name.Name, v1alpha1.IssueKey(id), 1)] = time.Now()
		}
		posting.Go(func() {
			answer, err := source.Sentry(o.url).Post(t.Context(), simulator.IssueWebhook("created", issue, time.Now()))
			if err != nil || answer.Status != http.StatusOK {
				t.Errorf("answered %v %v", answer, err)
			}
		})
	}
	posting.Wait()
	return critical
}
