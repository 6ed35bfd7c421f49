package lifecycle

import (
	"slices"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// withoutEnd lets an issue go on and on: so many Updates after the minute given.
func (s *story) withoutEnd(minute, updates int) *story {
	for i := range updates {
		s.hear(update(at(minute + i)))
	}
	return s
}

// minutes are the times of signals, in minutes after the tests' day began.
func minutes(signals []v1alpha1.Signal) []int {
	var minutes []int
	for _, signal := range signals {
		minutes = append(minutes, int(signal.Time.Sub(at(0))/time.Minute))
	}
	return minutes
}

func TestSignalsStandInTheOrderOfTheirTimes(t *testing.T) {
	s := tell(Rules{}, alert(at(3)), alert(at(1)), alert(at(7)), update(at(5)), alert(at(2)))
	if got, want := minutes(s.latest().Signals), []int{1, 2, 3, 5, 7}; !slices.Equal(got, want) {
		t.Errorf("times are %v, want %v", got, want)
	}
}

func TestSignalsOfOneTimeStandInTheOrderOfArrival(t *testing.T) {
	s := tell(Rules{}, alert(at(1)), update(at(1)), acknowledge(at(1)), resolve(at(1)))
	var events []v1alpha1.SignalEvent
	for _, signal := range s.latest().Signals {
		events = append(events, signal.Event)
	}
	want := []v1alpha1.SignalEvent{v1alpha1.SignalAlert, v1alpha1.SignalUpdate, v1alpha1.SignalAcknowledge, v1alpha1.SignalResolve}
	if !slices.Equal(events, want) {
		t.Errorf("events are %v, want %v", events, want)
	}
}

func TestOfRepeatsTheNewestTwelveAreKeptAndAllAreCounted(t *testing.T) {
	s := tell(Rules{}, alert(at(1))).withoutEnd(2, 100)
	spec := s.latest()
	if spec.SignalCount != 101 {
		t.Errorf("signalCount is %d, want 101", spec.SignalCount)
	}
	want := []int{1}
	for minute := 101 - v1alpha1.MaxRepeats; minute <= 101; minute++ {
		want = append(want, minute)
	}
	if got := minutes(spec.Signals); !slices.Equal(got, want) {
		t.Errorf("kept are the signals of %v, want %v: the first, twelve repeats and the newest", got, want)
	}
}

func TestTheNewestAlertOutlivesUpdatesSoThatALateResolveIsKnownToBeLate(t *testing.T) {
	s := tell(Rules{}, alert(at(1)), alert(at(10))).withoutEnd(11, 50)
	if got := s.hear(resolve(at(5), received(at(70)))).Effect; got != none {
		t.Errorf("a Resolve older than the newest Alert has effect %s", got)
	}
}

func TestTheNewestUnresolvedOutlivesUpdatesSoThatALateAcknowledgeIsKnownToBeLate(t *testing.T) {
	s := tell(Rules{}, alert(at(1)), unresolved(at(10)), alert(at(11))).withoutEnd(12, 50)
	if got := s.hear(acknowledge(at(5), received(at(70)))).Effect; got != none {
		t.Errorf("an Acknowledge older than the newest unresolved has effect %s", got)
	}
}

func TestAnAcknowledgementOutlivesUpdates(t *testing.T) {
	s := tell(Rules{}, alert(at(1)), acknowledge(at(2))).withoutEnd(3, 50)
	if got := s.status().State; got != v1alpha1.StateAcknowledged {
		t.Errorf("state is %s", got)
	}
}

func TestALateSignalThatIsNotKeptStillBreaksTheSilence(t *testing.T) {
	s := tell(Rules{}, alert(at(1))).withoutEnd(10, 50)
	s.hear(update(at(5), received(at(90))))
	if got := SilentAt(s.latest(), time.Hour); !got.Equal(at(150)) {
		t.Errorf("SilentAt = %s", got)
	}
}

// fullest is an Incident of which everything that must be kept is a signal of its own: a late first signal; eight cycles,
// each opened, acknowledged, taken back and resolved; the newest Alert, unresolved, Resolve and Update, what arrived
// last; and between them repeats without end.
func fullest() *story {
	s := &story{rules: Rules{ReopenWindow: time.Hour}}
	for cycle := range v1alpha1.MaxCycles {
		begin := 10 * cycle
		s.hear(alert(at(begin + 10)))
		s.hear(acknowledge(at(begin + 11)))
		s.hear(unresolved(at(begin + 12)))
		s.hear(acknowledge(at(begin + 13)))
		s.hear(unresolved(at(begin + 14)))
		if cycle == v1alpha1.MaxCycles-1 {
			s.hear(unresolved(at(begin + 15)))
			s.hear(alert(at(begin + 16)))
			s.hear(update(at(99)))
			s.hear(alert(at(1), received(at(99))))
		}
		s.hear(resolve(at(begin + 17)))
	}
	s.hear(resolve(at(95), received(at(100))))
	for i := range 100 {
		s.hear(alert(at(2), received(at(101+i))))
	}
	return s
}

func TestWhatTellsMoreThanRepeatsFitsIntoTheBound(t *testing.T) {
	s := fullest()
	kept := minutes(s.latest().Signals)
	want := []int{1, 85, 86, 95, 99}
	for cycle := range v1alpha1.MaxCycles {
		want = append(want, 10*cycle+10, 10*cycle+13, 10*cycle+14, 10*cycle+17)
	}
	for _, minute := range want {
		if !slices.Contains(kept, minute) {
			t.Errorf("the signal of minute %d is gone: %v", minute, kept)
		}
	}
	// One more is what arrived last.
	if got := len(want) + 1 + v1alpha1.MaxRepeats; len(kept) != got || got > v1alpha1.MaxSignals {
		t.Errorf("%d signals are kept, want %d: %v", len(kept), got, kept)
	}
	if got := len(s.status().Cycles); got != v1alpha1.MaxCycles {
		t.Errorf("%d cycles", got)
	}
}

func TestEachCycleKeepsItsLastAcknowledgement(t *testing.T) {
	s := &story{rules: Rules{ReopenWindow: time.Hour}}
	for cycle := range v1alpha1.MaxCycles {
		s.hear(alert(at(10*cycle + 10)))
		s.hear(acknowledge(at(10*cycle + 11)))
		if cycle < v1alpha1.MaxCycles-1 {
			s.hear(resolve(at(10*cycle + 15)))
		}
	}
	s.withoutEnd(85, 100)
	for i, cycle := range s.status().Cycles {
		if want := at(10*i + 11); cycle.AcknowledgedAt == nil || !cycle.AcknowledgedAt.Time.Equal(want) {
			t.Errorf("cycle %d was acknowledged at %v, want %s", i+1, cycle.AcknowledgedAt, want)
		}
	}
}

func TestAnIncidentThatSomebodyElseFilledUpStillTakesSignals(t *testing.T) {
	s := tell(Rules{}, alert(at(1)))
	for minute := 2; len(s.latest().Signals) < v1alpha1.MaxSignals; minute++ {
		s.latest().Signals = append(s.latest().Signals, v1alpha1.Signal{
			Time: *microAt(minute), ReceivedAt: *microAt(minute), Event: v1alpha1.SignalAlert, Effect: opened, By: alice,
		})
	}
	s.hear(resolve(at(90)))
	if got := s.latest().Signals; len(got) != v1alpha1.MaxSignals || got[len(got)-1].Effect != resolves || s.open() {
		t.Errorf("%d signals, the last is %s", len(got), asJSON(t, got[len(got)-1]))
	}
}

func TestAFullIncidentStillKnowsWhatIsLate(t *testing.T) {
	if got := fullest().hear(alert(at(94), received(at(102)))).Effect; got != none {
		t.Errorf("an Alert older than the newest Resolve has effect %s", got)
	}
	if got := fullest().hear(alert(at(96), received(at(102)))).Effect; got != opened {
		t.Errorf("an Alert newer than the newest Resolve has effect %s", got)
	}
	s := fullest()
	s.hear(alert(at(94), received(at(102)), withTitle("late")))
	if got := s.latest().Issue.Title; got != "" {
		t.Errorf("a late Alert refreshed the title to %q", got)
	}
}

func TestAFormerAcknowledgementIsNotKeptWithoutWhatWithdrewIt(t *testing.T) {
	s := tell(Rules{ReopenWindow: time.Hour}, alert(at(1)), acknowledge(at(2)), unresolved(at(3)), resolve(at(4)), alert(at(5)))
	for minute := range 40 {
		s.hear(acknowledge(at(6 + minute)))
		if first := s.status().Cycles[0]; first.AcknowledgedAt != nil {
			t.Fatalf("the first cycle counts as acknowledged; kept are %v", minutes(s.latest().Signals))
		}
	}
}

func TestWhatWokeARestoredIncidentIsKept(t *testing.T) {
	s := tell(Rules{Restored: at(1)}, alert(at(0)), alert(at(2))).withoutEnd(3, 100)
	// A later alert would be kept anyway.
	s.hear(alert(at(200)))
	if isQuiet(s.latest(), at(1)) {
		t.Errorf("it is quiet again: %s", asJSON(t, s.latest().Signals))
	}
}
