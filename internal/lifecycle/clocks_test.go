package lifecycle

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// after is a time on the day of the tests, so many seconds after three in the morning.
func after(seconds int) time.Time { return at(0).Add(time.Duration(seconds) * time.Second) }

func orphaned(h *Heard) { h.Orphaned = true }

func TestAnAcknowledgementTimesOutWhateverClockItsResponderHas(t *testing.T) {
	for name, acknowledged := range map[string]time.Time{
		"that of the operator":      after(60),
		"a second ahead":            after(61),
		"with nanoseconds":          after(60).Add(123456789),
		"a day ahead":               after(86_400),
		"in another zone":           after(60).In(time.FixedZone("", 5*3600+1800)),
		"half a millennium ahead":   time.Date(2526, 1, 1, 0, 0, 0, 0, time.UTC),
		"a century behind Sentry's": time.Date(2000, 1, 1, 0, 0, 0, 1, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(Rules{}, alert(after(0))).respond(func(r *v1alpha1.Response) {
				r.AcknowledgedBy, r.AcknowledgedAt = alice, &metav1.Time{Time: acknowledged}
			})
			// The status has the time of the first look, in microseconds.
			timedOut := heardAs(v1alpha1.SignalUpdate, ActionAcknowledgementTimeout, after(660), []func(*Heard){func(h *Heard) {
				h.Signal.By, h.Acknowledged = v1alpha1.ByOperator, AcknowledgementOf(s.latest())
			}})
			if effect := s.hear(timedOut).Effect; effect != v1alpha1.EffectUnacknowledged || s.latest().Response != nil {
				t.Errorf("it has effect %s, and the response is %s", effect, asJSON(t, s.latest().Response))
			}
			s.respond(acknowledgedByHand(12))
			if effect := s.hear(timedOut).Effect; effect != none || s.latest().Response == nil {
				t.Errorf("of a newer acknowledgement it has effect %s", effect)
			}
		})
	}
}

func TestACycleThatReopensStartsARunWheneverItsAlertArrived(t *testing.T) {
	w := newWorld(usual())
	w.rules.ReopenWindow = time.Hour
	w.look().deliver().responded(2, acknowledgedByHand(2)).deliver().heard(regression(at(20))).deliver().heard(resolve(at(25))).deliver()
	ended := len(w.arrived)
	// It waited in the spool of a replica whose clock is behind.
	w.heard(alert(at(26), received(at(18)))).deliver()
	if got := w.arrived[ended:]; len(w.latest().Signals) == 0 || len(got) != 1 || got[0].Kind != v1alpha1.KindPage {
		t.Errorf("behind the resolve the people have seen %s", asJSON(t, got))
	}
	run := w.status.Escalation
	if len(w.status.Cycles) != 2 || run.StartedAt.After(w.now) || !run.Cause.After(at(20)) {
		t.Errorf("the run is %s, of the cycles %s", asJSON(t, run), asJSON(t, w.status.Cycles))
	}
	w.look()
	if w.status.Escalation.Run != run.Run {
		t.Errorf("a further look begins run %d", w.status.Escalation.Run)
	}
}

func TestATimeAheadCountsAsTheArrival(t *testing.T) {
	for name, c := range map[string]struct {
		heard []Heard
		want  bool
	}{
		"a forged resolve silences nothing that comes later": {
			[]Heard{alert(after(0)), resolve(after(300), received(after(10))), unresolved(after(20))}, true,
		},
		"one that is an orphan neither": {[]Heard{resolve(after(300), received(after(10))), alert(after(20))}, true},
		"a sender ahead opens and resolves within a second": {
			[]Heard{alert(after(290), received(after(0))), resolve(after(290), received(after(0).Add(time.Millisecond)))}, false,
		},
		"its next alert opens": {
			[]Heard{
				alert(after(290), received(after(0))), resolve(after(291), received(after(1))), unresolved(after(292), received(after(2))),
			}, true,
		},
		"a replica three seconds behind": {
			[]Heard{alert(after(100), received(after(100))), resolve(after(101), received(after(98)))}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(Rules{}, c.heard...)
			if s.open() != c.want {
				t.Errorf("it is open: %t\n%s", s.open(), asJSON(t, s.incidents))
			}
			newest := time.Time{}
			for _, heard := range c.heard {
				newest = later(newest, heard.Signal.ReceivedAt.Time)
			}
			for _, signal := range s.latest().Signals {
				if signal.Time.After(newest) {
					t.Errorf("a signal bears %s, after all arrivals", signal.Time)
				}
			}
		})
	}
}

