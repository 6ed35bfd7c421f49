package resync

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

// during lets something happen, once, the moment Sentry is asked for what a part of the address names, before it answers.
func (w *world) during(path string, happens func()) {
	done := false
	w.sentry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		if !done && strings.Contains(r.URL.Path+"?"+r.URL.RawQuery, path) {
			done = true
			happens()
		}
		return false
	})
}

func TestAPageAndAWebhookOfTheSameSecond(t *testing.T) {
	for name, c := range map[string]struct {
		// happens is what happens to an open issue, or to a resolved one, while a page is read.
		resolves, webhookFirst bool
		want                   string
		pages                  int
	}{
		"resolved, the webhook first":   {true, true, "Resolved", 1},
		"resolved, the page first":      {true, false, "Resolved", 1},
		"unresolved, the webhook first": {false, true, "Resolved, Open", 2},
		"unresolved, the page first":    {false, false, "Resolved, Open", 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.pass()
			id := w.create(1)[0]
			w.deliver()
			if !c.resolves {
				w.clock.Move(time.Minute)
				w.sentry.Resolve(id)
				w.deliver()
			}
			// A busy one beside it keeps the list from being empty.
			w.create(1)
			w.deliver()
			w.during("query=is%3Aunresolved", func() {
				if c.resolves {
					w.sentry.Resolve(id)
				} else {
					w.sentry.Unresolve(id)
				}
				if c.webhookFirst {
					w.deliver()
				}
			})
			w.pass()
			w.deliver()
			w.sentry.SetFault(nil)
			w.pass()
			w.expectStory(id, c.want)
			w.expectPages(id, c.pages)
		})
	}
}

func TestAReplicaThatIsBehindUndoesNothing(t *testing.T) {
	w := newWorld(t)
	w.pass()
	ids := w.create(20)
	w.deliver()
	w.clock.Move(10 * time.Minute)
	for i, id := range ids {
		if i%2 == 0 {
			w.sentry.Resolve(id)
		}
	}
	w.deliver()
	w.sentry.Have(simulator.QuirkLaggingReplica, true)
	w.clock.Move(2 * time.Second)
	if err := w.tryPass(); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		if want := map[bool]string{true: "Resolved", false: "Open"}[i%2 == 0]; w.story(id) != want {
			t.Errorf("issue %d is %s, want %s", i, w.story(id), want)
		}
		w.expectPages(id, 1)
	}
}

func TestWhatSlipsFromPageToPageIsFoundByTheNextPass(t *testing.T) {
	w := newWorld(t)
	w.pass()
	busy := w.create(1)[0]
	w.lose()
	w.create(250)
	w.deliver()
	// It is on the third page, and on the first one once that was read; and when that is read again, others are in front of it.
	jumped := false
	w.sentry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		query := r.URL.Query()
		switch {
		case query.Get("cursor") == "0:200:0" && !jumped:
			jumped = true
			w.sentry.Event(busy)
		case query.Get("query") != "" && query.Get("cursor") == "" && jumped:
			for _, id := range w.create(110) {
				w.sentry.Event(id)
			}
		}
		return false
	})
	w.pass()
	w.deliver()
	w.expectStory(busy, "")
	w.sentry.SetFault(nil)
	w.pass()
	w.expectStory(busy, "Open")
	w.expectPages(busy, 1)
}

func TestANewIssueThatListsDoNotHaveYetIsFoundLater(t *testing.T) {
	w := newWorld(t)
	w.pass()
	w.sentry.Have(simulator.QuirkLateInList, true)
	w.clock.Move(10 * time.Minute)
	id := w.create(1)[0]
	w.lose()
	if err := w.tryPass(); err != nil {
		t.Fatal(err)
	}
	w.expectStory(id, "")
	w.pass()
	w.expectStory(id, "Open")
	w.expectPages(id, 1)
}

func TestContradictionsAreAskedAboutAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(w *world, id string)
		want    string
	}{
		"a webhook says resolved of what is open": {func(w *world, id string) {
			w.sentry.Resolve(id)
			w.lose()
			w.post(simulator.IssueWebhook("assigned", simulator.Issue{ID: id, Status: "resolved", Assignee: "Jane Doe"}, w.clock.Now()))
		}, "Resolved"},
		"a resolve says unresolved, and it is": {func(w *world, id string) {
			w.sentry.Resolve(id)
			w.lose()
			w.sentry.Regress(id)
			w.lose()
			w.post(simulator.IssueWebhook("resolved", simulator.Issue{ID: id, Status: "unresolved"}, w.clock.Now()))
		}, "Resolved, Open"},
		"a resolve says unresolved, and it is not": {func(w *world, id string) {
			w.sentry.Resolve(id)
			w.lose()
			w.post(simulator.IssueWebhook("resolved", simulator.Issue{ID: id, Status: "unresolved"}, w.clock.Now()))
		}, "Resolved"},
		"an alert rule fires late": {func(w *world, id string) {
			w.sentry.Resolve(id)
			w.deliver()
			w.clock.Move(time.Minute)
			w.post(simulator.EventAlert(simulator.Issue{ID: id}, "Page the on-call", false, w.clock.Now()))
		}, "Resolved, Resolved"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.pass()
			w.pass()
			id := w.create(1)[0]
			w.deliver()
			w.clock.Move(time.Minute)
			before, _ := w.sentry.Calls()
			c.happens(w, id)
			w.settle()
			w.expectStory(id, c.want)
			if after, _ := w.sentry.Calls(); after-before < 1 || after-before > 3 {
				t.Errorf("it took %d calls", after-before)
			}
		})
	}
}
