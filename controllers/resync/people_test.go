package resync

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

func TestAHundredPassesDoNotUndoWhatPeopleAndSilenceResolved(t *testing.T) {
	w := newWorld(t, func(source *v1alpha1.AlertSource) {
		source.Spec.Incidents.AutoResolveAfter = metav1.Duration{Duration: 5 * time.Minute}
	})
	w.pass()
	byHand, bySilence, twice := w.create(1)[0], w.create(1)[0], w.create(1)[0]
	w.deliver()
	for _, id := range []string{byHand, bySilence, twice} {
		w.sentry.Resolve(id)
		w.clock.Move(time.Minute)
		w.sentry.Regress(id)
	}
	w.deliver()
	w.clock.Move(time.Minute)
	w.respond(byHand, resolveByHand)
	w.respond(twice, resolveByHand)
	w.clock.Move(6 * time.Minute)
	w.wake()
	const resolved = "Resolved, Resolved"
	for _, id := range []string{byHand, bySilence, twice} {
		w.expectStory(id, resolved)
	}
	for range 100 {
		w.pass()
	}
	for _, id := range []string{byHand, bySilence, twice} {
		w.expectStory(id, resolved)
	}
	w.clock.Move(40 * 24 * time.Hour)
	w.retain()
	for _, id := range []string{byHand, bySilence, twice} {
		w.expectStory(id, "Resolved")
	}
	for range 10 {
		w.pass()
	}
	for _, id := range []string{byHand, bySilence, twice} {
		w.expectStory(id, "Resolved")
	}
	// Resolved and regressed once more, it looks as before, and only its activity tells.
	w.sentry.Resolve(twice)
	w.clock.Move(time.Minute)
	w.sentry.Regress(twice)
	w.lose()
	w.pass()
	w.expectStory(twice, "Resolved, Open")
	w.expectPages(twice, 3)
	w.expectStory(byHand, "Resolved")
	// Once Sentry agrees, nothing keeps it any longer.
	w.sentry.Resolve(byHand)
	w.lose()
	w.pass()
	w.clock.Move(40 * 24 * time.Hour)
	w.retain()
	w.expectStory(byHand, "")
}

func TestAnAcknowledgementOfWhatRegressedSinceIsWithdrawnOnce(t *testing.T) {
	for name, isHeard := range map[string]bool{"by webhook": true, "by resync": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.pass()
			id := w.create(1)[0]
			w.deliver()
			w.clock.Move(time.Minute)
			w.respond(id, acknowledgeByHand)
			w.clock.Move(time.Minute)
			w.sentry.Resolve(id)
			w.lose()
			w.clock.Move(time.Minute)
			w.sentry.Regress(id)
			if isHeard {
				w.deliver()
			}
			w.lose()
			for range 3 {
				w.pass()
			}
			w.expectStory(id, "Open")
			w.expectPages(id, 2)
		})
	}
}

func TestARegressionThatOnlyAnAssignmentTellsOfWithdrawsToo(t *testing.T) {
	w := newWorld(t)
	id := w.create(1)[0]
	w.deliver()
	w.clock.Move(time.Minute)
	w.respond(id, acknowledgeByHand)
	w.sentry.Resolve(id)
	w.sentry.Regress(id)
	w.lose()
	w.clock.Move(time.Minute)
	w.sentry.Assign(id, "Jane Doe")
	w.deliver()
	w.expectStory(id, "Open")
	w.expectPages(id, 2)
}

func TestALaterStepIsTakenThoughTheSourceIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	policy := testbed.NewPolicy(w.source.Name, testbed.Step("team", 0, "slack"), testbed.Step("lead", 20*time.Minute, "pager"))
	testbed.Must(t, control.Client(t).Delete(t.Context(), policy.DeepCopy()))
	testbed.Must(t, control.Client(t).Create(t.Context(), policy))
	w.pass()
	id := w.create(1)[0]
	w.lose()
	w.pass()
	w.expectPages(id, 1)
	// The finalizer of the source, and the garbage collector, are not here: its Incidents stay.
	testbed.Must(t, control.Client(t).Delete(t.Context(), w.source.Get(t)))
	w.source.Create(t, w.asks, paged)
	w.restart()
	w.pass()
	w.wake()
	w.expectPages(id, 1)
	w.clock.Move(15 * time.Minute)
	w.wake()
	w.expectStory(id, "Open")
	w.expectPages(id, 2)
}

func TestWhatWaitedSixMinutesPagesThoughTheOperatorsClockIsBehind(t *testing.T) {
	w := newWorld(t)
	w.sentry.Now = func() time.Time { return w.clock.Now().Add(6 * time.Minute) }
	w.clock.Move(-6 * time.Minute)
	w.pass()
	w.expectCondition(v1alpha1.ConditionClockSkewed, metav1.ConditionTrue, v1alpha1.ReasonClockSkew, "6m", "ahead of")
	id := w.create(1)[0]
	webhook := w.take()[0]
	// It waited in the spool while the API server was away.
	w.clock.Move(6 * time.Minute)
	w.post(webhook)
	w.expectPages(id, 1)
	w.pass()
	w.pass()
	w.expectStory(id, "Open")
	w.expectPages(id, 1)
	if w.incident(id).Spec.RecordedAt == nil || !lifecycle.RestoredAt(w.incident(id)).IsZero() {
		t.Error("it counts as restored")
	}
}
