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
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// fault answers in place of Sentry; nil: Sentry answers.
type fault func(w http.ResponseWriter, r *http.Request)

// through marks a request that no fault answers.
const through = "X-Through"

// fails lets calls that change something fail, each of them once, in the given ways.
func (w *world) fails(ways []fault) {
	var mu sync.Mutex
	w.sentry.SetFault(func(response http.ResponseWriter, request *http.Request) bool {
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
	})
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
		// timeout is how long a call may take; 0: as usual.
		timeout time.Duration
	}{
		"403": {func(w *world) fault {
			return func(response http.ResponseWriter, _ *http.Request) {
				w.sentry.Refuse(response, http.StatusForbidden, "You do not have permission to perform this action.")
			}
		}, v1alpha1.ReasonScopeMissing, "event:write", 0},
		"429 with a reset in the past": {func(w *world) fault {
			return func(response http.ResponseWriter, _ *http.Request) {
				w.sentry.Limit(response, w.clock.Now().Add(-time.Minute))
			}
		}, v1alpha1.ReasonSentryUnavailable, "429", 0},
		"500 before the write took effect": {func(*world) fault {
			return func(response http.ResponseWriter, _ *http.Request) { serverError(response) }
		}, v1alpha1.ReasonSentryUnavailable, "500", 0},
		"500 after the write took effect": {func(w *world) fault {
			return w.afterwards(serverError)
		}, v1alpha1.ReasonSentryUnavailable, "500", 0},
		"a connection cut before": {func(*world) fault {
			return func(response http.ResponseWriter, _ *http.Request) { cut(response) }
		}, v1alpha1.ReasonSentryUnavailable, "EOF", 0},
		"a connection cut after": {func(w *world) fault {
			return w.afterwards(cut)
		}, v1alpha1.ReasonSentryUnavailable, "EOF", 0},
		"a hang": {func(w *world) fault {
			return w.afterwards(func(http.ResponseWriter) { <-w.Context().Done() })
		}, v1alpha1.ReasonSentryUnavailable, "deadline", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWritingWorld(t)
			w.timeout = c.timeout
			w.connect()
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

func TestNoLimitComesBetweenALookAndItsWrite(t *testing.T) {
	w := newWritingWorld(t)
	id := w.open()
	w.respond(id, resolveByHand)
	// While Sentry is asked for the issue, another source learns that it is to wait.
	w.sentry.SetFault(func(_ http.ResponseWriter, request *http.Request) bool {
		if request.Method == http.MethodGet {
			w.limiters.For(request.Host, "acme").Pause(5 * time.Minute)
		}
		return false
	})
	ctx, cancel := context.WithTimeout(t.Context(), testbed.Patience)
	defer cancel()
	request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(w.incident(id))}
	if _, err := w.writeBack.Reconcile(ctx, request); err != nil {
		t.Fatal(err)
	}
	w.expectWritten("resolve, comment")
}

// meanwhile is a reader behind whose first answer something happens.
type meanwhile struct {
	client.Reader
	happen func()
}

func (m *meanwhile) Get(ctx context.Context, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
	err := m.Reader.Get(ctx, key, into, options...)
	if happen := m.happen; happen != nil {
		m.happen = nil
		happen()
	}
	return err
}

func TestAnAcknowledgementTakenBackWhileItWaitsForItsTurnIsNotWritten(t *testing.T) {
	w := newWritingWorld(t)
	id := w.open()
	w.respond(id, acknowledgeByHand)
	w.resync.APIReader = &meanwhile{Reader: w.resync.APIReader, happen: func() {
		w.respond(id, func(response *v1alpha1.Response, _ metav1.Time) { *response = v1alpha1.Response{} })
	}}
	w.write()
	w.expectWritten("")
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
	w.expectWrittenBack(id, metav1.ConditionTrue, v1alpha1.ReasonWritten, "not needed", "already posted")
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
