package lifecycle

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestAfterAResolveByHand(t *testing.T) {
	withinAnHour := Rules{ReopenWindow: time.Hour}
	tests := []struct {
		name  string
		rules Rules
		heard Heard
		want  v1alpha1.SignalEffect
		open  bool
	}{
		{"the next Alert opens the next Incident (by hand)", Rules{}, alert(at(20)), opened, true},
		{"the next Alert opens the next Incident also within reopenWindow", withinAnHour, alert(at(20)), opened, true},
		{"an Alert sent before but received after opens the next Incident", Rules{}, alert(at(9), received(at(20))), opened, true},
		{"an Alert received in the moment of the resolve opens the next Incident", Rules{}, alert(at(10)), opened, true},
		{"an Alert received before, though sent after, is recorded", Rules{}, alert(at(12), received(at(9))), none, false},
		{"an Alert received after but older than one heard before is recorded", Rules{}, alert(at(1), received(at(20))), none, false},
		{"an Update opens nothing", Rules{}, update(at(20)), none, false},
		{"Sentry's own Resolve is recorded", Rules{}, resolve(at(20)), none, false},
		{"a silence is nothing", Rules{AutoResolveAfter: 5 * time.Minute}, silence(at(90)), none, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := tell(test.rules, alert(at(5))).respond(resolvedByHand(10))
			s.now = at(10)
			if got := s.hear(test.heard).Effect; got != test.want {
				t.Errorf("effect is %s, want %s", got, test.want)
			}
			if s.now = at(100); s.open() != test.open {
				t.Errorf("open is %t, want %t", s.open(), test.open)
			}
		})
	}
}

func TestAnAlertOlderThanSentrysResolveAfterAResolveByHandIsLate(t *testing.T) {
	s := tell(Rules{}, alert(at(5))).respond(resolvedByHand(10))
	s.hear(resolve(at(30)))
	if got := s.hear(alert(at(20), received(at(31)))).Effect; got != none {
		t.Errorf("effect is %s", got)
	}
	if got := s.hear(alert(at(32))).Effect; got != opened {
		t.Errorf("a newer one has effect %s", got)
	}
}

func TestWhatAnEarlierIncidentHeardStaysHeardAfterAResolveByHand(t *testing.T) {
	s := tell(Rules{}, alert(at(1)), resolve(at(5)), alert(at(9))).respond(resolvedByHand(10))
	if got := s.hear(alert(at(3), received(at(20)))).Effect; got != none {
		t.Errorf("an Alert older than the Resolve of Incident 1 has effect %s", got)
	}
}

func TestAResolveByHandThatIsDatedAheadCountsAsNow(t *testing.T) {
	s := tell(Rules{}, alert(at(5))).respond(resolvedByHand(60))
	s.now = at(10)
	if s.open() || !s.status().Cycles[0].ResolvedAt.Time.Equal(at(10)) {
		t.Errorf("it is %s", asJSON(t, s.status()))
	}
	if got := s.hear(alert(at(11))).Effect; got != opened {
		t.Errorf("an Alert that arrives before that date has effect %s", got)
	}
}

func TestAResolveByHandOfWhatSentryResolvedIsNeverReopened(t *testing.T) {
	s := tell(Rules{ReopenWindow: time.Hour}, alert(at(1)), resolve(at(5))).respond(resolvedByHand(6))
	if got := s.status().Cycles[0]; got.ResolvedBy != v1alpha1.BySentry || !got.ResolvedAt.Time.Equal(at(5)) {
		t.Errorf("the cycle is %s", asJSON(t, got))
	}
	if got := s.hear(alert(at(7))).Effect; got != opened {
		t.Errorf("the next Alert has effect %s", got)
	}
}

