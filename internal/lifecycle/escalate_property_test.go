package lifecycle

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// fate is a world whose sends have a life of their own: a process can end between claim and send, and between send and
// record, and a target can take a message and lose its answer.
type fate struct {
	*world
	policies []*v1alpha1.EscalationPolicySpec
	// begun are how often the send of each notification began, and excused how often its outcome was lost before.
	begun, excused map[string]int
	// refused are the channels that turned a Resolved away for good.
	refused map[string]bool
}

var channels = []string{"slack", "mail", "pager", "phone"}

func keyOf(entry v1alpha1.Notification) string {
	return fmt.Sprint(entry.Run, entry.Loop, entry.Step, entry.Channel, entry.Kind, entry.Sequence)
}

func newFate(t *rapid.T) *fate {
	policies := []*v1alpha1.EscalationPolicySpec{
		usual(),
		repeated(policyOf(step("team", 0, "slack", "mail"), from(v1alpha1.PriorityHigh, step("on-call", 10, "pager"))), 2, 30),
		policyOf(step("everybody", 0, "slack", "mail", "pager", "phone"), step("team", 5, "slack"), step("boss", 60, "phone")),
		nil,
	}
	priority := rapid.SampledFrom([]v1alpha1.Priority{v1alpha1.PriorityLow, v1alpha1.PriorityCritical}).Draw(t, "priority")
	f := &fate{
		world: newWorld(rapid.SampledFrom(policies).Draw(t, "policy"), withPriority(priority)), policies: policies,
		begun: map[string]int{}, excused: map[string]int{}, refused: map[string]bool{},
	}
	f.rules.ReopenWindow = 100 * time.Hour
	return f
}

func (f *fate) pass(t *rapid.T) {
	minutes := rapid.SampledFrom([]int{0, 0, 1, 2, 5, 10, 30, 120}).Draw(t, "minutes")
	seconds := rapid.IntRange(0, 59).Draw(t, "seconds")
	f.now = f.now.Add(time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second)
}

// jump sets the clock back, as a new leader's may be, and forth again.
func (f *fate) jump(t *rapid.T) {
	now := f.now
	f.now = f.now.Add(-time.Duration(rapid.IntRange(1, 4).Draw(t, "back")) * time.Second)
	f.check(t)
	f.now = now
}

func (f *fate) signal(t *rapid.T) {
	kind := rapid.SampledFrom([]func(time.Time, ...func(*Heard)) Heard{
		alert, alert, unresolved, regression, resolve, acknowledge, update,
	}).Draw(t, "signal")
	priority := rapid.SampledFrom([]v1alpha1.Priority{
		"", v1alpha1.PriorityLow, v1alpha1.PriorityHigh, v1alpha1.PriorityCritical,
	}).Draw(t, "raised")
	f.now = f.now.Add(time.Second)
	f.hear(kind(f.now, withPriority(priority)))
}

func (f *fate) response(t *rapid.T) {
	if f.status.State == v1alpha1.StateResolved {
		return
	}
	now := metav1.NewTime(f.now.Truncate(time.Second))
	f.respond(rapid.SampledFrom([]func(*v1alpha1.Response){
		func(r *v1alpha1.Response) { r.AcknowledgedBy, r.AcknowledgedAt = alice, &now },
		unacknowledged,
		func(r *v1alpha1.Response) {
			until := metav1.NewTime(now.Add(20 * time.Minute))
			r.SnoozedBy, r.SnoozedUntil = alice, &until
		},
		func(r *v1alpha1.Response) { r.SnoozedBy, r.SnoozedUntil = "", nil },
	}).Draw(t, "response"))
}

func (f *fate) edit(t *rapid.T) { f.policy = rapid.SampledFrom(f.policies).Draw(t, "policy") }

// leave lets a channel be deleted, or be there again.
func (f *fate) leave(t *rapid.T) {
	channel := rapid.SampledFrom(channels).Draw(t, "channel")
	f.leaving[channel] = !f.leaving[channel]
	f.gathers = rapid.Bool().Draw(t, "gathers")
}

// send attempts what is next for one of the channels, with any outcome.
func (f *fate) send(t *rapid.T) {
	f.sendOne(t, rapid.SampledFrom(channels).Draw(t, "channel"), rapid.SampledFrom([]string{
		"taken", "taken", "taken", "retryable", "unauthorized", "permanent", "ended before", "ended after", "answer lost", "stalled",
	}).Draw(t, "outcome"))
}

func (f *fate) sendOne(t *rapid.T, channel, outcome string) {
	t.Helper()
	place, _ := Claim(f.status.Notifications, channel, f.now)
	if place < 0 {
		return
	}
	entry := &f.status.Notifications[place]
	key := keyOf(*entry)
	if outcome != "ended before" && outcome != "retryable" && outcome != "unauthorized" && outcome != "permanent" {
		f.begun[key]++
		f.arrived = append(f.arrived, *entry)
	}
	if f.begun[key] > 1+f.excused[key] {
		t.Fatalf("%s was sent %d times, of which %d may be lost", key, f.begun[key], f.excused[key])
	}
	failure := Failure{Class: FailureRetryable, Reason: "Refused", Message: "no"}
	switch outcome {
	case "taken":
		Sent(entry, "receipt", f.now)
		return
	case "ended before":
		return
	case "ended after", "stalled":
		f.excused[key]++
		if outcome == "stalled" {
			// The record comes late, but before anybody else may send.
			f.now = f.now.Add(SendWithin)
			Sent(entry, "receipt", f.now)
		}
		return
	case "answer lost":
		f.excused[key]++
		failure.MayHaveArrived = true
	case "unauthorized":
		failure.Class, failure.Reason = FailureUnauthorized, v1alpha1.ReasonUnauthorized
	case "permanent":
		failure.Class = FailurePermanent
		f.refused[entry.Channel] = f.refused[entry.Channel] || entry.Kind == v1alpha1.KindResolved
	}
	Failed(entry, failure, 0.5, f.now)
}

