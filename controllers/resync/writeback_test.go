package resync

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
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

// fault answers in place of Sentry; nil: Sentry answers.
type fault func(w http.ResponseWriter, r *http.Request)

// through marks a request that no fault answers.
const through = "X-Through"

// fails lets calls that change something fail, each of them once, in the given ways.
func (w *world) fails(ways []fault) {
	var mu sync.Mutex
	w.sentry.Fault = func(response http.ResponseWriter, request *http.Request) bool {
		if request.Method == http.MethodGet || request.Header.Get(through) != "" {
			return false
		}
		mu.Lock()
		var way fault
		if len(ways) > 0 {
			way, ways = ways[0], ways[1:]
		}
		mu.Unlock()
		if way != nil {
			way(response, request)
		}
		return way != nil
	}
}

// afterwards lets a change take effect, and then answers otherwise.
func (w *world) afterwards(answer func(w http.ResponseWriter)) fault {
	return func(response http.ResponseWriter, request *http.Request) {
		request.Header.Set(through, "yes")
		w.sentry.ServeHTTP(httptest.NewRecorder(), request)
		answer(response)
	}
}

func TestWhateverSentryAnswersTheEndIsRightAndCommentedOnce(t *testing.T) {
	serverError := func(response http.ResponseWriter) { http.Error(response, "upstream", http.StatusInternalServerError) }
	cut := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	for name, c := range map[string]struct {
		fault func(w *world) fault
		// reason and says are those of the condition while it fails.
		reason, says string
	}{
		"403": {func(w *world) fault {
			return func(response http.ResponseWriter, _ *http.Request) {
				w.sentry.Refuse(response, http.StatusForbidden, "You do not have permission to perform this action.")
			}
		}, v1alpha1.ReasonScopeMissing, "event:write"},
		"429 with a reset in the past": {func(w *world) fault {
			return func(response http.ResponseWriter, _ *http.Request) {
				w.sentry.Limit(response, w.clock.Now().Add(-time.Minute))
			}
		}, v1alpha1.ReasonSentryUnavailable, "429"},
		"500 before the write took effect": {func(*world) fault {
			return func(response http.ResponseWriter, _ *http.Request) { serverError(response) }
		}, v1alpha1.ReasonSentryUnavailable, "500"},
		"500 after the write took effect": {func(w *world) fault {
			return w.afterwards(serverError)
		}, v1alpha1.ReasonSentryUnavailable, "500"},
		"a connection cut before": {func(*world) fault {
			return func(response http.ResponseWriter, _ *http.Request) { cut(response) }
		}, v1alpha1.ReasonSentryUnavailable, "EOF"},
		"a connection cut after": {func(w *world) fault {
			return w.afterwards(cut)
		}, v1alpha1.ReasonSentryUnavailable, "EOF"},
		"a hang": {func(w *world) fault {
			return w.afterwards(func(http.ResponseWriter) { <-w.Context().Done() })
		}, v1alpha1.ReasonSentryUnavailable, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWritingWorld(t)
			if name == "a hang" {
				w.timeout = 200 * time.Millisecond
				w.connect()
			}
			id := w.open()
			w.respond(id, acknowledgeByHand)
			w.clock.Move(time.Second)
			w.respond(id, resolveByHand)
			way := c.fault(w)
			w.fails([]fault{way, way, nil, way, way})
			pauses := []time.Duration{}
			for range 8 {
				pause := w.write()
				if pause == 0 {
					break
				}
				pauses = append(pauses, pause)
				w.expectWrittenBack(id, metav1.ConditionFalse, c.reason, c.says, "is tried again")
				w.clock.Move(pause)
				w.lose()
			}
			if len(pauses) < 2 || pauses[0] != firstPause || !slices.IsSorted(pauses) {
				t.Errorf("it was tried again after %s", pauses)
			}
			w.expectSentry(id, "resolved")
			w.expectWrittenBack(id, metav1.ConditionTrue, v1alpha1.ReasonWritten)
			if comments := w.sentry.Comments(id); len(comments) != 2 || comments[0] == comments[1] {
				t.Errorf("the comments are %q", comments)
			}
			w.expectStory(id, "Resolved")
			if taken := strings.Count(w.written()+",", "resolve,"); taken != 1 {
				t.Errorf("it was resolved %d times: %s", taken, w.written())
			}
		})
	}
}

