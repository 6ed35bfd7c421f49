package resync

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// newWritingWorld is one whose source writes back all that it can, and whose token may.
func newWritingWorld(t testing.TB) *world {
	t.Helper()
	w := newWorld(t, writesBackAll)
	w.sentry.Scopes = []string{"event:read", "event:write"}
	return w
}

func writesBackAll(source *v1alpha1.AlertSource) {
	source.Spec.Sentry.WriteBack = v1alpha1.WriteBack{Resolve: true, Comment: true}
}

// write lets the controller of write-back look at the Incidents of which it hears, and gives the longest pause that it wants.
func (w *world) write() time.Duration {
	w.Helper()
	var again time.Duration
	for _, known := range w.mirror.Incidents() {
		if !isUnwritten().Generic(event.GenericEvent{Object: known}) {
			continue
		}
		result, err := w.writeBack.Reconcile(w.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(known)})
		testbed.Must(w.TB, err)
		again = max(again, result.RequeueAfter)
	}
	return again
}

// open lets an issue happen that an Incident is opened for.
func (w *world) open() string {
	w.Helper()
	id := w.create(1)[0]
	w.deliver()
	w.clock.Move(time.Minute)
	return id
}

// written are the changes that Sentry was asked for, such as "resolve, comment".
func (w *world) written() string {
	var kinds []string
	for _, write := range w.sentry.Writes() {
		kind := "resolve"
		if write.Comment != "" {
			kind = "comment"
		}
		if !write.Taken {
			kind += " refused"
		}
		kinds = append(kinds, kind)
	}
	return strings.Join(kinds, ", ")
}

func (w *world) expectWritten(want string) {
	w.Helper()
	if got := w.written(); got != want {
		w.Errorf("Sentry was asked for %q, want %q", got, want)
	}
}

// expectWrittenBack expects the condition of an issue's latest Incident.
func (w *world) expectWrittenBack(id string, status metav1.ConditionStatus, reason string, words ...string) {
	w.Helper()
	got := loop.ConditionOf(w.incident(id).Status.Conditions, v1alpha1.ConditionWrittenBack)
	if got.Status != status || got.Reason != reason {
		w.Errorf("WrittenBack is %s, %s: %s; want %s, %s", got.Status, got.Reason, got.Message, status, reason)
	}
	for _, word := range words {
		if !strings.Contains(got.Message, word) {
			w.Errorf("WrittenBack does not say %q: %s", word, got.Message)
		}
	}
}

func (w *world) expectSentry(id, want string) {
	w.Helper()
	if status, _, _, _ := w.sentry.State(id); status != want {
		w.Errorf("Sentry calls issue %s %s, want %s", id, status, want)
	}
}

func TestWhatRespondersDoIsWrittenToSentryOnce(t *testing.T) {
	for name, isPaged := range map[string]bool{"of what pages": true, "of what pages nobody, and is settled at once": false} {
		t.Run(name, func(t *testing.T) { testWrittenOnce(t, isPaged) })
	}
}

func testWrittenOnce(t *testing.T, isPaged bool) {
	t.Helper()
	w := newWritingWorld(t)
	wantPages := 1
	if !isPaged {
		wantPages = 0
		w.change(func(source *v1alpha1.AlertSource) { source.Spec.EscalationPolicyRef = nil })
	}
	id := w.open()
	w.respond(id, acknowledgeByHand)
	w.write()
	w.clock.Move(time.Minute)
	w.respond(id, resolveByHand)
	before := w.incident(id)
	for range 3 {
		w.write()
	}
	w.restart()
	w.write()
	w.expectSentry(id, "resolved")
	w.expectWritten("comment, resolve, comment")
	response := before.Spec.Response
	name := before.Namespace + "/" + before.Name
	for i, want := range []string{
		"Incident " + name + " was resolved by alice at " + response.ResolvedAt.UTC().Format(time.DateTime) + " UTC.",
		"Incident " + name + " was acknowledged by alice at " + response.AcknowledgedAt.UTC().Format(time.DateTime) + " UTC.",
	} {
		if got := w.sentry.Comments(id)[i]; got != want {
			t.Errorf("the comment is %q, want %q", got, want)
		}
	}
	w.expectWrittenBack(id, metav1.ConditionTrue, v1alpha1.ReasonWritten, "he resolve was written to Sentry")

	// The webhooks that this causes change nothing.
	w.deliver()
	w.pass()
	w.write()
	after := w.incident(id)
	if after.Status.State != v1alpha1.StateResolved || len(after.Status.Cycles) != 1 ||
		after.Status.Cycles[0].ResolvedBy != "alice" || !after.Status.Cycles[0].ResolvedAt.Equal(before.Status.Cycles[0].ResolvedAt) {
		t.Errorf("the cycles are %+v, were %+v", after.Status.Cycles, before.Status.Cycles)
	}
	if len(after.Status.Notifications) != len(before.Status.Notifications) {
		t.Errorf("there are %d notifications, were %d", len(after.Status.Notifications), len(before.Status.Notifications))
	}
	w.expectStory(id, "Resolved")
	w.expectPages(id, wantPages)
	w.expectWritten("comment, resolve, comment")
	w.expectWrittenBack(id, metav1.ConditionTrue, v1alpha1.ReasonWritten)
}

func TestOnlyWhatTheSourceWantsIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		wanted v1alpha1.WriteBack
		want   string
	}{
		"nothing":  {v1alpha1.WriteBack{}, ""},
		"resolves": {v1alpha1.WriteBack{Resolve: true}, "resolve"},
		"comments": {v1alpha1.WriteBack{Comment: true}, "comment, comment"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(source *v1alpha1.AlertSource) { source.Spec.Sentry.WriteBack = c.wanted })
			w.sentry.Scopes = []string{"event:read", "event:write"}
			id := w.open()
			w.respond(id, acknowledgeByHand)
			w.respond(id, resolveByHand)
			w.write()
			w.expectWritten(c.want)
			// What was answered before something was wanted is not written when it is.
			w.clock.Move(time.Minute)
			w.change(writesBackAll)
			w.write()
			w.expectWritten(c.want)
			other := w.open()
			w.respond(other, resolveByHand)
			w.write()
			w.expectSentry(other, "resolved")
		})
	}
}

func TestNothingIsWrittenOfATestOrASilence(t *testing.T) {
	w := newWritingWorld(t)
	w.change(func(source *v1alpha1.AlertSource) {
		source.Spec.Incidents.AutoResolveAfter = metav1.Duration{Duration: 5 * time.Minute}
	})
	silent, sample := w.open(), w.sentry.CreateSample(w.project)
	w.deliver()
	w.respond(sample, acknowledgeByHand)
	w.respond(sample, resolveByHand)
	w.clock.Move(10 * time.Minute)
	w.wake()
	w.write()
	w.expectStory(silent, "Resolved")
	w.expectWritten("")
}

func TestAWriteThatNoLongerFitsIsDroppedAndSaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		// happen is what happens between the response and the write.
		happen func(w *world, id string)
		status string
		says   string
		// comments is true if who resolved is commented nevertheless.
		comments bool
	}{
		"regressed, and heard": {func(w *world, id string) {
			w.sentry.Resolve(id)
			w.clock.Move(time.Minute)
			w.sentry.Regress(id)
			w.deliver()
			w.expectStory(id, "Resolved, Open")
		}, "unresolved", "a newer Incident", true},
		"regressed, and not heard": {func(w *world, id string) {
			w.sentry.Resolve(id)
			w.clock.Move(time.Minute)
			w.sentry.Regress(id)
			w.lose()
		}, "unresolved", "came back", true},
		"unresolved by somebody": {func(w *world, id string) {
			w.sentry.Resolve(id)
			w.clock.Move(time.Minute)
			w.sentry.Unresolve(id)
			w.lose()
		}, "unresolved", "came back", true},
		"escalated": {func(w *world, id string) {
			w.sentry.Archive(id)
			w.clock.Move(time.Minute)
			w.sentry.Escalate(id)
			w.lose()
		}, "unresolved", "came back", true},
		"archived, and heard": {func(w *world, id string) {
			w.sentry.Archive(id)
			w.deliver()
			w.expectStory(id, "Resolved, Open")
		}, "ignored", "a newer Incident", true},
		"archived, and not heard": {func(w *world, id string) {
			w.sentry.Archive(id)
			w.lose()
		}, "ignored", "archived", true},
		"merged": {func(w *world, id string) {
			left := w.open()
			w.sentry.BeginMerge(id)
			if w.write() != firstPause {
				w.Error("what is nowhere to be found is not tried again")
			}
			w.sentry.EndMerge(id, left)
		}, "", "was merged into issue", false},
		"deleted": {func(w *world, id string) {
			w.sentry.Delete(id)
			w.clock.Move(10 * time.Minute)
		}, "", "does not have the issue any more", false},
		"restored": {func(w *world, _ string) {
			w.restore(w.wipe())
			w.restart()
		}, "unresolved", "restored from a backup", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWritingWorld(t)
			id := w.open()
			w.respond(id, resolveByHand)
			resolved := w.incident(id).Name
			w.clock.Move(time.Minute)
			c.happen(w, id)
			for range 2 {
				w.write()
			}
			w.expectSentry(id, c.status)
			wantWritten := ""
			if c.comments {
				wantWritten = "comment"
			}
			w.expectWritten(wantWritten)
			incident := w.named(resolved)
			got := loop.ConditionOf(incident.Status.Conditions, v1alpha1.ConditionWrittenBack)
			if got.Status != metav1.ConditionFalse || got.Reason != v1alpha1.ReasonDropped || !strings.Contains(got.Message, c.says) {
				t.Errorf("WrittenBack is %s, %s: %s", got.Status, got.Reason, got.Message)
			}
			w.expectEvent(v1alpha1.ReasonDropped, c.says)
		})
	}
}

// named is an Incident as it is now.
func (w *world) named(name string) *v1alpha1.Incident {
	w.Helper()
	incident := &v1alpha1.Incident{}
	key := client.ObjectKey{Namespace: w.source.Name.Namespace, Name: name}
	testbed.Must(w.TB, control.Client(w.TB).Get(w.Context(), key, incident))
	return incident
}

// expectEvent expects that an Event tells something.
func (w *world) expectEvent(reason, words string) {
	w.Helper()
	var all []string
	for {
		select {
		case event := <-w.recorder.Events:
			if strings.Contains(event, " "+reason+" ") && strings.Contains(event, words) {
				return
			}
			all = append(all, event)
			continue
		default:
		}
		w.Errorf("no Event %s says %q: %s", reason, words, all)
		return
	}
}

func TestWhatCameBackBeforeSomebodyResolvedItIsResolved(t *testing.T) {
	w := newWritingWorld(t)
	id := w.open()
	w.sentry.Resolve(id)
	w.deliver()
	w.clock.Move(time.Minute)
	w.sentry.Regress(id)
	w.lose()
	w.clock.Move(time.Minute)
	w.respond(id, resolveByHand)
	w.write()
	w.expectSentry(id, "resolved")
	w.deliver()
	w.pass()
	w.expectStory(id, "Resolved")
}