// Replicas three seconds apart, and a sender up to 290 seconds ahead: as long as nothing overtakes in transit, what was sent last
// decides.
func TestASenderAheadAndReplicasApartKeepTheOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ahead := rapid.IntRange(0, 290).Draw(t, "seconds ahead")
		s := &story{rules: drawRules(t)}
		var last Heard
		for i := range rapid.IntRange(1, 30).Draw(t, "count") {
			kind := rapid.SampledFrom([]func(time.Time, ...func(*Heard)) Heard{alert, unresolved, resolve}).Draw(t, "kind")
			replica := time.Duration(rapid.SampledFrom([]int{-3, 0, 3}).Draw(t, "replica")) * time.Second
			arrival := after(i).Add(replica).Add(200 * time.Millisecond)
			last = kind(after(i+ahead), received(arrival))
			s.hear(last)
			if s.open() != isAlert(last.Signal) {
				t.Fatalf("after %s it is open: %t\n%s", last.Signal.Event, s.open(), asJSON(t, s.incidents))
			}
		}
		// Sentry's clock is mended: nothing that was recorded outdoes what comes.
		s.hear(unresolved(after(60)))
		if !s.open() {
			t.Fatalf("what comes later opens nothing: %s", asJSON(t, s.incidents))
		}
	})
}

func TestAnOrphanedResolveThatIsJudgedAgainEndsNothingThatArrivedLater(t *testing.T) {
	for name, c := range map[string]struct {
		alert Heard
		again Heard
		want  bool
	}{
		"an Alert of the same second that arrived later stands": {
			alert(after(5), received(after(6))), resolve(after(5), received(after(5)), orphaned), true,
		},
		"one that arrived earlier ends": {
			alert(after(5), received(after(5))), resolve(after(5), received(after(6)), orphaned), false,
		},
		"one that was sent earlier ends, whenever it arrived": {
			alert(after(4), received(after(9))), resolve(after(5), received(after(5)), orphaned), false,
		},
		"a sender ahead: what arrived later stands": {
			alert(after(295), received(after(6))), resolve(after(294), received(after(5)), orphaned), true,
		},
		"what was no orphan is recorded later, and counts as the newer": {
			alert(after(5), received(after(6))), resolve(after(5), received(after(5))), false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if s := tell(Rules{}, c.alert, c.again); s.open() != c.want {
				t.Errorf("it is open: %t\n%s", s.open(), asJSON(t, s.incidents))
			}
		})
	}
}

func TestSentrysAnswerIsComparedWithWhatArrivedHere(t *testing.T) {
	for name, c := range map[string]struct {
		opened, sent, asked int
		want                v1alpha1.SignalEffect
	}{
		"in time, and too soon":                              {0, 5, 5, none},
		"in time, and late enough":                           {0, 15, 15, resolves},
		"Sentry a minute behind, and too soon":               {-60, -55, 5, none},
		"Sentry a minute behind, and late enough":            {-60, -45, 15, resolves},
		"what was sent long ago has only just arrived":       {-300, 5, 5, none},
		"Sentry's clock was mended: a minute behind no more": {-60, 5, 5, none},
	} {
		t.Run(name, func(t *testing.T) {
			opened := alert(after(c.opened), received(after(0)))
			ends := found(v1alpha1.SignalResolve, "resolved", after(c.sent), func(h *Heard) { h.Asked = after(c.asked) })
			if got := tell(Rules{}, opened, ends).last.Effect; got != c.want {
				t.Errorf("it has effect %s", got)
			}
		})
	}
}

func TestALedgerWrittenByHandStopsNobody(t *testing.T) {
	incident := &v1alpha1.Incident{Spec: *tell(Rules{}, alert(at(0)), resolve(at(5))).latest()}
	incident.Status.Notifications = []v1alpha1.Notification{
		{Cycle: 1, Run: 1, Step: "team", Channel: "slack", Kind: v1alpha1.KindPage, State: v1alpha1.NotificationSent},
		{Cycle: 1, Run: 1, Channel: "slack", Kind: v1alpha1.KindResolved, State: v1alpha1.NotificationSent},
	}
	if _, must := Standing(incident, "slack", at(6)); must {
		t.Error("an end of no known time is told again")
	}
	if until := RepeatedUntil(incident); !until.IsZero() {
		t.Errorf("it is told again until %s", until)
	}
	if history := History([]v1alpha1.Incident{*incident}, "slack", at(0)); len(history) != 0 {
		t.Errorf("of no known time are %+v", history)
	}
}
