package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestAnEscalationGoesOnUntilSomebodyAnswers(t *testing.T) {
	paged := func() *world { return newWorld(usual()).look().deliver() }
	answered := func() *world { return paged().responded(5, acknowledgedByHand(5)).deliver() }
	snoozed := func() *world { return paged().responded(5, snoozedUntil(30)).deliver() }
	three := policyOf(step("a", 0, "slack"), step("b", 5, "slack"), step("c", 10, "pager"))
	for name, c := range map[string]struct {
		world *world
		want  string
	}{
		"the first step is taken at once":         {paged(), "Page slack"},
		"the second step waits for its time":      {paged().lookAt(9).deliver(), "Page slack"},
		"the second step is taken when it is due": {paged().lookAt(10).deliver(), "Page slack, Page pager"},
		"a look too many changes nothing":         {newWorld(usual()).look().look().deliver().deliver().look(), "Page slack"},
		"an acknowledgement is told, and stops it": {
			answered().lookAt(60).deliver(), "Page slack, Update slack",
		},
		"a withdrawn acknowledgement begins it anew": {
			answered().responded(30, unacknowledged).deliver().lookAt(40).deliver(),
			"Page slack, Update slack, Page slack, Page pager",
		},
		"a snooze stops it": {snoozed().lookAt(29).deliver(), "Page slack, Update slack"},
		"the end of a snooze begins it anew": {
			snoozed().lookAt(30).deliver().lookAt(40).deliver(), "Page slack, Update slack, Page slack, Page pager",
		},
		"the end of a snooze that nobody saw counts": {
			paged().responded(31, snoozedUntil(30)).deliver(), "Page slack, Page slack",
		},
		"a snooze that ends after the cycle begins nothing": {
			snoozed().heard(resolve(at(10))).deliver().lookAt(60).deliver(), "Page slack, Update slack, Resolved slack",
		},
		"a resolve is told to those who were told": {
			paged().heard(resolve(at(5))).deliver().lookAt(60).deliver(), "Page slack, Resolved slack",
		},
		"a resolve by hand is told as well": {
			paged().responded(5, resolvedByHand(5)).deliver(), "Page slack, Resolved slack",
		},
		"a cycle over before its first page":      {newWorld(usual()).heard(resolve(at(1))).deliver().lookAt(60).deliver(), ""},
		"a page that waits when the cycle ends":   {newWorld(usual()).look().heard(resolve(at(1))).deliver(), ""},
		"a page that waits when somebody answers": {newWorld(usual()).look().responded(1, acknowledgedByHand(1)).deliver(), ""},
		"an answer before the first look": {
			newWorld(usual()).responded(1, acknowledgedByHand(1)).deliver().lookAt(60).deliver(), "",
		},
		"a test notification":                         {newWorld(usual(), tagged).look().deliver().lookAt(60).deliver(), ""},
		"what turns out to be a test before it pages": {newWorld(usual()).look().heard(alert(at(1), tagged)).deliver(), ""},
		"no policy": {newWorld(nil).look().deliver().lookAt(60).deliver(), ""},
		"further alerts change nothing": {
			paged().heard(alert(at(1))).heard(unresolved(at(2))).deliver(), "Page slack",
		},
		"two channels of one step": {
			newWorld(policyOf(step("all", 0, "slack", "pager"))).look().deliver(), "Page slack, Page pager",
		},
		"after downtime the latest page a channel":     {newWorld(three).lookAt(60).deliver(), "Page slack, Page pager"},
		"a leader that comes late counts from arrival": {newWorld(usual()).lookAt(10).deliver(), "Page slack, Page pager"},
	} {
		t.Run(name, func(t *testing.T) { c.world.expect(t, c.want) })
	}
}

func TestStepsAreTakenAgain(t *testing.T) {
	w := newWorld(repeated(usual(), 2, 30))
	for minute := range 200 {
		w.lookAt(minute).deliver()
	}
	w.expect(t, "Page slack, Page pager, Page slack, Page pager, Page slack, Page pager")
	for i, minute := range []int{0, 10, 30, 40, 60, 70} {
		if due := w.arrived[i].DueAt; !due.Time.Equal(at(minute)) || w.arrived[i].Loop != int32(i/2) {
			t.Errorf("page %d is due at %s in round %d", i, due, w.arrived[i].Loop)
		}
	}
}

