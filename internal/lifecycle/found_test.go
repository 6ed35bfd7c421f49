package lifecycle

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// found is a signal that Sentry's API shows.
func found(event v1alpha1.SignalEvent, action string, at time.Time, with ...func(*Heard)) Heard {
	return heardAs(event, action, at, append([]func(*Heard){func(h *Heard) {
		h.Signal.By, h.Asked = v1alpha1.ByResync, at
	}}, with...))
}

func quietly(h *Heard) { h.Signal.Quiet = true }

func changedAt(minute int) func(*Heard) { return func(h *Heard) { h.Changed = at(minute) } }

func mergedInto(handed Merged) func(*Heard) { return func(h *Heard) { h.Merged = &handed } }

func TestWhatIsFoundIsJudgedAsAWebhookButForPeopleSilenceAndHaste(t *testing.T) {
	opens, ends := found(v1alpha1.SignalAlert, "unresolved", at(9)), found(v1alpha1.SignalResolve, "resolved", at(9))
	byHand := func(s *story) { s.respond(resolvedByHand(5)) }
	none := func(*story) {}
	for name, c := range map[string]struct {
		rules    Rules
		before   []Heard
		respond  func(*story)
		found    Heard
		want     v1alpha1.SignalEffect
		recorded bool
	}{
		"none, an Alert: opens":                   {Rules{}, nil, none, opens, opened, true},
		"none, a Resolve: nothing, and no orphan": {Rules{}, nil, none, ends, v1alpha1.EffectNone, false},
		"open, an Alert: refreshes":               {Rules{}, []Heard{alert(at(1))}, none, opens, updated, true},
		"open, a Resolve: resolves":               {Rules{}, []Heard{alert(at(1))}, none, ends, resolves, true},
		"resolved by Sentry: opens": {
			Rules{}, []Heard{alert(at(1)), resolve(at(2))}, none, opens, opened, true,
		},
		"resolved by Sentry, in the window: reopens": {
			Rules{ReopenWindow: time.Hour}, []Heard{alert(at(1)), resolve(at(2))}, none, opens, reopened, true,
		},
		"resolved by hand, no change known: nothing": {Rules{}, []Heard{alert(at(1))}, byHand, opens, v1alpha1.EffectNone, false},
		"resolved by hand, changed before: nothing": {
			Rules{},
			[]Heard{alert(at(1))},
			byHand,
			found(v1alpha1.SignalAlert, "unresolved", at(9), changedAt(4)), v1alpha1.EffectNone, false,
		},
		"resolved by hand, changed since: opens": {
			Rules{}, []Heard{alert(at(1))}, byHand, found(v1alpha1.SignalAlert, "unresolved", at(9), changedAt(6)), opened, true,
		},
		"resolved by silence, no change known: nothing": {
			Rules{AutoResolveAfter: time.Minute}, []Heard{alert(at(1)), silence(at(3))}, none, opens, v1alpha1.EffectNone, false,
		},
		"resolved by silence, changed since: opens": {
			Rules{AutoResolveAfter: time.Minute},
			[]Heard{alert(at(1)), silence(at(3))},
			none,
			found(v1alpha1.SignalAlert, "unresolved", at(9), changedAt(4)), opened, true,
		},
		"resolved by hand, and one that is paged was merged into it: opens": {
			Rules{},
			[]Heard{alert(at(1))},
			byHand,
			found(v1alpha1.SignalAlert, "unresolved", at(9), mergedInto(Merged{Pages: true})), opened, true,
		},
		"too soon after the last signal: nothing": {
			Rules{},
			[]Heard{alert(at(1))},
			none,
			found(v1alpha1.SignalResolve, "resolved", at(1).Add(Settling-time.Second)), v1alpha1.EffectNone, false,
		},
		"just late enough: resolves": {
			Rules{}, []Heard{alert(at(1))}, none, found(v1alpha1.SignalResolve, "resolved", at(1).Add(Settling)), resolves, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(c.rules, c.before...)
			c.respond(s)
			decision := s.hear(c.found)
			if decision.Effect != c.want || (decision.Spec != nil) != c.recorded || decision.Orphan {
				t.Errorf("it has effect %s, recorded: %t, an orphan: %t", decision.Effect, decision.Spec != nil, decision.Orphan)
			}
		})
	}
}

func TestALateWebhookOfWhatWasFoundIsRecorded(t *testing.T) {
	s := tell(Rules{}, alert(at(1)), found(v1alpha1.SignalResolve, "resolved", at(9)))
	if decision := s.hear(resolve(at(5), received(at(10)))); decision.Spec == nil || decision.Effect != v1alpha1.EffectNone {
		t.Errorf("it has effect %s, recorded: %t", decision.Effect, decision.Spec != nil)
	}
}

func TestWhatSentrysAPIShowsSentryDid(t *testing.T) {
	s := tell(Rules{}, alert(at(1)), found(v1alpha1.SignalResolve, "resolved", at(9)))
	if cycle := s.status().Cycles[0]; cycle.ResolvedBy != v1alpha1.BySentry {
		t.Errorf("it was resolved by %s", cycle.ResolvedBy)
	}
}