func TestReopeningMovesTheResponseIntoTheSignals(t *testing.T) {
	s := tell(Rules{ReopenWindow: time.Hour}, alert(at(1))).respond(acknowledgedByHand(3)).respond(snoozedUntil(4))
	s.hear(resolve(at(5)))
	s.hear(unresolved(at(6)))

	spec := s.latest()
	if spec.Response != nil || s.status().State != v1alpha1.StateOpen {
		t.Errorf("reopened as %s with response %s", s.status().State, asJSON(t, spec.Response))
	}
	var told []string
	for _, signal := range spec.Signals {
		told = append(told, fmt.Sprintf("%s %s: %s", signal.By, signal.Action, signal.Event))
	}
	want := []string{
		"Sentry triggered: Alert", alice + " snooze: Response", alice + " acknowledge: Response", "Sentry resolved: Resolve",
		"Sentry unresolved: Alert",
	}
	if asJSON(t, told) != asJSON(t, want) {
		t.Errorf("signals are %s, want %s", asJSON(t, told), asJSON(t, want))
	}
	if until := spec.Signals[1].Until; until == nil || !until.Time.Equal(at(4)) || spec.Signals[2].Until != nil {
		t.Errorf("the snooze was until %v", until)
	}
	cycles := s.status().Cycles
	if acknowledgedAt := cycles[0].AcknowledgedAt; acknowledgedAt == nil || !acknowledgedAt.Time.Equal(at(3)) {
		t.Errorf("the first cycle was acknowledged at %v", acknowledgedAt)
	}
	if cycles[1].AcknowledgedAt != nil {
		t.Errorf("the second cycle is born acknowledged")
	}
	if spec.SignalCount != 3 {
		t.Errorf("signalCount is %d, want what was heard, 3", spec.SignalCount)
	}
}

func TestAnAcknowledgementStaysInItsCycleWhateverTheClocksSay(t *testing.T) {
	for name, acknowledgedAt := range map[string]int{"long before": -90, "within": 3, "after the resolve": 8, "ahead of now": 500} {
		t.Run(name, func(t *testing.T) {
			s := tell(Rules{ReopenWindow: time.Hour}, alert(at(1))).respond(acknowledgedByHand(acknowledgedAt))
			s.hear(resolve(at(5)))
			before := s.status().Cycles
			s.hear(alert(at(9)))
			after := s.status().Cycles
			if got, want := asJSON(t, after[:1]), asJSON(t, before); got != want {
				t.Errorf("reopening makes the first cycle %s of %s", got, want)
			}
			if got := after[0].AcknowledgedAt; got == nil || got.Time.Before(at(1)) || got.After(at(5)) {
				t.Errorf("the first cycle was acknowledged at %v", got)
			}
		})
	}
}

func TestTheNextIncidentHasNoResponse(t *testing.T) {
	s := tell(Rules{}, alert(at(1))).respond(acknowledgedByHand(2))
	s.hear(resolve(at(3)))
	s.hear(alert(at(4)))
	if s.latest().Response != nil || s.status().State != v1alpha1.StateOpen {
		t.Errorf("Incident 2 is %s with response %s", s.status().State, asJSON(t, s.latest().Response))
	}
	if first := s.incidents[0]; first.Response == nil || first.Response.AcknowledgedBy != alice {
		t.Errorf("Incident 1 has response %s", asJSON(t, first.Response))
	}
}

func TestSilence(t *testing.T) {
	afterTen := Rules{AutoResolveAfter: 10 * time.Minute, ReopenWindow: time.Hour}

	t.Run("nothing heard for autoResolveAfter: resolved by the operator, by our clock", func(t *testing.T) {
		s := tell(afterTen, alert(at(1)), silence(at(11)))
		cycle := s.status().Cycles[0]
		if s.last.Effect != resolves || cycle.ResolvedBy != v1alpha1.ByOperator || !cycle.ResolvedAt.Time.Equal(at(11)) {
			t.Errorf("effect %s, cycle %s", s.last.Effect, asJSON(t, cycle))
		}
	})
	t.Run("something heard meanwhile: nothing", func(t *testing.T) {
		s := tell(afterTen, alert(at(1)), update(at(5)), silence(at(11)))
		if s.last.Spec != nil || !s.open() {
			t.Errorf("effect %s", s.last.Effect)
		}
	})
	t.Run("something late heard meanwhile: nothing", func(t *testing.T) {
		s := tell(afterTen, alert(at(1)), alert(at(0), received(at(5))), silence(at(11)))
		if s.last.Spec != nil || !s.open() {
			t.Errorf("effect %s", s.last.Effect)
		}
	})
	t.Run("no autoResolveAfter any more: nothing", func(t *testing.T) {
		s := tell(Rules{}, alert(at(1)), silence(at(90)))
		if s.last.Spec != nil || !s.open() {
			t.Errorf("effect %s", s.last.Effect)
		}
	})
	t.Run("what Sentry says next is newer, though its clock be behind ours", func(t *testing.T) {
		s := tell(afterTen, alert(at(1), received(at(4))), silence(at(14)))
		if got := s.hear(alert(at(12), received(at(15)))).Effect; got != reopened {
			t.Errorf("effect is %s", got)
		}
		if second := s.status().Cycles[1]; !second.OpenedAt.Time.Equal(at(14)) {
			t.Errorf("the second cycle opened at %s, before the first was over", second.OpenedAt)
		}
		s.hear(resolve(at(13), received(at(16))))
		if second := s.status().Cycles[1]; !second.ResolvedAt.Time.Equal(at(14)) {
			t.Errorf("the second cycle was resolved at %s, before it opened", second.ResolvedAt)
		}
	})
	t.Run("an acknowledgement before it is not forgotten", func(t *testing.T) {
		s := tell(afterTen, alert(at(1)), acknowledge(at(5)), silence(at(15)))
		if cycle := s.status().Cycles[0]; cycle.AcknowledgedAt == nil || !cycle.AcknowledgedAt.Time.Equal(at(5)) {
			t.Errorf("the cycle is %s", asJSON(t, cycle))
		}
	})
}