func TestTheNextLookIsWhenTimeAloneMakesSomethingDue(t *testing.T) {
	w := newWorld(repeated(usual(), 1, 30))
	w.look().deliver().expectNext(t, 10)
	w.lookAt(10).deliver().expectNext(t, 30)
	w.lookAt(30).deliver().expectNext(t, 40)
	w.lookAt(40).deliver()
	if !w.last.Next.IsZero() {
		t.Errorf("after the last step, the next look is at %s", w.last.Next)
	}
	w = newWorld(usual()).look().fail("slack", FailureRetryable)
	w.expectNext(t, 2)
	w = newWorld(policyOf(step("only", 0, "slack"))).look()
	w.expectNext(t, 24*60)
}

func TestPriorityHoldsStepsBackUntilItRises(t *testing.T) {
	policy := policyOf(step("team", 0, "slack"), from(v1alpha1.PriorityHigh, step("on-call", 10, "pager")))
	w := newWorld(policy, withPriority(v1alpha1.PriorityMedium)).look().deliver().lookAt(30).deliver()
	w.expect(t, "Page slack")
	w.heard(alert(at(40), withPriority(v1alpha1.PriorityCritical))).deliver()
	w.expect(t, "Page slack, Page pager")
	if due := w.arrived[1].DueAt; !due.Time.Equal(at(40)) {
		t.Errorf("what the priority held back was due at %s", due)
	}
}

func TestARiseWhileSomebodyIsOnItIsOneMoreUpdate(t *testing.T) {
	policy := policyOf(step("team", 0, "slack"), from(v1alpha1.PriorityHigh, step("on-call", 0, "pager")))
	w := newWorld(policy, withPriority(v1alpha1.PriorityMedium)).look().deliver()
	w.responded(5, acknowledgedByHand(5)).deliver()
	w.heard(alert(at(6), withPriority(v1alpha1.PriorityMedium))).deliver().expect(t, "Page slack, Update slack")
	w.heard(alert(at(7), withPriority(v1alpha1.PriorityHigh))).deliver()
	w.heard(alert(at(8), withPriority(v1alpha1.PriorityCritical))).deliver()
	w.expect(t, "Page slack, Update slack, Update slack")
	if w.arrived[1].Sequence != 0 || w.arrived[2].Sequence != 1 {
		t.Errorf("the updates are %s", asJSON(t, w.arrived))
	}
}

func TestAPolicyIsLive(t *testing.T) {
	renamed := func(name string) func(*world) {
		return func(w *world) { w.policy = policyOf(step(name, 0, "slack"), step("on-call", 10, "pager")) }
	}
	for name, c := range map[string]struct {
		edit func(*world)
		want string
	}{
		"a done step is not done again, whatever else changes": {
			func(w *world) { w.policy = policyOf(step("team", 1, "slack", "phone")) }, "Page slack",
		},
		"a new step that is overdue is taken now": {renamed("everybody"), "Page slack, Page slack"},
		"a step that is brought forward is taken now": {
			func(w *world) { w.policy.Steps[1].After.Duration = time.Minute }, "Page slack, Page pager",
		},
		"a policy that is gone takes no step": {func(w *world) { w.policy = nil }, "Page slack"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(usual()).look().deliver()
			c.edit(w)
			w.lookAt(5).deliver().expect(t, c.want)
		})
	}
}

func TestWhatWasGoneIsMadeUpForWhenItIsBack(t *testing.T) {
	w := newWorld(nil).lookAt(30)
	w.expectNotified(t, v1alpha1.ReasonPolicyMissing)
	w.policy = usual()
	w.missing["slack"] = true
	w.look().expectNotified(t, v1alpha1.ReasonChannelMissing)
	w.fail("slack", FailureRetryable).lookAt(31)
	delete(w.missing, "slack")
	w.look().deliver().expectNotified(t, v1alpha1.ReasonNotified)
	w.expect(t, "Page slack, Page pager")
}

