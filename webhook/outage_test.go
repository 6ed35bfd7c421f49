package webhook_test

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/webhook"
)

func TestWhatCannotBeRecordedInTimeIsAnswered503AndRecordedLater(t *testing.T) {
	proxy, err := cluster(t).Proxy()
	testbed.Must(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	served := startIntake(t, proxy.Config(), func(o *webhook.Options) { o.AnswerTimeout = 0 })
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	proxy.Hang()
	if answer := served.post(t, source, issue("created", 1)); answer.Status != 503 {
		t.Errorf("answered %d: %s", answer.Status, answer.Body)
	}
	if err := served.Server.Ready(nil); err != nil {
		t.Errorf("an API server that went away made the intake unready: %v", err)
	}
	proxy.Resume()
	testbed.Eventually(t, "the signal is recorded after all", func(context.Context) bool { return source.Story(t) == "1 Open High" })
}

// Two replicas, one of which hears of the other's writes late: what it takes from its cache is old.
func TestAReplicaWithAnOldCacheDecidesRightly(t *testing.T) {
	t.Parallel()
	current := startIntake(t, cluster(t).Config)
	behind := startIntake(t, controlplane.DelayWatches(cluster(t).Config, 2*time.Second))
	for _, test := range []struct {
		name   string
		window time.Duration
		// seen is in the old cache, unseen is not; later goes to the replica that is behind.
		seen, unseen, later []chapter
		ends                string
	}{
		{
			name:   "a resolve of an Incident that the cache lacks is not an orphan",
			unseen: []chapter{{issue("created", 1), "opened"}},
			later:  []chapter{{issue("resolved", 2), "resolved"}},
			ends:   "1 Resolved High",
		}, {
			name:   "an alert for an Incident that the cache lacks makes no second one",
			unseen: []chapter{{issue("created", 1), "opened"}},
			later:  []chapter{{eventAlert(2), "updated"}},
			ends:   "1 Open High",
		}, {
			name:   "an alert sees the resolve that the cache lacks",
			seen:   []chapter{{issue("created", 1), "opened"}},
			unseen: []chapter{{issue("resolved", 2), "resolved"}},
			later:  []chapter{{issue("unresolved", 3), "opened"}},
			ends:   "1 Resolved High, 2 Open High",
		}, {
			name:   "a late alert sees a newer resolve that the cache lacks",
			seen:   []chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}},
			unseen: []chapter{{issue("resolved", 5), "updated"}},
			later:  []chapter{{issue("assigned", 4), "updated"}},
			ends:   "1 Resolved High",
		}, {
			name:   "a resolve finds the next Incident that the cache lacks",
			seen:   []chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}},
			unseen: []chapter{{issue("unresolved", 3), "opened"}},
			later:  []chapter{{issue("resolved", 4), "resolved"}},
			ends:   "1 Resolved High, 2 Resolved High",
		}, {
			name:   "an alert does not reopen when there is a next Incident that the cache lacks",
			window: 90 * time.Second,
			seen:   []chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}},
			unseen: []chapter{{issue("unresolved", 5), "opened"}},
			later:  []chapter{{issue("unresolved", 3), "updated"}},
			ends:   "1 Resolved High, 2 Open High",
		}, {
			name:   "a retention that the cache has not seen lets numbers start again",
			seen:   []chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}},
			unseen: []chapter{{simulator.Webhook{}, "all deleted"}},
			later:  []chapter{{issue("unresolved", 3), "opened"}},
			ends:   "1 Open High",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			source := testbed.NewSource(t, current.client, reopen(test.window))
			current.knows(t, source)
			behind.knows(t, source)
			current.tell(t, source, test.seen)
			testbed.Eventually(t, "the old cache has seen so much", func(ctx context.Context) bool {
				return behind.signalsSeen(ctx, t, source) == len(test.seen)
			})
			current.tell(t, source, test.unseen)
			if seen := behind.signalsSeen(t.Context(), t, source); seen != len(test.seen) {
				t.Log("the machine is slow, the cache is no longer old: this run proves less than it should")
			}
			behind.tell(t, source, test.later)
			if got := source.Story(t); got != test.ends {
				t.Errorf("ended as %q, want %q", got, test.ends)
			}
		})
	}
}

