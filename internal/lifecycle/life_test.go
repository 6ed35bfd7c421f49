package lifecycle

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// This test lets anything happen in any order, time passing in between, and asks after each step whether all that must
// hold does.
func TestWhateverHappensTheInvariantsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		actions := map[string]func(*rapid.T){
			"":                    l.check,
			"a signal":            l.signal,
			"one more signal":     l.signal,
			"quick recurrences":   l.recurrences,
			"an untimed signal":   l.untimed,
			"time passes":         l.pass,
			"a silence":           l.silence,
			"acknowledge by hand": l.acknowledgeByHand,
			"snooze by hand":      l.snoozeByHand,
			"resolve by hand":     l.resolveByHand,
		}
		t.Repeat(actions)
	})
}

// life is a story under test, beside a model and a record that forgets nothing.
type life struct {
	story
	truth model
	clock int
	sent  map[int]bool
	// whole are the signals of the latest Incident, none dropped.
	whole []v1alpha1.Signal
}

func newLife(t *rapid.T) *life {
	return &life{story: story{rules: drawRules(t)}, sent: map[int]bool{}, clock: 1}
}

// tick moves the clock on: no two things arrive in the same minute.
func (l *life) tick() int {
	l.clock++
	l.now = at(l.clock)
	return l.clock
}

// freshTick moves the clock on to a minute of which no signal was heard yet.
func (l *life) freshTick() int {
	minute := l.tick()
	for l.sent[minute] {
		minute = l.tick()
	}
	return minute
}

func (l *life) signal(t *rapid.T) {
	arrival := l.tick()
	sent := rapid.IntRange(max(0, arrival-40), arrival+4).Filter(func(sent int) bool { return !l.sent[sent] }).Draw(t, "sent")
	l.take(t, drawHeard(t, sent, arrival))
}

func (l *life) recurrences(t *rapid.T) {
	for range rapid.IntRange(1, 4).Draw(t, "times") {
		for _, kind := range []func(time.Time, ...func(*Heard)) Heard{resolve, unresolved} {
			l.take(t, kind(at(l.freshTick())))
			l.check(t)
		}
	}
}

func (l *life) untimed(t *rapid.T) {
	arrival := l.tick()
	heard := drawHeard(t, arrival, arrival)
	newest := timeOf(l.latest(), l.orphan, Heard{Untimed: true, Signal: v1alpha1.Signal{By: v1alpha1.BySentry}})
	untimed(&heard)
	heard.Signal.Time = timeOf(l.latest(), l.orphan, heard)
	if heard.Signal.Time.Time.Before(newest.Time) {
		t.Fatalf("an untimed signal is set to %s, before the newest, %s", heard.Signal.Time, newest)
	}
	if !newest.Time.IsZero() && heard.Signal.Time.Time.Equal(newest.Time) {
		t.Skip("a tie")
	}
	l.take(t, heard)
}

func (l *life) pass(t *rapid.T) {
	l.clock += rapid.IntRange(1, 30).Draw(t, "minutes")
	l.now = at(l.clock)
}

func (l *life) silence(t *rapid.T) {
	latest := l.latest()
	if latest == nil {
		t.Skip("no Incident")
	}
	due := SilentAt(latest, l.rules.AutoResolveAfter)
	heard := silence(at(l.tick()))
	decision := l.hear(heard)
	if resolves := !due.IsZero() && !due.After(l.now); resolves != (decision.Effect == v1alpha1.EffectResolved) {
		t.Fatalf("silence at %s, due %s, has effect %s", l.now, due, decision.Effect)
	}
	if decision.Effect == v1alpha1.EffectResolved {
		heard.Signal.Time = latest.Signals[len(latest.Signals)-1].Time
		l.truth.hear(heard)
		l.remember(heard)
	}
}

func (l *life) acknowledgeByHand(t *rapid.T) {
	l.respondOr(t, acknowledgedByHand(l.tick()+rapid.IntRange(-30, 5).Draw(t, "ahead")))
}

func (l *life) snoozeByHand(t *rapid.T) {
	l.respondOr(t, snoozedUntil(l.tick()+rapid.IntRange(-5, 60).Draw(t, "ahead")))
}

func (l *life) resolveByHand(t *rapid.T) {
	if !l.open() {
		t.Skip("nothing is open")
	}
	l.respondOr(t, resolvedByHand(l.tick()))
	l.truth.resolveByHand()
}

func (l *life) respondOr(t *rapid.T, change func(*v1alpha1.Response)) {
	if l.latest() == nil {
		t.Skip("no Incident")
	}
	l.respond(change)
}

// take routes one signal and asks what must hold of the step.
func (l *life) take(t *rapid.T, heard Heard) {
	var cyclesBefore []v1alpha1.Cycle
	if l.latest() != nil {
		cyclesBefore = l.status().Cycles
	}
	decision := l.hear(heard)
	heard.Signal.Time.Time = decision.Time
	l.sent[int(heard.Signal.Time.Sub(at(0))/time.Minute)] = true
	l.truth.hear(heard)
	switch decision.Effect {
	case v1alpha1.EffectReopened:
		withdrawAhead(&v1alpha1.IncidentSpec{Signals: l.whole}, heard.Signal.Time.Time)
		checkBirth(t, &l.story, v1alpha1.EffectReopened)
		checkKept(t, cyclesBefore, l.status().Cycles)
	case v1alpha1.EffectOpened:
		checkBirth(t, &l.story, v1alpha1.EffectOpened)
		l.whole = nil
	default:
	}
	if decision.Spec != nil {
		l.remember(heard)
	}
}

// remember adds to the whole record what a decision added to the bounded one: the signal and what responders said, which
// stands before the signal that follows it.
func (l *life) remember(heard Heard) {
	heard.Signal.Effect = l.last.Effect
	l.whole = slices.Insert(l.whole, placeOf(l.whole, heard.Signal), heard.Signal)
	place := 0
	var said []v1alpha1.Signal
	for _, signal := range l.latest().Signals {
		i := slices.IndexFunc(l.whole[place:], func(known v1alpha1.Signal) bool { return reflect.DeepEqual(known, signal) })
		if i < 0 {
			said = append(said, signal)
			continue
		}
		l.whole = slices.Insert(l.whole, place+i, said...)
		place += i + len(said) + 1
		said = nil
	}
}

// check asks what must hold after each step.
func (l *life) check(t *rapid.T) {
	if l.open() != l.truth.open() {
		t.Fatalf("open is %t, want %t; %s", l.open(), l.truth.open(), asJSON(t, l.incidents))
	}
	checkIncidents(t, &l.story)
	if l.latest() != nil {
		l.checkWhole(t)
	}
}

// checkWhole asks whether the bounded signals tell what all of them tell.
func (l *life) checkWhole(t *rapid.T) {
	t.Helper()
	whole := l.latest().DeepCopy()
	whole.Signals = l.whole
	bounded := l.latest().Signals
	for i, signal := range whole.Signals {
		mustStay := i == 0 || i == len(whole.Signals)-1 || changesState(signal) || i == newest(whole.Signals, isAlert) ||
			i == newest(whole.Signals, isResolve) || i == lastArrived(whole.Signals)
		if mustStay && !slices.Contains(bounded, signal) {
			t.Fatalf("signal %d of %d is dropped: %s\n%s", i, len(whole.Signals), asJSON(t, signal), asJSON(t, bounded))
		}
	}
	got := l.status()
	want, _ := Fold(whole, l.now)
	if !same(t, got, want) {
		t.Fatalf("the bounded signals fold to %s\nall of them to %s", asJSON(t, got), asJSON(t, want))
	}
}
