package lifecycle

import (
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestTheFirstIncidentHasItsIdentityFromTheCaller(t *testing.T) {
	got := tell(Rules{}, alert(at(1))).latest()
	if got.SourceRef.Name != "payments" || got.AlertKey != "issue/42" || got.Number != 1 {
		t.Errorf("got %s", asJSON(t, got))
	}
}

func TestTheNextIncidentHasTheIdentityOfTheLastAndTheNextNumber(t *testing.T) {
	got := tell(Rules{}, alert(at(1)), resolve(at(2)), alert(at(3)), resolve(at(4)), alert(at(5))).latest()
	if got.SourceRef.Name != "payments" || got.AlertKey != "issue/42" || got.Number != 3 {
		t.Errorf("got %s", asJSON(t, got))
	}
}

func TestOnlySentrysResolveOfAnUnknownIncidentIsAnOrphan(t *testing.T) {
	if !tell(Rules{}, resolve(at(1))).last.Orphan {
		t.Error("a Resolve from Sentry is no orphan")
	}
	if tell(Rules{}, silence(at(1))).last.Orphan {
		t.Error("a silence is an orphan")
	}
	if tell(Rules{}, alert(at(1)), resolve(at(2)), resolve(at(3))).last.Orphan {
		t.Error("a Resolve of a known Incident is an orphan")
	}
}

func TestADecisionOpensOnlyIfItMakesAnIncident(t *testing.T) {
	if !tell(Rules{}, alert(at(1))).last.Opens() {
		t.Error("the first Alert opens nothing")
	}
	if tell(Rules{ReopenWindow: time.Hour}, alert(at(1)), resolve(at(2)), alert(at(3))).last.Opens() {
		t.Error("a reopening Alert makes an Incident")
	}
}

func TestTheNinthCycleIsANewIncident(t *testing.T) {
	s := &story{rules: Rules{ReopenWindow: time.Hour}}
	for cycle := range v1alpha1.MaxCycles {
		s.hear(alert(at(2 * cycle)))
		s.hear(resolve(at(2*cycle + 1)))
	}
	if got := len(s.status().Cycles); got != v1alpha1.MaxCycles || len(s.incidents) != 1 {
		t.Fatalf("%d Incidents, the last of %d cycles", len(s.incidents), got)
	}
	if effect := s.hear(alert(at(20))).Effect; effect != opened || len(s.incidents) != 2 {
		t.Errorf("the next Alert has effect %s, and there are %d Incidents", effect, len(s.incidents))
	}
}

func TestAnUntimedSignalTakesItsArrivalButIsNeverOlderThanWhatIsKnown(t *testing.T) {
	tests := []struct {
		name  string
		known []Heard
		heard Heard
		want  int
	}{
		{"nothing is known: the arrival", nil, alert(at(3), untimed), 3},
		{"what is known is older: the arrival", []Heard{alert(at(1))}, alert(at(3), untimed), 3},
		{"what is known is newer: its time", []Heard{alert(at(4))}, alert(at(3), untimed), 4},
		{"an Update that is known is newer: its time", []Heard{alert(at(1)), update(at(5))}, resolve(at(3), untimed), 5},
		{"an orphan is newer: its time", []Heard{resolve(at(4))}, alert(at(3), untimed), 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := tell(Rules{}, test.known...)
			s.hear(test.heard)
			signals := s.latest().Signals
			got := signals[len(signals)-1]
			if !got.Time.Time.Equal(at(test.want)) || got.Event != test.heard.Signal.Event || got.Effect == none {
				t.Errorf("recorded as %s, want the time %s", asJSON(t, got), at(test.want))
			}
		})
	}
}

func TestRouteChangesNothingThatItIsGiven(t *testing.T) {
	stories := map[string]*story{
		"none":     tell(Rules{}),
		"open":     tell(Rules{}, alert(at(1))).respond(acknowledgedByHand(2)),
		"resolved": tell(Rules{}, alert(at(1)), resolve(at(2))).respond(acknowledgedByHand(2)).respond(snoozedUntil(9)),
		"by hand":  tell(Rules{}, alert(at(1))).respond(resolvedByHand(2)),
	}
	arrivals := []Heard{
		alert(at(5), withTitle("new"), withPriority(v1alpha1.PriorityCritical), tagged), alert(at(0)), alert(at(5), untimed),
		update(at(5), withTitle("new")), acknowledge(at(5)), resolve(at(5), withTitle("new")), silence(at(90)),
	}
	for name, s := range stories {
		for _, window := range []time.Duration{0, time.Hour} {
			for _, heard := range arrivals {
				latest, first := s.latest(), identity()
				before := asJSON(t, []any{latest, first, heard})
				decision := Route(latest, at(0), heard, first, Rules{ReopenWindow: window, AutoResolveAfter: time.Hour}, at(90))
				if decision.Spec != nil {
					decision.Spec.Signals[0].Rule = "changed by the caller"
					decision.Spec.Response = &v1alpha1.Response{ResolvedBy: "changed by the caller"}
				}
				if after := asJSON(t, []any{latest, first, heard}); after != before {
					t.Errorf("%s, %s: %s became %s", name, describe(heard), before, after)
				}
			}
		}
	}
}