func TestSilentAt(t *testing.T) {
	tests := []struct {
		name  string
		story *story
		after time.Duration
		want  time.Time
	}{
		{"counts from what arrived last, by our clock", tell(Rules{}, alert(at(1), received(at(3)))), time.Hour, at(63)},
		{
			"counts from what arrived last, even if it was late", tell(Rules{}, alert(at(2)), alert(at(1), received(at(5)))),
			time.Hour, at(65),
		},
		{"is moved by no responder", tell(Rules{}, alert(at(1))).respond(acknowledgedByHand(9)), time.Hour, at(61)},
		{"is never without autoResolveAfter", tell(Rules{}, alert(at(1))), 0, time.Time{}},
		{"is never once resolved", tell(Rules{}, alert(at(1)), resolve(at(2))), time.Hour, time.Time{}},
		{"is never once resolved by hand", tell(Rules{}, alert(at(1))).respond(resolvedByHand(2)), time.Hour, time.Time{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := SilentAt(test.story.latest(), test.after); !got.Equal(test.want) {
				t.Errorf("SilentAt = %s, want %s", got, test.want)
			}
		})
	}
}

func TestAnIncidentOfWhichSentryNeverSpokeIsNeverSilent(t *testing.T) {
	spec := &v1alpha1.IncidentSpec{Signals: []v1alpha1.Signal{{Time: metav1.NewMicroTime(at(1)), Event: v1alpha1.SignalAlert, By: alice}}}
	if got := SilentAt(spec, time.Hour); !got.IsZero() {
		t.Errorf("SilentAt = %s", got)
	}
}