// dying is a client whose process ends before it writes a status: nobody hears of that write, nor of any later one.
type dying struct {
	client.Client
	left *int
}

func (d dying) Status() client.SubResourceWriter { return dyingStatus{d.Client.Status(), d.left} }

type dyingStatus struct {
	client.SubResourceWriter
	left *int
}

func (d dyingStatus) Patch(
	ctx context.Context, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption,
) error {
	*d.left--
	if *d.left < 0 {
		return errors.New("the process has ended")
	}
	return d.SubResourceWriter.Patch(ctx, object, patch, options...)
}

func TestWhatWasWrittenAndNotRecordedIsNotWrittenAgain(t *testing.T) {
	for recorded := range 3 {
		t.Run(fmt.Sprintf("after %d records", recorded), func(t *testing.T) {
			w := newWritingWorld(t)
			id := w.open()
			w.respond(id, acknowledgeByHand)
			w.respond(id, resolveByHand)
			left := recorded
			w.resync.Client = dying{w.mirror, &left}
			request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(w.incident(id))}
			if _, err := w.writeBack.Reconcile(t.Context(), request); err == nil || left != -1 {
				t.Fatalf("the process lives: %v", err)
			}
			// Sentry takes the same text again after an hour.
			w.clock.Move(2 * time.Hour)
			w.restart()
			w.write()
			w.expectWritten("resolve, comment, comment")
			w.expectWrittenBack(id, metav1.ConditionTrue, v1alpha1.ReasonWritten)
			if comments := w.sentry.Comments(id); len(comments) != 2 || comments[0] == comments[1] {
				t.Errorf("the comments are %q", comments)
			}
		})
	}
}

func TestACommentThatSentryRefusesAsARepeatIsDone(t *testing.T) {
	w := newWritingWorld(t)
	id := w.open()
	w.respond(id, acknowledgeByHand)
	// The activity does not show that it is there already.
	hidden := w.incident(id)
	w.sentry.Comment(id, commentOf(hidden, lifecycle.Unwritten(hidden)[0]))
	for range 100 {
		w.sentry.Assign(id, "Jane Doe")
	}
	w.write()
	w.expectWritten("comment refused")
	w.expectWrittenBack(id, metav1.ConditionTrue, v1alpha1.ReasonWritten)
	if pause := w.write(); pause != 0 || w.written() != "comment refused" {
		t.Errorf("it is tried again after %s: %s", pause, w.written())
	}
}

func TestWhatCouldNotBeWrittenForAWeekIsDropped(t *testing.T) {
	w := newWritingWorld(t)
	w.sentry.Scopes = []string{"event:read"}
	id := w.open()
	w.respond(id, resolveByHand)
	w.pass()
	w.expectCondition(v1alpha1.ConditionWritesBack, metav1.ConditionFalse, v1alpha1.ReasonScopeMissing, "event:write", "Issue & Event")
	w.expectCondition(v1alpha1.ConditionInSync, metav1.ConditionTrue, v1alpha1.ReasonInSync)
	for w.write() > 0 {
		w.clock.Move(24 * time.Hour)
	}
	w.expectWrittenBack(id, metav1.ConditionFalse, v1alpha1.ReasonDropped, "failed for a week", "403")
	w.expectSentry(id, "unresolved")
	w.sentry.Scopes = []string{"event:admin"}
	w.pass()
	w.expectCondition(v1alpha1.ConditionWritesBack, metav1.ConditionTrue, v1alpha1.ReasonMayWrite)
	w.change(func(source *v1alpha1.AlertSource) { source.Spec.Sentry.WriteBack = v1alpha1.WriteBack{} })
	w.pass()
	if got := w.condition(v1alpha1.ConditionWritesBack); got.Type != "" {
		t.Errorf("a source that writes nothing has %+v", got)
	}
	if since := w.source.Get(t).Status.WriteBack; since != nil {
		t.Errorf("it writes since %+v", since)
	}
}

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