// check looks, and asks what must hold of every look.
func (f *fate) check(t *rapid.T) {
	before := asJSON(t, f.status.Notifications)
	f.look()
	next := f.last.Next
	if _, wakes := Fold(f.latest(), f.now); !wakes.IsZero() && (next.IsZero() || wakes.Before(next)) {
		next = wakes
	}
	if next.IsZero() {
		next = f.now.Add(100 * time.Hour)
	}
	if !next.After(f.now) {
		t.Fatalf("the next look is at %s, now it is %s", next, f.now)
	}
	for _, now := range []time.Time{f.now, next.Add(-time.Microsecond)} {
		again := f.situation()
		again.Now = now
		again.Is, _ = Fold(f.latest(), now)
		if result := Escalate(again); !same(t, result.Notifications, f.last.Notifications) || !same(t, result.Run, f.last.Run) {
			t.Fatalf("a look at %s says otherwise: %s, then %s", now, asJSON(t, f.last), asJSON(t, result))
		}
	}
	if len(f.status.Notifications) > v1alpha1.MaxNotifications {
		t.Fatalf("the ledger has %d entries", len(f.status.Notifications))
	}
	keys := map[string]bool{}
	for _, entry := range f.status.Notifications {
		if keys[keyOf(entry)] {
			t.Fatalf("%s is there twice", keyOf(entry))
		}
		keys[keyOf(entry)] = true
		isWaiting := entry.State == v1alpha1.NotificationPending && !isClaimed(entry, f.now)
		if isPage(entry) && isWaiting && f.status.State != v1alpha1.StateOpen {
			t.Fatalf("%s waits though it is %s", keyOf(entry), f.status.State)
		}
	}
	f.checkDue(t, before)
}

// checkDue asks whether every step that is due by its time alone is in the ledger.
func (f *fate) checkDue(t *rapid.T, before string) {
	t.Helper()
	if f.policy == nil || f.closing || f.status.State != v1alpha1.StateOpen {
		return
	}
	round := int32(0)
	start := f.status.Escalation.StartedAt.Time
	if f.policy.Repeat != nil {
		past := max(f.now.Sub(start), 0)
		round = min(f.policy.Repeat.Times, int32(past/f.policy.Repeat.Every.Duration))
		start = start.Add(time.Duration(round) * f.policy.Repeat.Every.Duration)
	}
	for _, step := range f.policy.Steps {
		isDue := !start.Add(step.After.Duration).After(f.now) && rank(f.latest().Priority) >= rank(step.MinPriority) &&
			slices.ContainsFunc(step.Notify, func(one v1alpha1.Recipient) bool { return !f.leaving[one.ChannelRef.Name] })
		isDone := slices.ContainsFunc(f.status.Notifications, func(entry v1alpha1.Notification) bool {
			return isPage(entry) && entry.Run == f.status.Escalation.Run && entry.Loop >= round && entry.Step == step.Name
		})
		later := slices.ContainsFunc(f.status.Notifications, func(entry v1alpha1.Notification) bool {
			return isPage(entry) && entry.Run == f.status.Escalation.Run && entry.Loop > round
		})
		if isDue && !isDone && !later {
			t.Fatalf("step %s of round %d is due at %s and not taken; before: %s", step.Name, round, f.now, before)
		}
	}
}

// settle resolves the Incident, or deletes it, and lets everything be taken.
func (f *fate) settle(t *rapid.T) {
	f.now = f.now.Add(time.Minute)
	if f.closing = rapid.Bool().Draw(t, "deleted"); !f.closing {
		f.hear(resolve(f.now))
	}
	for range 8 {
		f.check(t)
		for _, channel := range channels {
			f.sendOne(t, channel, "taken")
		}
		f.now = f.now.Add(10 * time.Minute)
	}
	f.check(t)
	for _, entry := range f.status.Notifications {
		if entry.State == v1alpha1.NotificationPending {
			t.Fatalf("%s is still pending: %s", keyOf(entry), asJSON(t, entry))
		}
	}
	lasts := map[string]v1alpha1.NotificationKind{}
	for _, entry := range f.arrived {
		lasts[entry.Channel] = entry.Kind
	}
	for channel, kind := range lasts {
		if kind != v1alpha1.KindResolved && !f.refused[channel] {
			t.Fatalf("the last that %s heard is a %s; arrived: %s\nledger: %s", channel, kind, asJSON(t, f.arrived),
				asJSON(t, f.status.Notifications))
		}
	}
}

func TestWhateverHappensEveryDueStepEndsAndEverybodyToldHearsOfTheResolve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFate(t)
		t.Repeat(map[string]func(*rapid.T){
			"pass": f.pass, "jump": f.jump, "signal": f.signal, "response": f.response, "edit": f.edit,
			"send": f.send, "send again": f.send, "look": f.check, "leave": f.leave,
		})
		f.settle(t)
	})
}
