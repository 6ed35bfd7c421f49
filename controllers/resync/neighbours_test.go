package resync

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// This test lets people in Sentry, and responders of two operators that write back to it, change things at random, with webhooks lost
// and writes that come late. Operators that wrote because of each other's writes would never come to an end: each change is at most one
// write of its kind, and in the end all three agree.
func TestTwoOperatorsAndPeopleInSentryAgreeWithOneWriteAChange(t *testing.T) {
	first := newWritingWorld(t)
	n := &neighbours{
		world: first, clusters: []*world{first, first.neighbour(writesBackAll)}, random: rand.New(rand.NewPCG(7, 11)),
		resolved: map[string]int{}, comments: map[string]int{},
	}
	for change := range 500 {
		n.clock.Move(time.Duration(60+n.random.IntN(240)) * time.Second)
		n.happen()
		if change%50 == 49 {
			n.pass()
		}
	}
	n.comeToRest()
	n.expectAgreement()
	n.expectWrites()
}

// neighbours are two clusters, and people in Sentry.
type neighbours struct {
	// world is the first cluster, by which Sentry is reached.
	*world

	clusters []*world
	random   *rand.Rand
	ids      []string
	// resolved is how often responders resolved an issue's Incidents, comments how often each comment may be written.
	resolved, comments map[string]int
}

// happen lets one thing happen, and mostly whatever follows from it.
func (n *neighbours) happen() {
	n.Helper()
	isPrompt, before := !n.isWriting(), len(n.sentry.Writes())
	want := 0
	if n.random.IntN(2) == 0 {
		want = n.someResponds()
	} else {
		n.somebodyInSentry()
	}
	if n.random.IntN(4) == 0 {
		for _, w := range n.clusters {
			n.send(w)
		}
		return
	}
	n.follow()
	if got := len(n.sentry.Writes()) - before; isPrompt && got != want {
		n.Errorf("a change was followed by %d writes, want %d: %+v", got, want, n.sentry.Writes()[before:])
	}
}

// isWriting tells whether anything is left to be written.
func (n *neighbours) isWriting() bool {
	for _, w := range n.clusters {
		for _, known := range w.mirror.Incidents() {
			if len(lifecycle.Unwritten(known)) > 0 {
				return true
			}
		}
	}
	return false
}

// someResponds lets a responder act somewhere, and says how many writes that needs.
func (n *neighbours) someResponds() int {
	n.Helper()
	if len(n.ids) == 0 {
		return 0
	}
	id, w := n.ids[n.random.IntN(len(n.ids))], n.clusters[n.random.IntN(len(n.clusters))]
	latest := w.incident(id)
	if latest == nil || !isOpen(latest, n.clock.Now()) {
		return 0
	}
	act := resolveByHand
	if n.random.IntN(2) == 0 {
		act = acknowledgeByHand
	}
	known := lifecycle.Unwritten(latest)
	w.respond(id, act)
	needs := 0
	for _, one := range lifecycle.Unwritten(w.incident(id)) {
		isKnown := false
		for _, other := range known {
			isKnown = isKnown || one.Same(other)
		}
		status, _, _, _ := n.sentry.State(id)
		switch {
		case isKnown:
		case one.Kind != v1alpha1.WriteResolve:
			n.comments[commentOf(latest, one)]++
			needs++
		default:
			n.resolved[id]++
			if status == lifecycle.StatusUnresolved {
				needs++
			}
		}
	}
	return needs
}

func (n *neighbours) somebodyInSentry() {
	if len(n.ids) < 12 || n.random.IntN(15) == 0 {
		n.ids = append(n.ids, n.create(1)...)
		return
	}
	id := n.ids[n.random.IntN(len(n.ids))]
	status, _, _, _ := n.sentry.State(id)
	chance := n.random.IntN(6)
	switch {
	case status == lifecycle.StatusResolved && chance < 2:
		n.sentry.Unresolve(id)
	case status == lifecycle.StatusResolved:
		n.sentry.Regress(id)
	case status == lifecycle.StatusArchived && chance < 2:
		n.sentry.Unarchive(id)
	case status == lifecycle.StatusArchived:
		n.sentry.Escalate(id)
	case chance < 2:
		n.sentry.Archive(id)
	case chance < 4:
		n.sentry.Assign(id, fmt.Sprintf("Jane Doe %d", n.random.IntN(5)))
	default:
		n.sentry.Resolve(id)
	}
}

// send delivers most of the webhooks that a cluster is sent, and loses the others.
func (n *neighbours) send(w *world) {
	n.Helper()
	for _, webhook := range w.outbox.Take() {
		if n.random.IntN(5) > 0 {
			w.post(webhook)
		}
	}
}

// follow lets all that follows from what happened come about, in either order.
func (n *neighbours) follow() {
	n.Helper()
	for range 5 {
		before := len(n.sentry.Writes())
		for _, i := range n.random.Perm(len(n.clusters)) {
			n.send(n.clusters[i])
			n.clusters[i].write()
		}
		if len(n.sentry.Writes()) == before {
			return
		}
	}
	n.Fatalf("it does not come to an end: %+v", n.sentry.Writes())
}

// pass makes a pass in either cluster.
func (n *neighbours) pass() {
	n.Helper()
	for _, w := range n.clusters {
		w.pass()
	}
	n.follow()
}

// comeToRest takes what is archived out of the archive, of which two clusters need not agree, and lets passes do what they do.
func (n *neighbours) comeToRest() {
	n.Helper()
	n.follow()
	for _, id := range n.ids {
		if status, _, _, _ := n.sentry.State(id); status == lifecycle.StatusArchived {
			n.sentry.Escalate(id)
		}
	}
	for range 3 {
		n.pass()
	}
}

func (n *neighbours) expectAgreement() {
	n.Helper()
	open := 0
	for _, id := range n.ids {
		status, _, _, _ := n.sentry.State(id)
		if status == lifecycle.StatusUnresolved {
			open++
		}
		for i, w := range n.clusters {
			latest := w.incident(id)
			isOpenHere := latest != nil && isOpen(latest, n.clock.Now())
			if isOpenHere != (status == lifecycle.StatusUnresolved) {
				n.Errorf("issue %s is %s, and in cluster %d its Incident is open: %t\n%s", id, status, i, isOpenHere, describe(latest))
			}
		}
	}
	n.Logf("%d issues, %d open, %d writes", len(n.ids), open, len(n.sentry.Writes()))
	if open == 0 || open == len(n.ids) {
		n.Error("this history tells nothing: all issues are alike in the end")
	}
}

// expectWrites expects that nothing was written but what responders did, and that once.
func (n *neighbours) expectWrites() {
	n.Helper()
	for _, write := range n.sentry.Writes() {
		switch {
		case !write.Taken:
			n.Errorf("Sentry has refused %+v", write)
		case write.Comment != "":
			n.comments[write.Comment]--
		default:
			n.resolved[write.ID]--
		}
	}
	for what, left := range n.comments {
		if left < 0 {
			n.Errorf("there are %d comments too many: %s", -left, what)
		}
	}
	for id, left := range n.resolved {
		if left < 0 {
			n.Errorf("issue %s was resolved %d times too often", id, -left)
		}
	}
}
