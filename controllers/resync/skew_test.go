package resync

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// Whatever Sentry's clock says, a change that no webhook reported is found, and the webhook that comes next is not taken for an old one.
func TestASyncRunAndWebhooksAgreeWhateverClockSentryHas(t *testing.T) {
	for name, skew := range map[string]time.Duration{
		"in time": 0, "four minutes ahead": 4 * time.Minute, "a minute behind": -time.Minute, "ten minutes behind": -10 * time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.sentry.Now = func() time.Time { return w.clock.Now().Add(skew) }
			w.pass()
			id := w.create(1)[0]
			w.deliver()
			w.clock.Move(time.Minute)
			w.sentry.Resolve(id)
			w.lose()
			w.pass()
			w.expectStory(id, "Resolved")
			// Seconds after the sync run, and for a clock that is behind, before it.
			w.clock.Move(5 * time.Second)
			w.sentry.Regress(id)
			w.deliver()
			w.expectStory(id, "Resolved, Open")
			w.clock.Move(time.Second)
			w.sentry.Resolve(id)
			w.deliver()
			w.expectStory(id, "Resolved, Resolved")
			w.expectPages(id, 2)
			latest := w.incident(id)
			for _, signal := range latest.Spec.Signals {
				if signal.Time.After(w.clock.Now()) {
					t.Errorf("a signal bears %s, and it is %s", signal.Time, w.clock.Now())
				}
			}
		})
	}
}

// An answer that speaks of a moment so shortly after a webhook's arrival that one may outdo the other decides nothing, whatever the
// difference between the clocks.
func TestAnAnswerIsWeighedAgainstWhatArrivedHereAndNotAgainstSentrysClock(t *testing.T) {
	arrived := testbed.At(0)
	latest := testbed.NewIncident(types.NamespacedName{Namespace: "team", Name: "payments"}, v1alpha1.IssueKey("42"), 1,
		testbed.SignalAt(0, v1alpha1.SignalAlert, v1alpha1.EffectOpened))
	latest.Spec.Signals[0].Time = metav1.NewMicroTime(arrived.Add(-time.Minute))
	for asked, want := range map[time.Duration]bool{5 * time.Second: false, 15 * time.Second: true} {
		v := view{latest: latest, asked: arrived.Add(asked), sent: arrived.Add(asked - time.Minute)}
		if v.isSettled() != want {
			t.Errorf("an answer of %s after the arrival is settled: %t", asked, !want)
		}
	}
}

func TestWhatMayHaveOvertakenInTransitIsRecheckedWithSentry(t *testing.T) {
	for name, c := range map[string]struct {
		skew  time.Duration
		pause time.Duration
		asks  bool
	}{
		"a sender ahead, one shortly after the other": {4 * time.Minute, time.Second, true},
		"a sender ahead, long after":                  {4 * time.Minute, time.Minute, false},
		"a sender in time":                            {-time.Second, time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.sentry.Now = func() time.Time { return w.clock.Now().Add(c.skew) }
			w.pass()
			id := w.create(1)[0]
			created := w.outbox.Take()
			w.clock.Move(c.pause)
			w.sentry.Resolve(id)
			ended := w.outbox.Take()
			w.sentry.Regress(id)
			w.lose()
			for _, webhook := range append(created, ended...) {
				w.post(webhook)
				w.clock.Move(c.pause)
			}
			w.expectStory(id, "Resolved")
			before := len(w.feed.checks)
			if asks := before > 0; asks != c.asks {
				t.Errorf("Sentry is asked: %t", asks)
			}
			w.settle()
			want := map[bool]string{true: "Resolved, Open", false: "Resolved"}[c.asks]
			w.expectStory(id, want)
		})
	}
}