func TestAStepThatReachesNobodyBringsTheNextOneForward(t *testing.T) {
	for name, c := range map[string]struct {
		class  FailureClass
		minute int
		want   bool
	}{
		"for good":                              {FailurePermanent, 0, true},
		"until somebody mends it":               {FailureUnauthorized, 0, true},
		"for a moment":                          {FailureRetryable, 0, false},
		"for less than two minutes":             {FailureRetryable, 1, false},
		"for two minutes":                       {FailureRetryable, 2, true},
		"at one of two channels, for good":      {"", 0, false},
		"at one of two channels, for a while":   {"", 9, false},
		"at one of two channels, until its due": {"", 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(policyOf(step("team", 0, "slack", "mail"), step("on-call", 10, "pager"))).look()
			if c.class == "" {
				w.fail("mail", FailurePermanent).deliver()
			} else {
				w.fail("slack", c.class).fail("mail", c.class)
			}
			w.lookAt(c.minute).deliver()
			if got := len(w.arrived) > 0 && w.arrived[len(w.arrived)-1].Channel == "pager"; got != c.want {
				t.Errorf("the pager was told: %t; %s", got, asJSON(t, w.status.Notifications))
			}
		})
	}
}

func TestAStepHeldBackIsPassedOverWhenAnotherFails(t *testing.T) {
	w := newWorld(policyOf(step("team", 0, "slack"), from(v1alpha1.PriorityCritical, step("boss", 5, "phone")),
		step("on-call", 10, "pager")), withPriority(v1alpha1.PriorityLow))
	w.look().fail("slack", FailurePermanent).deliver().expect(t, "Page pager")
}

func TestAFailedRunGoesOnStepByStep(t *testing.T) {
	w := newWorld(policyOf(step("a", 0, "a"), step("b", 10, "b"), step("c", 20, "c"))).look()
	w.fail("a", FailurePermanent).fail("b", FailurePermanent).deliver().expect(t, "Page c")
}

func TestARestoredIncidentIsQuietUntilSentrySaysThatItGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		heard Heard
		want  bool
	}{
		"created":               {heardAs(v1alpha1.SignalAlert, "created", at(61), nil), true},
		"unresolved":            {unresolved(at(61)), true},
		"an alert rule":         {alert(at(61)), true},
		"a regression":          {regression(at(61)), true},
		"assigned":              {heardAs(v1alpha1.SignalAlert, "assigned", at(61), nil), false},
		"archived":              {heardAs(v1alpha1.SignalAlert, "archived", at(61), nil), false},
		"an alert that is late": {alert(at(-1), received(at(61))), false},
		"an update":             {update(at(61)), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(usual())
			w.restored = at(60)
			w.lookAt(60).deliver().expectNotified(t, v1alpha1.ReasonPreexisting)
			w.heard(c.heard).deliver()
			if got := len(w.arrived) == 1; got != c.want {
				t.Errorf("it pages: %t; %s", got, asJSON(t, w.latest().Signals))
			}
			if c.want && !w.status.Escalation.StartedAt.Time.Equal(at(61)) {
				t.Errorf("the run started at %s", w.status.Escalation.StartedAt)
			}
		})
	}
}

func TestAnIncidentIsRestoredIfItWasCreatedLongAfterItWasRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		recorded *metav1.Time
		want     bool
	}{
		"recorded at the same time":     {secondAt(60), false},
		"recorded five minutes before":  {secondAt(55), false},
		"recorded six minutes before":   {secondAt(54), true},
		"nobody says when":              {nil, false},
		"recorded by a clock ahead":     {secondAt(70), false},
		"recorded on the day before it": {secondAt(60 - 24*60), true},
	} {
		t.Run(name, func(t *testing.T) {
			incident := &v1alpha1.Incident{Spec: v1alpha1.IncidentSpec{RecordedAt: c.recorded}}
			incident.CreationTimestamp = *secondAt(60)
			if got := !RestoredAt(incident).IsZero(); got != c.want {
				t.Errorf("restored is %t", got)
			}
		})
	}
}

