package lifecycle

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// drawRules draws what an AlertSource may say about reopening and silence.
func drawRules(t *rapid.T) Rules {
	return Rules{
		ReopenWindow:     rapid.SampledFrom([]time.Duration{0, 0, 5 * time.Minute, time.Hour, 100 * time.Hour}).Draw(t, "reopenWindow"),
		AutoResolveAfter: 20 * time.Minute,
	}
}

// drawHeard draws any signal from Sentry that was sent in a minute and arrives in another one.
func drawHeard(t *rapid.T, sent, arrival int) Heard {
	kind := rapid.SampledFrom([]func(time.Time, ...func(*Heard)) Heard{
		alert, alert, unresolved, regression, resolve, resolve, update, acknowledge,
	}).Draw(t, "kind")
	return kind(at(sent), received(at(arrival)))
}

// model is the answer to "is it open" without any Incident: whether the newest Alert is newer than the newest Resolve,
// and arrived after the newest resolve by hand. A silence is a Resolve of the time of what was heard last.
type model struct {
	alert, resolve     time.Time
	alertArrival, hand int
	arrivals           int
}

func (m *model) hear(heard Heard) {
	m.arrivals++
	sent := heard.Signal.Time.Time
	switch {
	case isAlert(heard.Signal) && !sent.Before(m.alert):
		m.alert, m.alertArrival = sent, m.arrivals
	case isResolve(heard.Signal) && sent.After(m.resolve):
		m.resolve = sent
	}
}

func (m *model) resolveByHand() { m.hand = m.arrivals }

func (m *model) open() bool {
	return m.alertArrival > m.hand && m.alert.After(m.resolve)
}

func TestEveryOrderOfArrivalGivesTheSameAnswerToIsItOpen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := drawRules(t)
		count := rapid.IntRange(0, 40).Draw(t, "count")
		var sent []Heard
		for minute := range count {
			sent = append(sent, drawHeard(t, minute, 0))
		}
		for _, name := range []string{"an order", "another order"} {
			var truth model
			s := &story{rules: rules}
			for i, heard := range rapid.Permutation(sent).Draw(t, name) {
				heard.Signal.ReceivedAt = metav1.NewMicroTime(at(1000 + i))
				truth.hear(heard)
				s.hear(heard)
				if s.open() != truth.open() {
					t.Fatalf("open is %t after %s, want %t; %s", s.open(), describe(heard), truth.open(), asJSON(t, s.incidents))
				}
			}
			checkIncidents(t, s)
		}
	})
}

// checkIncidents asks what must hold of all Incidents of one alert key at any time.
func checkIncidents(t *rapid.T, s *story) {
	t.Helper()
	for i, incident := range s.incidents {
		if incident.Number != int32(i+1) {
			t.Fatalf("Incident %d has number %d", i+1, incident.Number)
		}
		status := checkFold(t, incident, s.now)
		if status.State != v1alpha1.StateResolved && i < len(s.incidents)-1 {
			t.Fatalf("Incident %d of %d is %s", i+1, len(s.incidents), status.State)
		}
		checkSignals(t, incident)
		checkCycles(t, status.Cycles)
	}
}

// checkFold asks whether Fold says the same again, also of what the API server gives back, and changes nothing.
func checkFold(t *rapid.T, spec *v1alpha1.IncidentSpec, now time.Time) v1alpha1.IncidentStatus {
	t.Helper()
	before := toJSON(t, spec)
	status, next := Fold(spec, now)
	again, nextAgain := Fold(fromJSON(t, before), now)
	if !same(t, status, again) || !next.Equal(nextAgain) {
		t.Fatalf("Fold says %s, then %s", asJSON(t, status), asJSON(t, again))
	}
	if after := toJSON(t, spec); !bytes.Equal(after, before) {
		t.Fatalf("Fold changed its spec from %s to %s", before, after)
	}
	if !next.IsZero() && !next.After(now) {
		t.Fatalf("Fold wakes up at %s, which is over at %s", next, now)
	}
	return status
}

func checkSignals(t *rapid.T, spec *v1alpha1.IncidentSpec) {
	t.Helper()
	if n := len(spec.Signals); n == 0 || n > v1alpha1.MaxSignals {
		t.Fatalf("%d signals", n)
	}
	repeats := 0
	for _, tells := range telling(spec.Signals) {
		if !tells {
			repeats++
		}
	}
	if repeats > v1alpha1.MaxRepeats {
		t.Fatalf("%d repeats are kept: %s", repeats, asJSON(t, spec.Signals))
	}
	for i := range spec.Signals[1:] {
		if spec.Signals[i+1].Time.Time.Before(spec.Signals[i].Time.Time) {
			t.Fatalf("signals are out of order: %s", asJSON(t, spec.Signals))
		}
	}
}

func checkCycles(t *rapid.T, cycles []v1alpha1.Cycle) {
	t.Helper()
	if n := len(cycles); n == 0 || n > v1alpha1.MaxCycles {
		t.Fatalf("%d cycles", n)
	}
	var last time.Time
	for i, cycle := range cycles {
		for _, moment := range []*metav1.MicroTime{&cycle.OpenedAt, cycle.AcknowledgedAt, cycle.ResolvedAt} {
			if moment == nil {
				continue
			}
			if moment.Time.Before(last) {
				t.Fatalf("times go back in cycle %d of %s", i+1, asJSON(t, cycles))
			}
			last = moment.Time
		}
		if (cycle.ResolvedAt == nil) != (cycle.ResolvedBy == "") {
			t.Fatalf("cycle %d is resolved by nobody, or unresolved by somebody: %s", i+1, asJSON(t, cycles))
		}
		if cycle.ResolvedAt == nil && i < len(cycles)-1 {
			t.Fatalf("cycle %d of %d is unresolved", i+1, len(cycles))
		}
	}
}

// checkBirth asks whether a cycle that has just begun is free of what responders wanted of earlier ones.
func checkBirth(t *rapid.T, s *story, effect v1alpha1.SignalEffect) {
	t.Helper()
	if s.latest().Response != nil || s.status().State != v1alpha1.StateOpen {
		t.Fatalf("%s as %s with response %s", effect, s.status().State, asJSON(t, s.latest().Response))
	}
}

// checkKept asks whether a further cycle leaves the former ones as they were.
func checkKept(t *rapid.T, before, after []v1alpha1.Cycle) {
	t.Helper()
	if len(after) != len(before)+1 {
		t.Fatalf("%d cycles became %d", len(before), len(after))
	}
	if !same(t, after[:len(before)], before) {
		t.Fatalf("reopening made former cycles %s\nof %s", asJSON(t, after[:len(before)]), asJSON(t, before))
	}
}

func changesState(signal v1alpha1.Signal) bool {
	return slices.Contains([]v1alpha1.SignalEffect{
		v1alpha1.EffectOpened, v1alpha1.EffectReopened, v1alpha1.EffectResolved,
	}, signal.Effect)
}

func describe(heard Heard) string {
	return fmt.Sprintf("%s of %s", heard.Signal.Event, heard.Signal.Time.Format(time.TimeOnly))
}