// tell posts webhooks and compares the results.
func (i *intake) tell(t *testing.T, source *testbed.Source, chapters []chapter) {
	t.Helper()
	for _, chapter := range chapters {
		if chapter.result == "all deleted" {
			incidents := source.Incidents(t)
			for n := range incidents {
				testbed.Must(t, i.client.Delete(t.Context(), &incidents[n]))
			}
			continue
		}
		if answer := i.post(t, source, chapter.webhook); answer.Result != chapter.result {
			t.Errorf("answered %s, want %s", answer.Result, chapter.result)
		}
	}
}

// signalsSeen counts the signals of a source's Incidents in the intake's cache.
func (i *intake) signalsSeen(ctx context.Context, t *testing.T, source *testbed.Source) int {
	t.Helper()
	var list v1alpha1.IncidentList
	testbed.Must(t, i.cache.List(ctx, &list, client.InNamespace(source.Name.Namespace)))
	seen := 0
	for _, incident := range list.Items {
		seen += int(incident.Spec.SignalCount)
	}
	return seen
}

func TestAnIncidentOfAnEarlierSourceIsAdopted(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	for name, test := range map[string]struct {
		owners []metav1.OwnerReference
		labels map[string]string
	}{
		"owned by an earlier source of the name": {owners: []metav1.OwnerReference{{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: "AlertSource", Name: testbed.SourceName,
			UID: types.UID("gone"), Controller: ptr.To(true),
		}}},
		"owned by nobody": {},
	} {
		t.Run(name, func(t *testing.T) {
			source := testbed.NewSource(t, served.client)
			served.knows(t, source)
			served.post(t, source, issue("created", 1))
			incident := source.Incidents(t)[0]
			before := incident.DeepCopy()
			incident.OwnerReferences, incident.Labels = test.owners, test.labels
			testbed.Must(t, served.client.Patch(t.Context(), &incident, client.MergeFrom(before)))
			testbed.Eventually(t, "the adoption", func(context.Context) bool {
				served.post(t, source, eventAlert(2))
				adopted := source.Incidents(t)[0]
				owner := metav1.GetControllerOf(&adopted)
				return owner != nil && owner.UID == source.Get(t).UID && adopted.Labels[v1alpha1.LabelAlert] == "issue-42"
			})
			if got := source.Story(t); got != "1 Open High" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// Whoever deletes a source with --cascade=orphan keeps its Incidents; a resolve that comes meanwhile must not make them the
// source's again, and so be deleted with it.
func TestASourceThatIsBeingDeletedAdoptsNothing(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client, func(s *v1alpha1.AlertSource) { s.Finalizers = []string{"example.com/wait"} })
	served.knows(t, source)
	served.post(t, source, issue("created", 1))
	incident := source.Incidents(t)[0]
	before := incident.DeepCopy()
	incident.OwnerReferences = nil
	testbed.Must(t, served.client.Patch(t.Context(), &incident, client.MergeFrom(before)))
	testbed.Must(t, served.client.Delete(t.Context(), source.Get(t)))
	served.knows(t, source)
	if answer := served.post(t, source, issue("unresolved", 2)); answer.Status != 503 {
		t.Errorf("an alert is answered %d %s, want 503", answer.Status, answer.Body)
	}
	if answer := served.post(t, source, issue("resolved", 3)); answer.Result != "resolved" {
		t.Errorf("a resolve is answered %d %s", answer.Status, answer.Body)
	}
	if owners := source.Incidents(t)[0].OwnerReferences; len(owners) > 0 {
		t.Errorf("the Incident is owned by %+v", owners)
	}
	if got := source.Story(t); got != "1 Resolved High" {
		t.Errorf("got %q", got)
	}
	source.Update(t, func(s *v1alpha1.AlertSource) { s.Finalizers = nil })
}

func TestAnObjectThatHasAnIncidentsNameIsNoneOfOurs(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	testbed.Must(t, served.client.Create(t.Context(), &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{Namespace: source.Name.Namespace, Name: "payments-42-1"},
		Spec: v1alpha1.IncidentSpec{
			SourceRef: v1alpha1.SourceReference{Name: "another"}, AlertKey: v1alpha1.IssueKey("7"), Number: 1,
			Priority: v1alpha1.PriorityLow,
			Signals: []v1alpha1.Signal{{
				Time: metav1.NowMicro(), ReceivedAt: metav1.NowMicro(), Event: v1alpha1.SignalAlert, Effect: v1alpha1.EffectOpened,
			}},
			SignalCount: 1,
		},
	}))
	if answer := served.post(t, source, issue("created", 1)); answer.Status != 503 {
		t.Errorf("answered %d %s, want 503", answer.Status, answer.Body)
	}
}
