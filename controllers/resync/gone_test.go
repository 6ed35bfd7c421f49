package resync

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// lastSignal is the last signal of an issue's latest Incident.
func (w *world) lastSignal(id string) v1alpha1.Signal {
	w.Helper()
	signals := w.incident(id).Spec.Signals
	return signals[len(signals)-1]
}

func TestTheOnlyIssueOfAProjectIsDeleted(t *testing.T) {
	w := newWorld(t)
	other := w.sentry.AddProject("ledger")
	id := w.sentry.Create(other, simulator.Issue{})
	w.deliver()
	w.pass()
	w.sentry.Delete(id)
	w.clock.Move(10 * time.Minute)
	if err := w.feed.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.expectStory(id, "Open")
	w.settle()
	w.expectStory(id, "Resolved")
	if last := w.lastSignal(id); last.Note != "deleted" || last.By != v1alpha1.ByResync {
		t.Errorf("it was resolved by %+v", last)
	}
}

func TestADeletedProjectKeepsNothingOpenForEver(t *testing.T) {
	w := newWorld(t)
	other := w.sentry.AddProject("ledger")
	id := w.sentry.Create(other, simulator.Issue{})
	w.deliver()
	w.pass()
	w.sentry.DeleteProject(other)
	for range 3 {
		w.pass()
	}
	w.expectStory(id, "Open")
	w.clock.Move(24 * time.Hour)
	w.pass()
	w.expectStory(id, "Resolved")
}

func TestAProjectThatTheTokenLosesKeepsItsIncidents(t *testing.T) {
	w := newWorld(t)
	other := w.sentry.AddProject("ledger")
	id := w.sentry.Create(other, simulator.Issue{})
	w.deliver()
	w.pass()
	// It is lost in the middle of a pass.
	w.during("query=is%3Aunresolved", func() { w.sentry.HideProject(other, true) })
	for range 10 {
		w.clock.Move(24 * time.Hour)
		w.pass()
	}
	w.expectStory(id, "Open")
	w.sentry.Resolve(id)
	w.lose()
	w.sentry.HideProject(other, false)
	w.pass()
	w.expectStory(id, "Resolved")
}

func TestAPageThatFailsInTheMiddleResolvesNothing(t *testing.T) {
	w := newWorld(t)
	w.pass()
	ids := w.create(150)
	w.deliver()
	w.sentry.SetFault(func(response http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.RawQuery, "cursor=") {
			http.Error(response, "upstream", http.StatusBadGateway)
			return true
		}
		return false
	})
	w.clock.Move(10 * time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := w.feed.pass(ctx); err == nil {
		t.Error("the pass has ended")
	}
	w.sentry.SetFault(nil)
	for _, id := range ids {
		w.expectStory(id, "Open")
	}
	w.pass()
	w.expectAllPages(len(ids))
}

func TestAnotherOrganizationWithTheSameSlugs(t *testing.T) {
	w := newWorld(t)
	id := w.create(1)[0]
	w.deliver()
	w.pass()
	// The same name is another organization now: none of its issues has the number of one of ours.
	w.sentry.Organization = &simulator.Organization{Now: w.clock.Now, Tell: w.outbox.Put}
	w.sentry.AddProject("elsewhere")
	w.project = w.sentry.AddProject("checkout")
	w.restart()
	for range 3 {
		w.pass()
	}
	// What is not there, in projects that the token sees, is deleted. All others stay until that is sure.
	w.clock.Move(25 * time.Hour)
	w.pass()
	w.expectStory(id, "Resolved")
	w.expectAllPages(1)
}

func TestMergedIssues(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(w *world, merged, left string)
		// merged and left are the stories that come of it.
		merged, left string
		pages        int
		acknowledged bool
	}{
		"into one that is open": {func(*world, string, string) {}, "Resolved", "Open", 1, false},
		"acknowledged, into one that is open": {
			func(w *world, merged, _ string) { w.respond(merged, acknowledgeByHand) }, "Resolved", "Acknowledged", 1, true,
		},
		"into one that is unknown": {func(w *world, _, left string) { w.forget(left) }, "Resolved", "Open", 1, false},
		"into one that was resolved by hand": {
			func(w *world, _, left string) { w.respond(left, resolveByHand) }, "Resolved", "Resolved, Open", 2, false,
		},
		"acknowledged, into one that was resolved by hand": {func(w *world, merged, left string) {
			w.respond(left, resolveByHand)
			w.respond(merged, acknowledgeByHand)
		}, "Resolved", "Resolved", 1, false},
		"acknowledged, into one that is unknown": {func(w *world, merged, left string) {
			w.forget(left)
			w.respond(merged, acknowledgeByHand)
			// While it is being merged, the one that is left would page by itself.
			w.sentry.EndMerge(merged, left)
		}, "Resolved", "Acknowledged", 0, true},
		"into one that Sentry has resolved": {func(w *world, _, left string) {
			w.sentry.Resolve(left)
			w.deliver()
		}, "Resolved", "Resolved", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.pass()
			w.pass()
			merged, left := w.create(1)[0], w.create(1)[0]
			w.deliver()
			w.clock.Move(time.Minute)
			c.prepare(w, merged, left)
			w.clock.Move(time.Minute)
			w.sentry.BeginMerge(merged)
			if err := w.feed.pass(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.sentry.EndMerge(merged, left)
			w.settle()
			for range 2 {
				w.pass()
			}
			w.expectStory(merged, c.merged)
			w.expectStory(left, c.left)
			w.expectPages(merged, 1)
			w.expectPages(left, c.pages)
			if last := w.lastSignal(merged); last.Note != "merged into issue/"+left {
				t.Errorf("it was resolved by %+v", last)
			}
			status, _ := lifecycle.Fold(&w.incident(left).Spec, w.clock.Now())
			if is := status.State == v1alpha1.StateAcknowledged; is != c.acknowledged {
				t.Errorf("the one that is left is %s", status.State)
			}
		})
	}
}

