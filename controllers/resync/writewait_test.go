package resync

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

func TestAScopeThatIsAddedLetsWhatWaitedBeWrittenAtOnce(t *testing.T) {
	w := newWritingWorld(t)
	w.sentry.Scopes = []string{"event:read"}
	id, other := w.open(), w.open()
	w.respond(id, resolveByHand)
	w.respond(other, acknowledgeByHand)
	w.pass()
	before := w.source.Get(t)
	for range 8 {
		w.write()
	}
	w.expectWrittenBack(id, metav1.ConditionFalse, v1alpha1.ReasonScopeMissing, "scope event:write", "a new token is not needed")
	w.sentry.Scopes = []string{"event:read", "event:write"}
	w.pass()
	after := w.source.Get(t)
	if !accessChanged().Update(event.UpdateEvent{ObjectOld: before, ObjectNew: after}) ||
		accessChanged().Update(event.UpdateEvent{ObjectOld: after, ObjectNew: after}) {
		t.Error("a change of what the token may do is not told from none")
	}
	if requests := w.writeBack.ofSource(t.Context(), after); len(requests) != 2 {
		t.Errorf("of the source, %v is looked at", requests)
	}
	w.write()
	w.expectSentry(id, "resolved")
	for _, id := range []string{id, other} {
		w.expectWrittenBack(id, metav1.ConditionTrue, v1alpha1.ReasonWritten)
	}
	if requests := w.writeBack.ofSource(t.Context(), after); len(requests) != 0 {
		t.Errorf("of the source, %v is looked at again", requests)
	}
}

func TestOnlyAnotherResponseHasSentryAsked(t *testing.T) {
	w := newWritingWorld(t)
	id := w.open()
	open := w.incident(id)
	w.respond(id, acknowledgeByHand)
	acknowledged := w.incident(id)
	w.sentry.Assign(id, "Jane Doe")
	w.deliver()
	assigned := w.incident(id)
	w.write()
	written := w.incident(id)
	for name, c := range map[string]struct {
		was, is *v1alpha1.Incident
		want    bool
	}{
		"nobody has answered":       {open, open, false},
		"somebody has":              {open, acknowledged, true},
		"Sentry says something new": {acknowledged, assigned, false},
		"it was written":            {assigned, written, false},
	} {
		update := event.UpdateEvent{ObjectOld: c.was, ObjectNew: c.is}
		if got := isUnwritten().Update(update) && hasAnswered().Update(update); got != c.want {
			t.Errorf("%s: Sentry is asked: %t", name, got)
		}
	}
}

func TestAResolveOfATimeAheadCountsAsOfTheFirstLook(t *testing.T) {
	w := newWritingWorld(t)
	id := w.open()
	w.respond(id, func(response *v1alpha1.Response, now metav1.Time) {
		response.ResolvedBy, response.ResolvedAt = "alice", ptr.To(metav1.NewTime(now.Add(24*time.Hour)))
	})
	w.clock.Move(time.Minute)
	w.sentry.Resolve(id)
	w.sentry.Regress(id)
	w.lose()
	w.write()
	w.expectSentry(id, "unresolved")
	w.expectWrittenBack(id, metav1.ConditionFalse, v1alpha1.ReasonDropped, "came back")
}

func TestWithoutAConnectionAResponseWaitsAndSaysWhy(t *testing.T) {
	w := newWritingWorld(t)
	id := w.open()
	w.resync.stop(w.source.Name)
	w.respond(id, resolveByHand)
	if again := w.write(); again != statusAgain {
		t.Errorf("before anything is known it is looked at again after %s", again)
	}
	w.addToken("")
	w.mirror.Forget()
	_, err := w.resync.Reconcile(t.Context(), ctrl.Request{NamespacedName: w.source.Name})
	testbed.Must(t, err)
	if again := w.write(); again != firstPause {
		t.Errorf("without a token it is looked at again after %s", again)
	}
	w.expectWrittenBack(id, metav1.ConditionFalse, v1alpha1.ReasonSecretMissing, "lacks the key")
	w.addToken(authToken)
	w.connect()
	w.write()
	w.expectSentry(id, "resolved")
}

func TestWhatNeedNotBeWrittenAnyMoreIsForgotten(t *testing.T) {
	for name, happen := range map[string]func(w *world, id string){
		"the response was taken back": func(w *world, id string) {
			w.respond(id, func(response *v1alpha1.Response, _ metav1.Time) { *response = v1alpha1.Response{} })
		},
		"the source writes nothing any more": func(w *world, _ string) {
			w.change(func(source *v1alpha1.AlertSource) { source.Spec.Sentry.WriteBack = v1alpha1.WriteBack{} })
		},
		"the source is gone": func(w *world, _ string) {
			testbed.Must(w.TB, control.Client(w.TB).Delete(w.Context(), w.source.Get(w.TB)))
			w.mirror.Forget()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWritingWorld(t)
			w.sentry.Scopes = []string{"event:read"}
			id := w.open()
			w.respond(id, acknowledgeByHand)
			w.write()
			w.expectWrittenBack(id, metav1.ConditionFalse, v1alpha1.ReasonScopeMissing)
			incident := w.incident(id).Name
			happen(w, id)
			if again := w.write(); again != 0 {
				t.Errorf("it is tried again after %s", again)
			}
			got := loop.ConditionOf(w.named(incident).Status.Conditions, v1alpha1.ConditionWrittenBack)
			if got.Type != "" {
				t.Errorf("WrittenBack is %s: %s", got.Status, got.Message)
			}
		})
	}
}