func TestAnAcknowledgementTimesOut(t *testing.T) {
	timeout := func(minute, acknowledged int) Heard {
		heard := heardAs(v1alpha1.SignalUpdate, ActionAcknowledgementTimeout, at(minute), nil)
		heard.Signal.By, heard.Acknowledged = v1alpha1.ByOperator, at(acknowledged)
		return heard
	}
	w := newWorld(usual()).look().deliver().responded(5, acknowledgedByHand(5)).deliver()
	if ends := AcknowledgementEnds(w.status, time.Hour); !ends.Equal(at(65)) {
		t.Errorf("it ends at %s", ends)
	}
	if ends := AcknowledgementEnds(w.status, 0); !ends.IsZero() {
		t.Errorf("without a timeout, it ends at %s", ends)
	}
	w.heard(timeout(65, 4)).deliver().expect(t, "Page slack, Update slack")
	w.heard(timeout(65, 5)).deliver().expect(t, "Page slack, Update slack, Page slack")
	if response := w.latest().Response; response != nil {
		t.Errorf("the response is still %s", asJSON(t, response))
	}
	if ends := AcknowledgementEnds(w.status, time.Hour); !ends.IsZero() {
		t.Errorf("what is not acknowledged ends at %s", ends)
	}
	// Sentry's own acknowledgement times out as well, and the next one counts again.
	w.heard(acknowledge(at(70))).heard(timeout(130, 70)).deliver()
	w.heard(acknowledge(at(140))).expectNotified(t, v1alpha1.ReasonNotified)
	if w.status.State != v1alpha1.StateAcknowledged {
		t.Errorf("the state is %s", w.status.State)
	}
	if decision := w.hear(timeout(300, 140)); decision.Effect != v1alpha1.EffectUnacknowledged {
		t.Errorf("the effect is %s", decision.Effect)
	}
	if decision := w.hear(timeout(301, 140)); decision.Spec != nil {
		t.Errorf("a second timeout is recorded: %s", decision.Effect)
	}
}

func TestEveryCycleTellsThoseWhoWereToldInIt(t *testing.T) {
	w := newWorld(usual())
	w.rules.ReopenWindow = time.Hour
	w.look().deliver().lookAt(10).deliver()
	// The leader is away while the cycle ends and the next one begins.
	w.hear(resolve(at(20)))
	w.heard(alert(at(21))).deliver()
	w.expect(t, "Page slack, Page pager, Page slack, Resolved pager")
	w.heard(resolve(at(22))).deliver().expect(t, "Page slack, Page pager, Page slack, Resolved pager, Resolved slack")
}

func TestTheConditionSaysWhyNobodyWasPaged(t *testing.T) {
	later := policyOf(step("on-call", 10, "pager"))
	for name, c := range map[string]struct {
		world *world
		want  string
	}{
		"on its way":          {newWorld(usual()).look(), v1alpha1.ReasonSending},
		"paged":               {newWorld(usual()).look().deliver(), v1alpha1.ReasonNotified},
		"paged and resolved":  {newWorld(usual()).look().deliver().heard(resolve(at(1))).deliver(), v1alpha1.ReasonNotified},
		"paged and answered":  {newWorld(usual()).look().deliver().responded(1, acknowledgedByHand(1)), v1alpha1.ReasonNotified},
		"not due":             {newWorld(later).look(), v1alpha1.ReasonNotDue},
		"failing":             {newWorld(usual()).look().fail("slack", FailureRetryable), v1alpha1.ReasonSendingFailed},
		"failed":              {newWorld(usual()).look().fail("slack", FailurePermanent), v1alpha1.ReasonSendingFailed},
		"answered first":      {newWorld(later).look().responded(1, acknowledgedByHand(1)), v1alpha1.ReasonNotNeeded},
		"resolved first":      {newWorld(later).look().heard(resolve(at(1))), v1alpha1.ReasonNotNeeded},
		"a test":              {newWorld(usual(), tagged).look(), v1alpha1.ReasonTest},
		"no policy":           {newWorld(nil).look(), v1alpha1.ReasonPolicyMissing},
		"no policy, and over": {newWorld(nil).look().heard(resolve(at(1))), v1alpha1.ReasonNotNeeded},
	} {
		t.Run(name, func(t *testing.T) {
			c.world.expectNotified(t, c.want)
			if isTrue := c.world.last.Notified.Status == metav1.ConditionTrue; isTrue != (c.want == v1alpha1.ReasonNotified) {
				t.Errorf("the status is %s", c.world.last.Notified.Status)
			}
			if c.world.last.Notified.Message == "" {
				t.Error("there is no message")
			}
		})
	}
}