// forget deletes an issue's Incident, and that people were paged of it.
func (w *world) forget(id string) {
	w.Helper()
	latest := w.incident(id)
	latest.Finalizers = nil
	if err := w.mirror.Update(w.Context(), latest); err != nil {
		w.Fatal(err)
	}
	if err := w.mirror.Delete(w.Context(), latest); err != nil {
		w.Fatal(err)
	}
	delete(w.paged, v1alpha1.IssueKey(id))
}

func TestALeaderKilledInMidMergeLeavesNothingUndone(t *testing.T) {
	w := newWorld(t)
	w.pass()
	w.pass()
	merged, left := w.create(1)[0], w.create(1)[0]
	w.deliver()
	w.respond(merged, acknowledgeByHand)
	w.clock.Move(time.Minute)
	w.respond(left, func(response *v1alpha1.Response, now metav1.Time) { resolveByHand(response, now) })
	w.clock.Move(time.Minute)
	w.sentry.EndMerge(merged, left)
	for kill := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		w.sentry.SetFault(func(http.ResponseWriter, *http.Request) bool {
			calls++
			if calls > 2+kill {
				cancel()
			}
			return false
		})
		_ = w.feed.pass(ctx)
		cancel()
		w.conclude()
		w.restart()
		w.clock.Move(time.Minute)
	}
	w.sentry.SetFault(nil)
	w.pass()
	w.pass()
	w.expectStory(merged, "Resolved")
	w.expectStory(left, "Resolved")
	w.expectPages(left, 1)
}

func TestWhatListsLeaveOutStaysOpen(t *testing.T) {
	w := newWorld(t)
	old, hidden := w.create(1)[0], w.create(1)[0]
	w.deliver()
	w.pass()
	w.sentry.Forget(old, 91*24*time.Hour)
	w.sentry.Have(simulator.QuirkEmptyList, true)
	for range 5 {
		w.pass()
	}
	w.expectStory(old, "Open")
	w.expectStory(hidden, "Open")
	w.expectAllPages(2)
}

func TestASentryThatTellsNoSubstatusIsUnderstood(t *testing.T) {
	w := newWorld(t)
	w.sentry.Have(simulator.QuirkNoSubstatus, true)
	old := w.create(1)[0]
	w.lose()
	w.clock.Move(time.Hour)
	w.pass()
	w.pass()
	young := w.create(1)[0]
	w.lose()
	w.pass()
	w.expectStory(old, "Open")
	w.expectPages(old, 0)
	w.expectPages(young, 1)
	if priority := w.incident(young).Spec.Priority; priority != v1alpha1.PriorityHigh {
		t.Errorf("an error without a priority has %s", priority)
	}
}

func TestAnIssueThatIsMissingNowAndThenIsNotDeleted(t *testing.T) {
	w := newWorld(t)
	id := w.create(1)[0]
	w.deliver()
	w.pass()
	project := w.project
	for range 3 {
		// A list leaves it out, and a replica does not have it.
		w.sentry.Have(simulator.QuirkEmptyList, true)
		w.sentry.Vanish(id, true)
		w.clock.Move(10 * time.Minute)
		if err := w.feed.pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The second question failed.
		clear(w.feed.checks)
		w.sentry.Vanish(id, false)
		w.sentry.Have(simulator.QuirkEmptyList, false)
		w.pass()
	}
	w.expectStory(id, "Open")
	if w.incident(id).Spec.Issue.ProjectID != project {
		t.Errorf("its project is %q", w.incident(id).Spec.Issue.ProjectID)
	}
}

func TestAnAnswerThatNamesNoIssueResolvesNothing(t *testing.T) {
	w := newWorld(t)
	id := w.create(1)[0]
	w.deliver()
	w.pass()
	w.sentry.Have(simulator.QuirkEmptyList, true)
	w.sentry.Vanish(id, true)
	w.sentry.SetFault(func(response http.ResponseWriter, r *http.Request) bool {
		isSingle := strings.Contains(r.URL.Path, "/issues/"+id)
		if isSingle {
			_, _ = response.Write([]byte(`{"status":"ok"}`))
		}
		return isSingle
	})
	w.pass()
	w.expectStory(id, "Open")
	if waiting := w.lastPass().Waiting; waiting != 1 {
		t.Errorf("%d issues wait, want 1", waiting)
	}
}

func TestOneIssueThatCannotBeAskedForKeepsNoPassFromEnding(t *testing.T) {
	w := newWorld(t)
	w.pass()
	w.pass()
	ids := w.create(3)
	w.lose()
	w.sentry.SetFault(func(response http.ResponseWriter, r *http.Request) bool {
		isBroken := strings.Contains(r.URL.Path, "/issues/"+ids[0])
		if isBroken {
			response.WriteHeader(http.StatusInternalServerError)
		}
		return isBroken
	})
	for range 3 {
		w.pass()
	}
	w.expectPages(ids[1], 1)
	w.expectPages(ids[2], 1)
	w.expectStory(ids[0], "")
	// It is news still, once it can be asked for.
	w.sentry.SetFault(nil)
	w.pass()
	w.expectPages(ids[0], 1)
}
