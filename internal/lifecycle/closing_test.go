package lifecycle

import (
	"testing"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestWhatWasOpenedIsClosed(t *testing.T) {
	paged := func() *world { return newWorld(usual()).look().deliver() }
	closing := func(w *world) *world { w.closing = true; return w.look().deliver().lookAt(60).deliver() }
	leaving := func(w *world, channel string) *world { w.leaving[channel] = true; return w.look().deliver() }
	leftSlack := func() *world { return leaving(paged(), "slack") }
	back := func(w *world, minute int) *world { w.leaving = map[string]bool{}; return w.lookAt(minute).deliver() }
	for name, c := range map[string]struct {
		world *world
		want  string
	}{
		"the Incident is deleted":                   {closing(paged()), "Page slack, Resolved slack"},
		"it is deleted before anybody is paged":     {closing(newWorld(usual()).look()), ""},
		"it is deleted when somebody has answered":  {closing(paged().responded(5, acknowledgedByHand(5))), "Page slack, Resolved slack"},
		"it is deleted when it is over":             {closing(paged().heard(resolve(at(5))).deliver()), "Page slack, Resolved slack"},
		"it is deleted when it is over, and untold": {closing(paged().heard(resolve(at(5)))), "Page slack, Resolved slack"},
		"it turns out to be a test": {
			paged().heard(alert(at(1), tagged)).deliver().lookAt(60).deliver(), "Page slack, Resolved slack",
		},
		"a channel is deleted":                       {leftSlack(), "Page slack, Resolved slack"},
		"a channel is deleted that was not told":     {leaving(paged(), "pager").lookAt(60).deliver(), "Page slack"},
		"the channel is back, when its step is done": {back(leftSlack(), 5), "Page slack, Resolved slack"},
		"the channel is back, after its step was due": {
			back(leaving(paged().lookAt(9), "pager").lookAt(20).deliver(), 21), "Page slack, Page pager",
		},
		"the channel is deleted after an answer": {
			leaving(paged().responded(5, acknowledgedByHand(5)).deliver(), "slack").lookAt(60).deliver(),
			"Page slack, Update slack, Resolved slack",
		},
		"the channel is back and told of the end again": {
			back(leaving(newWorld(repeated(usual(), 1, 30)).look().deliver(), "slack"), 30).heard(resolve(at(31))).deliver(),
			"Page slack, Resolved slack, Page slack, Page pager, Resolved slack, Resolved pager",
		},
	} {
		t.Run(name, func(t *testing.T) { c.world.expect(t, c.want) })
	}
}

func TestWhoeverMayHaveHeardOfAPageHearsOfItsEndAtOnce(t *testing.T) {
	for name, remove := range map[string]func(*world){
		"the Incident is deleted": func(w *world) { w.closing = true },
		"the channel is deleted":  func(w *world) { w.leaving["slack"] = true; w.respond(acknowledgedByHand(1)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(usual()).look()
			// The process ends before it records what became of it.
			Claim(w.status.Notifications, "slack", w.now)
			remove(w)
			w.lookAt(1)
			if len(w.status.Notifications) != 2 || w.status.Notifications[1].Kind != v1alpha1.KindResolved {
				t.Errorf("the ledger is %s", asJSON(t, w.status.Notifications))
			}
		})
	}
}

func TestAChannelMadeAgainBeforeItHeardOfTheEnd(t *testing.T) {
	w := newWorld(usual()).look().deliver()
	w.leaving["slack"] = true
	w.look()
	w.leaving["slack"] = false
	w.responded(1, acknowledgedByHand(1)).deliver().expect(t, "Page slack, Resolved slack")
	w = newWorld(policyOf(step("team", 0, "slack"), step("again", 5, "slack"))).look().deliver()
	w.leaving["slack"] = true
	w.look()
	w.leaving["slack"] = false
	w.lookAt(5).deliver().heard(resolve(at(6))).deliver().expect(t, "Page slack, Page slack, Resolved slack")
}

func TestAnIncidentIsOpenAtAChannelUntilThatHearsOfTheEnd(t *testing.T) {
	w := newWorld(usual()).look()
	incident := func() *v1alpha1.Incident { return &v1alpha1.Incident{Spec: *w.latest(), Status: w.status} }
	expect := func(when string, slack bool) {
		t.Helper()
		if got := IsOpenAt(incident(), "slack"); got != slack || IsOpenAt(incident(), "") != slack || IsOpenAt(incident(), "pager") {
			t.Errorf("%s, it is open at slack: %t", when, got)
		}
	}
	expect("while a page waits", false)
	Claim(w.status.Notifications, "slack", w.now)
	expect("while a page is under way", true)
	w.status.Notifications[0].SendBefore = nil
	w.look().deliver()
	expect("once it is told", true)
	w.heard(resolve(at(5)))
	expect("before the end is told", true)
	w.deliver()
	expect("once the end is told", false)
}

func TestWhatWasToldInASummaryAndBecomesCriticalIsToldByItself(t *testing.T) {
	critical := withPriority(v1alpha1.PriorityCritical)
	gathered := func() *world {
		w := newWorld(policyOf(step("team", 0, "slack", "pager")), withPriority(v1alpha1.PriorityHigh))
		w.gathers = true
		w.look().deliver()
		w.gathers = false
		return w
	}
	gathered().heard(alert(at(1), critical)).deliver().heard(alert(at(2), critical)).deliver().lookAt(3).deliver().
		expect(t, "Page slack, Page pager, Page slack, Page pager")
	w := gathered().heard(alert(at(1), critical)).look()
	if entry := w.status.Notifications[2]; entry.Sequence != 1 || entry.Step != "team" || entry.Priority != v1alpha1.PriorityCritical {
		t.Errorf("it is told with %+v", entry)
	}
	newWorld(usual()).look().deliver().heard(alert(at(1), critical)).deliver().expect(t, "Page slack")
	w = newWorld(usual(), critical)
	w.gathers = true
	w.look().deliver().heard(alert(at(1), critical)).deliver().expect(t, "Page slack")
	w = gathered().responded(1, acknowledgedByHand(1)).deliver()
	w.heard(alert(at(2), critical)).deliver().expect(t, "Page slack, Page pager, Update slack, Update pager, Update slack, Update pager")
}

func TestHowAnIncidentStands(t *testing.T) {
	paged := func() *world { return newWorld(usual()).look().deliver() }
	left := paged()
	left.leaving["slack"] = true
	over := func() *world { return paged().heard(resolve(at(5))).deliver() }
	for name, c := range map[string]struct {
		world  *world
		minute int
		want   v1alpha1.NotificationKind
	}{
		"nobody was told":              {newWorld(usual()).look(), 1, ""},
		"somebody was":                 {paged(), 1, v1alpha1.KindPage},
		"somebody answered":            {paged().responded(5, acknowledgedByHand(5)), 6, v1alpha1.KindUpdate},
		"it is over, which was told":   {over(), 19, v1alpha1.KindResolved},
		"it was over long ago":         {over(), 20, ""},
		"it is over, which is untold":  {paged().heard(resolve(at(5))), 6, ""},
		"it came up again":             {over().heard(unresolved(at(6))).deliver(), 7, v1alpha1.KindPage},
		"it came up again, untold":     {over().heard(unresolved(at(6))), 7, v1alpha1.KindResolved},
		"the channel heard of the end": {left.look().deliver(), 1, v1alpha1.KindResolved},
	} {
		t.Run(name, func(t *testing.T) {
			incident := &v1alpha1.Incident{Spec: *c.world.latest(), Status: c.world.status}
			entry, must := Standing(incident, "slack", at(c.minute))
			if must != (c.want != "") || must && entry.Kind != c.want {
				t.Errorf("it is told %t: %+v", must, entry)
			}
		})
	}
}

func TestAnIncidentThatIsBeingDeletedHearsNothingAndTheNextOneOpens(t *testing.T) {
	latest := tell(Rules{}, alert(at(0))).latest()
	rules := Rules{Deleted: true}
	next := Route(latest, at(0), alert(at(5)), v1alpha1.IncidentSpec{AlertKey: latest.AlertKey}, rules, at(5))
	if !next.Opens() || next.Spec.Number != latest.Number+1 || len(next.Spec.Signals) != 1 {
		t.Errorf("an alert makes %+v", next)
	}
	if over := Route(latest, at(0), resolve(at(5)), v1alpha1.IncidentSpec{}, rules, at(5)); over.Spec != nil || !over.Orphan {
		t.Errorf("a resolve makes %+v", over)
	}
}