func TestTheLedgerKeepsWhomToTellOfTheResolveAndWhatIsDone(t *testing.T) {
	team, failed := step("team", 0, "slack", "mail"), step("failed", 0, "fax")
	w := newWorld(policyOf(team, failed)).look().fail("fax", FailurePermanent).deliver()
	for round := range 100 {
		w.policy = policyOf(team, failed, step(fmt.Sprintf("step-%d", round), 0, "pager", "phone"))
		w.lookAt(round).deliver()
	}
	if count := len(w.status.Notifications); count != v1alpha1.MaxNotifications {
		t.Errorf("the ledger has %d entries", count)
	}
	if count := len(w.arrived); count != 202 {
		t.Errorf("%d pages arrived, not 2 of one step, none of another, and 200 of the rest", count)
	}
	w.arrived = nil
	w.heard(resolve(at(200))).deliver()
	slices.SortFunc(w.arrived, func(a, b v1alpha1.Notification) int { return cmp.Compare(a.Channel, b.Channel) })
	w.expect(t, "Resolved mail, Resolved pager, Resolved phone, Resolved slack")
}

func TestTheLedgerKeepsTheNewestReceipt(t *testing.T) {
	w := newWorld(policyOf(step("first", 0, "slack"))).look().deliver()
	for round := range 100 {
		w.policy = policyOf(step(fmt.Sprintf("step-%d", round), 0, "slack", "pager"))
		w.lookAt(round).deliver()
		for i := range w.status.Notifications {
			// From the second step on, each answer of Slack was lost.
			if entry := &w.status.Notifications[i]; entry.Channel == "slack" && entry.Step != "first" {
				entry.State, entry.Receipt, entry.MayHaveArrived = v1alpha1.NotificationFailed, "", true
			}
		}
	}
	if !slices.ContainsFunc(w.status.Notifications, func(n v1alpha1.Notification) bool { return n.Channel == "slack" && n.Receipt != "" }) {
		t.Error("the only receipt is gone")
	}
}

func TestWhatIsBeingSentIsAwaited(t *testing.T) {
	for name, end := range map[string]func(*world) *world{
		"when the cycle ends":   func(w *world) *world { return w.heard(resolve(at(0))) },
		"when somebody answers": func(w *world) *world { return w.responded(0, acknowledgedByHand(0)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(usual()).look()
			Claim(w.status.Notifications, "slack", w.now)
			end(w)
			if len(w.status.Notifications) != 1 || w.stateOf(t, "slack") != v1alpha1.NotificationPending {
				t.Fatalf("while it is sent, the ledger says %s", asJSON(t, w.status.Notifications))
			}
			if next := at(0).Add(SendWithin + SendTimeout); !w.last.Next.Equal(next) {
				t.Errorf("the next look is at %s", w.last.Next)
			}
			Sent(&w.status.Notifications[0], "", w.now)
			w.look()
			if len(w.status.Notifications) != 2 {
				t.Errorf("once it has arrived, the ledger says %s", asJSON(t, w.status.Notifications))
			}
		})
	}
}

func TestAPageIsGivenUpAfterADay(t *testing.T) {
	w := newWorld(policyOf(step("team", 0, "slack"))).look().fail("slack", FailureRetryable).lookAt(24*60 - 1)
	if state := w.stateOf(t, "slack"); state != v1alpha1.NotificationPending {
		t.Errorf("before a day it is %s", state)
	}
	w.expectNext(t, 24*60)
	if state := w.lookAt(24*60).stateOf(t, "slack"); state != v1alpha1.NotificationFailed {
		t.Errorf("after a day it is %s", state)
	}
}

func TestWhatComesDaysLateIsTriedForADayAllTheSame(t *testing.T) {
	const days = 3 * 24 * 60
	w := newWorld(nil).lookAt(days)
	w.policy = policyOf(step("team", 0, "slack"))
	w.look().fail("slack", FailureRetryable).lookAt(days + 22*60)
	if state := w.stateOf(t, "slack"); state != v1alpha1.NotificationPending {
		t.Errorf("after 22 hours it is %s", state)
	}
	w.deliver().expect(t, "Page slack")
}