func TestAQuietCyclePagesNobodyUntilAWebhookWakesIt(t *testing.T) {
	for name, c := range map[string]struct {
		heard Heard
		want  string
	}{
		"assigned":                          {heardAs(v1alpha1.SignalAlert, "assigned", at(20), nil), ""},
		"archived":                          {heardAs(v1alpha1.SignalAlert, "archived", at(20), nil), ""},
		"an Update":                         {update(at(20)), ""},
		"found unresolved, and old":         {found(v1alpha1.SignalAlert, "unresolved", at(20), quietly), ""},
		"found unresolved, and news":        {found(v1alpha1.SignalAlert, "unresolved", at(20)), "Page slack"},
		"created":                           {heardAs(v1alpha1.SignalAlert, "created", at(20), nil), "Page slack"},
		"unresolved":                        {unresolved(at(20)), "Page slack"},
		"an alert rule":                     {alert(at(20)), "Page slack"},
		"an alert rule whose webhook waits": {alert(at(1), received(at(20))), "Page slack"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(policyOf(step("team", 0, "slack")))
			w.story = tell(Rules{}, found(v1alpha1.SignalAlert, "created", at(2), quietly))
			w.lookAt(10).deliver()
			w.expect(t, "")
			w.expectNotified(t, v1alpha1.ReasonPreexisting)
			w.heard(c.heard).deliver()
			w.expect(t, c.want)
		})
	}
}

func TestAnAcknowledgementThatEndsStartsNoRunOfAQuietCycle(t *testing.T) {
	w := newWorld(policyOf(step("team", 0, "slack")))
	w.story = tell(Rules{}, found(v1alpha1.SignalAlert, "created", at(2), quietly))
	w.lookAt(3).deliver()
	w.responded(4, acknowledgedByHand(4)).deliver()
	w.responded(5, unacknowledged).deliver()
	w.expect(t, "")
	w.responded(6, acknowledgedByHand(6)).deliver()
	w.heard(found(v1alpha1.SignalAlert, "unresolved", at(9), regressed, quietly)).deliver()
	w.expect(t, "")
	w.heard(unresolved(at(12))).deliver()
	w.expect(t, "Page slack")
}

func TestTheFirstToSayThatAnIssueHasRegressedWithdrawsAnAcknowledgement(t *testing.T) {
	isNew := func(h *Heard) { h.Facts.Substatus = ptr.To("new") }
	for name, c := range map[string]struct {
		opening, then Heard
		want          v1alpha1.SignalEffect
	}{
		"an assignment": {
			alert(at(1), isNew), heardAs(v1alpha1.SignalAlert, "assigned", at(9), []func(*Heard){regressed}), withdraws,
		},
		"what was found":                 {alert(at(1), isNew), found(v1alpha1.SignalUpdate, "changed", at(9), regressed), withdraws},
		"one that says so once more":     {alert(at(1), regressed), update(at(9), regressed), updated},
		"one of which nothing was known": {alert(at(1)), update(at(9), regressed), updated},
		"one that came late":             {alert(at(7), isNew), update(at(6), regressed, received(at(9))), v1alpha1.EffectNone},
		"one that says something else":   {alert(at(1), isNew), update(at(9)), updated},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(Rules{}, c.opening).respond(acknowledgedByHand(8))
			if effect := s.hear(c.then).Effect; effect != c.want {
				t.Errorf("it has effect %s, want %s", effect, c.want)
			}
		})
	}
}

func TestWhatIsMergedHandsItsAcknowledgementOn(t *testing.T) {
	handed := Merged{AcknowledgedBy: alice, AcknowledgedAt: metav1.NewTime(at(4))}
	for name, s := range map[string]*story{
		"to one that opens":   tell(Rules{}, found(v1alpha1.SignalAlert, "created", at(9), mergedInto(handed))),
		"to one that is open": tell(Rules{}, alert(at(1)), found(v1alpha1.SignalUpdate, "changed", at(9), mergedInto(handed))),
	} {
		if status := s.status(); status.State != v1alpha1.StateAcknowledged {
			t.Errorf("%s: it is %s", name, status.State)
		}
		if latest := s.latest().Signals; latest[len(latest)-1].By != alice || latest[len(latest)-1].Event != v1alpha1.SignalResponse {
			t.Errorf("%s: the signals are %s", name, asJSON(t, latest))
		}
	}
}

func TestTheNewestOfADisputedAlertIsKept(t *testing.T) {
	incident := func(number int32, resolvedBy, status string) *v1alpha1.Incident {
		one := &v1alpha1.Incident{}
		one.Spec.AlertKey, one.Spec.Number, one.Spec.Issue.Status = v1alpha1.IssueKey("42"), number, status
		one.Spec.Signals = []v1alpha1.Signal{alert(at(1)).Signal}
		one.Status.State = v1alpha1.StateResolved
		one.Status.Cycles = []v1alpha1.Cycle{{OpenedAt: *microAt(0), ResolvedAt: microAt(1), ResolvedBy: resolvedBy}}
		return one
	}
	for name, c := range map[string]struct {
		newest *v1alpha1.Incident
		keeps  bool
		want   int
	}{
		"resolved by hand":                    {incident(2, alice, "unresolved"), true, 1},
		"resolved by silence":                 {incident(2, v1alpha1.ByOperator, ""), true, 1},
		"resolved by Sentry":                  {incident(2, v1alpha1.BySentry, "unresolved"), true, 2},
		"resolved by hand, and Sentry agrees": {incident(2, alice, "resolved"), true, 2},
		"resolved by hand, and then archived": {incident(2, alice, "ignored"), true, 2},
		"resolved by hand, and nobody asks":   {incident(2, alice, "unresolved"), false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			kept := []Kept{KeptOf(Stub(incident(1, alice, "unresolved"))), KeptOf(Stub(c.newest))}
			expired, _ := Expire(kept, Retention{MaxAge: time.Hour, MaxResolved: 1000, KeepsDisputed: c.keeps}, at(24*60))
			if len(expired) != c.want {
				t.Errorf("%d expire, want %d", len(expired), c.want)
			}
		})
	}
}
