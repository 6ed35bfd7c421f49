package resync

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook"
	"github.com/itoc360/itoc360-operator/webhook/inbox"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/spool"
	"github.com/itoc360/itoc360-operator/webhook/store"
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

// remote is a recorder whose API server may be away.
type remote struct {
	inbox.Recorder
	away atomic.Bool
}

var errAway = errors.New("connection refused")

func (r *remote) Record(ctx context.Context, source *sources.Source, key v1alpha1.AlertKey, heard []lifecycle.Heard) []store.Outcome {
	if !r.away.Load() {
		return r.Recorder.Record(ctx, source, key, heard)
	}
	outcomes := make([]store.Outcome, len(heard))
	for i := range outcomes {
		outcomes[i].Err = errAway
	}
	return outcomes
}

func TestWhatWaitedSixMinutesInTheSpoolPagesThoughTheOperatorsClockIsBehind(t *testing.T) {
	w := newWorld(t)
	w.sentry.Now = func() time.Time { return w.clock.Now().Add(6 * time.Minute) }
	w.clock.Move(-6 * time.Minute)
	w.pass()
	w.expectCondition(v1alpha1.ConditionClockSkewed, metav1.ConditionTrue, v1alpha1.ReasonClockSkew, "6m", "ahead of")

	api := &remote{Recorder: w.store}
	disk := spool.New(spool.Options{Dir: t.TempDir(), MaxBytes: 1 << 24, Trouble: func(string, string) {}, Log: logr.Discard()})
	w.inbox = inbox.New(api, inbox.Options{Named: w.directory, Clock: w.clock, Disk: disk, Log: logr.Discard()})
	disk.Start(w.inbox.Restore)
	t.Cleanup(func() { _ = disk.Close(context.WithoutCancel(t.Context())) })
	handler := webhook.NewHandler(w.directory, w.inbox, w.reporter, w.clock, logr.Discard())
	w.handler = handler

	api.away.Store(true)
	id := w.create(1)[0]
	w.deliver()
	w.expectStory(id, "")
	w.clock.Move(6 * time.Minute)
	api.away.Store(false)
	testbed.Eventually(t, "the webhook is recorded", func(context.Context) bool { return len(w.mirror.Incidents()) == 1 })
	w.expectStory(id, "Open")
	w.conclude()
	w.expectPages(id, 1)
	for range 2 {
		w.pass()
	}
	w.expectStory(id, "Open")
	w.expectPages(id, 1)
	if latest := w.incident(id); latest.Spec.RecordedAt == nil || !lifecycle.RestoredAt(latest).IsZero() {
		t.Error("it counts as restored")
	}
}
