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

func TestNoMoreThanTheBoundIsKeptAndAllIsCounted(t *testing.T) {
	s := tell(Rules{}, alert(at(1))).withoutEnd(2, 100)
	spec := s.latest()
	if len(spec.Signals) != v1alpha1.MaxSignals || spec.SignalCount != 101 {
		t.Errorf("%d signals are kept and %d counted", len(spec.Signals), spec.SignalCount)
	}
	if got := minutes(spec.Signals); got[0] != 1 || got[1] != 101-v1alpha1.MaxSignals+2 || got[len(got)-1] != 101 {
		t.Errorf("kept are the signals of %v, want the first and the newest", got)
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

// fullest is an Incident of which everything that must be kept is a signal of its own: a late first signal, eight
// cycles, and after them the newest Alert, Update and Resolve, with acknowledgements and a withdrawal in between.
func fullest() *story {
	s := &story{rules: Rules{ReopenWindow: time.Hour}}
	for cycle := range v1alpha1.MaxCycles {
		s.hear(alert(at(10*cycle + 10)))
		if cycle == v1alpha1.MaxCycles-1 {
			s.hear(acknowledge(at(81)))
			s.hear(unresolved(at(82)))
			s.hear(acknowledge(at(83)))
			s.hear(alert(at(84)))
			s.hear(update(at(99)))
			s.hear(alert(at(1), received(at(99))))
		}
		s.hear(resolve(at(10*cycle + 15)))
	}
	s.hear(resolve(at(95), received(at(100))))
	s.hear(alert(at(2), received(at(101))))
	return s
}

func TestTheFirstEveryChangeOfStateAndTheNewestFitIntoTheBound(t *testing.T) {
	s := fullest()
	kept := minutes(s.latest().Signals)
	if len(kept) != v1alpha1.MaxSignals {
		t.Fatalf("%d signals are kept: %v", len(kept), kept)
	}
	want := []int{1, 95, 99}
	for cycle := range v1alpha1.MaxCycles {
		want = append(want, 10*cycle+10, 10*cycle+15)
	}
	for _, minute := range want {
		if !slices.Contains(kept, minute) {
			t.Errorf("the signal of minute %d is gone: %v", minute, kept)
		}
	}
	if got := len(s.status().Cycles); got != v1alpha1.MaxCycles {
		t.Errorf("%d cycles", got)
	}
}

func TestTheLastCycleOfAFullIncidentKeepsItsAcknowledgement(t *testing.T) {
	s := &story{rules: Rules{ReopenWindow: time.Hour}}
	for cycle := range v1alpha1.MaxCycles {
		if cycle > 0 {
			s.hear(resolve(at(10*cycle + 5)))
		}
		s.hear(alert(at(10*cycle + 10)))
	}
	s.hear(acknowledge(at(82)))
	s.hear(alert(at(84)))
	s.withoutEnd(85, 10)
	s.hear(alert(at(1), received(at(99))))
	s.hear(alert(at(2), received(at(100))))
	if got := s.status().State; got != v1alpha1.StateAcknowledged {
		t.Errorf("state is %s; kept are %v", got, minutes(s.latest().Signals))
	}
	if got := SilentAt(s.latest(), time.Hour); !got.Equal(at(160)) {
		t.Errorf("SilentAt = %s", got)
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