// An acknowledgement of each origin, at minute 5, and what unresolved makes of it.
func TestWhatTakesAnAcknowledgementBack(t *testing.T) {
	bySentry := func() *story { return tell(Rules{}, alert(at(1)), acknowledge(at(5))) }
	byHand := func() *story { return tell(Rules{}, alert(at(1))).respond(acknowledgedByHand(5)) }
	byBoth := func() *story { return bySentry().respond(acknowledgedByHand(5)) }
	snoozed := func() *story { return byHand().respond(snoozedUntil(60)) }
	tests := []struct {
		name  string
		story *story
		heard Heard
		want  v1alpha1.SignalEffect
		state v1alpha1.IncidentState
	}{
		{"unresolved takes Sentry's back", bySentry(), unresolved(at(9)), withdraws, v1alpha1.StateOpen},
		{"also where another Alert is newer", bySentry().and(alert(at(20))), unresolved(at(9)), withdraws, v1alpha1.StateOpen},
		{"an older unresolved does not", bySentry(), unresolved(at(4)), none, v1alpha1.StateAcknowledged},
		{"another Alert does not", bySentry(), alert(at(9)), updated, v1alpha1.StateAcknowledged},
		{"an unresolved whose payload says resolved does not", bySentry(), update(at(9)), updated, v1alpha1.StateAcknowledged},
		{"a second unresolved takes nothing back", bySentry().and(unresolved(at(8))), unresolved(at(9)), updated, v1alpha1.StateOpen},
		{"a person's word stands against unresolved", byHand(), unresolved(at(9)), updated, v1alpha1.StateAcknowledged},
		{"a regression takes a person's back (missed resolve)", byHand(), regression(at(9)), withdraws, v1alpha1.StateOpen},
		{"a regression takes both back", byBoth(), regression(at(9)), withdraws, v1alpha1.StateOpen},
		{"unresolved takes Sentry's back, and the person's stands", byBoth(), unresolved(at(9)), withdraws, v1alpha1.StateAcknowledged},
		{
			"a regression that arrived before a person acknowledged does not", byHand(), regression(at(4), received(at(4))),
			updated, v1alpha1.StateAcknowledged,
		},
		{
			"a regression of an earlier cycle does not", byHand(), regression(at(0), received(at(9))), none,
			v1alpha1.StateAcknowledged,
		},
		{
			"a person's that is dated ahead of now counts as now", tell(Rules{}, alert(at(1))).respond(acknowledgedByHand(50)),
			regression(at(9)), withdraws, v1alpha1.StateOpen,
		},
		{"an Alert that only bears the word regressed does not", byHand(), alert(at(9), regressed), updated, v1alpha1.StateAcknowledged},
		{"a regression leaves a snooze alone", snoozed(), regression(at(9)), withdraws, v1alpha1.StateSnoozed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.story.now = at(40)
			if got := test.story.hear(test.heard).Effect; got != test.want {
				t.Errorf("effect is %s, want %s", got, test.want)
			}
			if got := test.story.status().State; got != test.state {
				t.Errorf("state is %s, want %s: %s", got, test.state, asJSON(t, test.story.latest()))
			}
		})
	}
}

func TestAPersonsAcknowledgementThatIsTakenBackIsKeptAsASignal(t *testing.T) {
	s := tell(Rules{}, alert(at(1))).respond(acknowledgedByHand(5))
	s.hear(regression(at(4), received(at(9))))
	spec := s.latest()
	if spec.Response != nil || len(spec.Signals) != 3 {
		t.Fatalf("got %s", asJSON(t, spec))
	}
	want := v1alpha1.Signal{
		Time: *microAt(4), ReceivedAt: *microAt(5), Event: v1alpha1.SignalResponse, Action: "acknowledge",
		Effect: acknowledges, By: alice,
	}
	if got := spec.Signals[1]; got != want {
		t.Errorf("kept as %s", asJSON(t, got))
	}
	if s.respond(acknowledgedByHand(10)).status().State != v1alpha1.StateAcknowledged {
		t.Error("it cannot be acknowledged again")
	}
}

func TestAnIncidentThatCouldStillBeReopenedIsSealedBeforeTheNextOpens(t *testing.T) {
	s := tell(Rules{ReopenWindow: time.Hour}, alert(at(1)), resolve(at(2)), alert(at(63)))
	if !s.incidents[0].Sealed || s.latest().Sealed || len(s.incidents) != 2 {
		t.Fatalf("got %s", asJSON(t, s.incidents))
	}
	sealed := &story{incidents: s.incidents[:1], rules: s.rules}
	if got := sealed.hear(alert(at(30), received(at(64)))); got.Effect != opened || got.Spec.Number != 2 {
		t.Errorf("a sealed Incident meets an Alert within its reopenWindow with %s", got.Effect)
	}
}

func TestWhatCannotBeReopenedNeedsNoSeal(t *testing.T) {
	withinAnHour := Rules{ReopenWindow: time.Hour}
	full := &story{rules: withinAnHour}
	for cycle := range v1alpha1.MaxCycles {
		full.hear(alert(at(2 * cycle)))
		full.hear(resolve(at(2*cycle + 1)))
	}
	for name, s := range map[string]*story{
		"without a reopenWindow": tell(Rules{}, alert(at(1)), resolve(at(2))),
		"resolved by hand":       tell(withinAnHour, alert(at(1))).respond(resolvedByHand(2)),
		"all cycles used":        full,
	} {
		s.hear(alert(at(90)))
		if len(s.incidents) != 2 || s.incidents[0].Sealed {
			t.Errorf("%s: got %s", name, asJSON(t, s.incidents))
		}
	}
}
