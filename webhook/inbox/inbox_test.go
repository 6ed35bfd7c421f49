package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// inboxPatience bounds a failure, it measures nothing.
const inboxPatience = 30 * time.Second

// write is a call of Record. It lasts until its test ends it.
type write struct {
	ctx    context.Context
	source *sources.Source
	key    v1alpha1.AlertKey
	heard  []lifecycle.Heard
	end    chan struct{}
}

// actions are those of the signals in the write, in order.
func (w write) actions() string {
	var actions []string
	for _, heard := range w.heard {
		actions = append(actions, heard.Signal.Action)
	}
	return strings.Join(actions, " ")
}

// gatedRecorder hands each write to the test, and waits for the test to end it.
type gatedRecorder chan write

func (r gatedRecorder) Record(ctx context.Context, source *sources.Source, key v1alpha1.AlertKey, heard []lifecycle.Heard) []store.Outcome {
	one := write{ctx, source, key, heard, make(chan struct{})}
	r <- one
	<-one.end
	outcomes := make([]store.Outcome, len(heard))
	for i := range heard {
		outcomes[i].Incident = fmt.Sprintf("%s of %d", heard[i].Signal.Action, len(heard))
	}
	return outcomes
}

// Repeats tells that whatever is called so repeats.
func (r gatedRecorder) Repeats(
	_ context.Context, _ *sources.Source, _ v1alpha1.AlertKey, heard lifecycle.Heard,
) (incident string, repeats bool) {
	return "team/repeated", heard.Signal.Action == "repeat"
}

// next is the next write to begin.
func (r gatedRecorder) next(t *testing.T) write {
	t.Helper()
	select {
	case one := <-r:
		return one
	case <-time.After(inboxPatience):
		t.Fatal("no write begins")
		return write{}
	}
}

func (r gatedRecorder) expectNone(t *testing.T) {
	t.Helper()
	select {
	case one := <-r:
		t.Fatalf("a write of %s begins: %s", one.key, one.actions())
	default:
	}
}

func newTestInbox(t *testing.T) (*Inbox, gatedRecorder) {
	t.Helper()
	recorder := make(gatedRecorder)
	clock := clocktesting.NewFakePassiveClock(noon)
	return New(recorder, Options{Named: known{}, Clock: clock, Log: logr.Discard()}), recorder
}

var testSource = &sources.Source{
	Object: &v1alpha1.AlertSource{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "payments"}},
	Name:   types.NamespacedName{Namespace: "team", Name: "payments"},
}

func heardAs(action string) lifecycle.Heard {
	return lifecycle.Heard{Signal: v1alpha1.Signal{Action: action}}
}

// submit hands a signal in, and returns when it is in its queue.
func submit(ctx context.Context, t *testing.T, inbox *Inbox, key v1alpha1.AlertKey, action string) <-chan store.Outcome {
	t.Helper()
	inbox.mu.Lock()
	before := inbox.pending
	inbox.mu.Unlock()
	outcome := make(chan store.Outcome, 1)
	go func() { outcome <- inbox.Submit(ctx, testSource, key, heardAs(action)) }()
	deadline := time.After(inboxPatience)
	for {
		inbox.mu.Lock()
		isIn := inbox.pending > before
		inbox.mu.Unlock()
		if isIn {
			return outcome
		}
		select {
		case <-deadline:
			t.Fatal("the signal does not get into its queue")
		case <-time.After(time.Millisecond):
		}
	}
}

func expectOutcome(t *testing.T, outcomes <-chan store.Outcome, want string) {
	t.Helper()
	select {
	case got := <-outcomes:
		if got.Incident != want || got.Err != nil {
			t.Errorf("got %q, %v; want %q", got.Incident, got.Err, want)
		}
	case <-time.After(inboxPatience):
		t.Errorf("no outcome, want %q", want)
	}
}

func TestWhatArrivesDuringAWriteGoesIntoTheNextInOrder(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	first := submit(t.Context(), t, inbox, "issue/1", "a")
	one := recorder.next(t)
	var rest []<-chan store.Outcome
	for _, action := range []string{"b", "c", "d"} {
		rest = append(rest, submit(t.Context(), t, inbox, "issue/1", action))
	}
	recorder.expectNone(t)
	close(one.end)
	expectOutcome(t, first, "a of 1")
	batch := recorder.next(t)
	if got := batch.actions(); got != "b c d" {
		t.Errorf("the second write has %q, want b c d", got)
	}
	close(batch.end)
	for i, want := range []string{"b of 3", "c of 3", "d of 3"} {
		expectOutcome(t, rest[i], want)
	}
}

func TestABatchIsBounded(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	submit(t.Context(), t, inbox, "issue/1", "a")
	one := recorder.next(t)
	for i := range maxBatch + 1 {
		submit(t.Context(), t, inbox, "issue/1", fmt.Sprint(i))
	}
	close(one.end)
	full := recorder.next(t)
	if len(full.heard) != maxBatch || full.heard[0].Signal.Action != "0" {
		t.Errorf("the second write has %d signals, want %d", len(full.heard), maxBatch)
	}
	close(full.end)
	last := recorder.next(t)
	if got := last.actions(); got != fmt.Sprint(maxBatch) {
		t.Errorf("the third write has %q, want the one left over", got)
	}
	close(last.end)
}

func TestAlertsOfDifferentKeysAreWrittenAtTheSameTime(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	var writes []write
	for _, key := range []v1alpha1.AlertKey{"issue/1", "issue/2", "metric/1"} {
		submit(t.Context(), t, inbox, key, "a")
		writes = append(writes, recorder.next(t))
	}
	for _, one := range writes {
		close(one.end)
	}
}

func TestSourcesOfTheSameNameInTwoNamespacesHaveTheirOwnQueues(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	submit(t.Context(), t, inbox, "issue/1", "a")
	one := recorder.next(t)
	other := &sources.Source{Object: testSource.Object, Name: types.NamespacedName{Namespace: "another", Name: "payments"}}
	go inbox.Submit(t.Context(), other, "issue/1", heardAs("b"))
	two := recorder.next(t)
	if got := two.source.Name.Namespace; got != "another" {
		t.Errorf("the second write is of namespace %s", got)
	}
	close(one.end)
	close(two.end)
}

func TestOnlySoManyKeysAreWrittenAtOnce(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	var writes []write
	for i := range maxWrites {
		submit(t.Context(), t, inbox, v1alpha1.IssueKey(fmt.Sprint(i)), "a")
		writes = append(writes, recorder.next(t))
	}
	submit(t.Context(), t, inbox, "metric/1", "b")
	submit(t.Context(), t, inbox, "metric/1", "c")
	recorder.expectNone(t)
	close(writes[0].end)
	last := recorder.next(t)
	if got := last.actions(); got != "b c" {
		t.Errorf("the write that had to wait has %q, want all that came meanwhile", got)
	}
	for _, one := range append(writes[1:], last) {
		close(one.end)
	}
}

func TestAWriteGoesOnWhenItsCallerHasGone(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	ctx, leave := context.WithCancel(t.Context())
	outcome := submit(ctx, t, inbox, "issue/1", "a")
	one := recorder.next(t)
	leave()
	if got := <-outcome; !errors.Is(got.Err, context.Canceled) {
		t.Errorf("the caller got %+v, want the end of its context", got)
	}
	if err := one.ctx.Err(); err != nil {
		t.Errorf("the write ended with its caller: %v", err)
	}
	if _, bounded := one.ctx.Deadline(); !bounded {
		t.Error("the write may go on for ever")
	}
	close(one.end)
	drained(t, inbox)
}

func TestTheNewestFormOfTheSourceJudgesABatch(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	submit(t.Context(), t, inbox, "issue/1", "a")
	one := recorder.next(t)
	submit(t.Context(), t, inbox, "issue/1", "b")
	newest := &sources.Source{Object: testSource.Object.DeepCopy(), Name: testSource.Name}
	inbox.put(store.Key{Source: newest.Name, Alert: "issue/1"}, &letter{source: newest, heard: ptr.To(heardAs("c"))})
	close(one.end)
	two := recorder.next(t)
	if two.source != newest {
		t.Error("the batch is judged by the source as it was")
	}
	close(two.end)
}

func TestTheInboxIsBounded(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	waiting := func(action string) bool {
		return inbox.put(store.Key{Source: testSource.Name, Alert: "issue/1"}, &letter{source: testSource, heard: ptr.To(heardAs(action))})
	}
	if !waiting("first") {
		t.Fatal("the first is refused")
	}
	one := recorder.next(t)
	for i := 1; i < maxPending; i++ {
		if !waiting("more") {
			t.Fatalf("refused with %d signals waiting, want %d", i, maxPending)
		}
	}
	if got := inbox.Submit(t.Context(), testSource, "issue/2", heardAs("one too many")); !errors.Is(got.Err, errBusy) {
		t.Errorf("got %+v, want that the inbox is busy", got)
	}
	close(one.end)
	two := recorder.next(t)
	if !waiting("again") {
		t.Error("refused although a write made room")
	}
	endAll(t, inbox, recorder, two)
}

// endAll ends a write and all that follow.
func endAll(t *testing.T, inbox *Inbox, recorder gatedRecorder, one write) {
	t.Helper()
	close(one.end)
	done := make(chan error, 1)
	go func() { done <- inbox.Drain(t.Context()) }()
	for {
		select {
		case following := <-recorder:
			close(following.end)
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
}

func drained(t *testing.T, inbox *Inbox) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), inboxPatience)
	defer cancel()
	if err := inbox.Drain(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestDrainWaitsForWhatWasHandedIn(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	drained(t, inbox)
	submit(t.Context(), t, inbox, "issue/1", "a")
	one := recorder.next(t)
	submit(t.Context(), t, inbox, "issue/1", "b")
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if err := inbox.Drain(impatient); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v with a write in flight, want the end of the context", err)
	}
	done := make(chan error, 1)
	go func() { done <- inbox.Drain(t.Context()) }()
	close(one.end)
	two := recorder.next(t)
	select {
	case err := <-done:
		t.Errorf("drained with a write in flight: %v", err)
	default:
	}
	close(two.end)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(inbox.queues) != 0 || inbox.pending != 0 {
		t.Errorf("left over: %d queues, %d signals", len(inbox.queues), inbox.pending)
	}
}

func TestAQueueThatIsEmptyIsForgottenAndMadeAgain(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	for _, action := range []string{"a", "b"} {
		outcome := submit(t.Context(), t, inbox, "issue/1", action)
		one := recorder.next(t)
		close(one.end)
		expectOutcome(t, outcome, action+" of 1")
		drained(t, inbox)
		if len(inbox.queues) != 0 {
			t.Fatalf("%d queues are left", len(inbox.queues))
		}
	}
}

// recorderFunc records with a function.
type recorderFunc func(heard []lifecycle.Heard) []store.Outcome

func (f recorderFunc) Record(_ context.Context, _ *sources.Source, _ v1alpha1.AlertKey, heard []lifecycle.Heard) []store.Outcome {
	return f(heard)
}

func (f recorderFunc) Repeats(context.Context, *sources.Source, v1alpha1.AlertKey, lifecycle.Heard) (string, bool) {
	return "", false
}

func TestOrphansAreCounted(t *testing.T) {
	inbox := New(recorderFunc(func(heard []lifecycle.Heard) []store.Outcome {
		return slices.Repeat([]store.Outcome{{Orphan: true}}, len(heard))
	}), Options{Clock: clocktesting.NewFakePassiveClock(noon), Log: logr.Discard()})
	before := testutil.ToFloat64(orphansTotal)
	inbox.Submit(t.Context(), testSource, "issue/1", heardAs("resolved"))
	if got := testutil.ToFloat64(orphansTotal) - before; got != 1 {
		t.Errorf("%g orphans counted, want 1", got)
	}
}

// known are sources by their names.
type known map[types.NamespacedName]*sources.Source

func (k known) ByName(name types.NamespacedName) *sources.Source { return k[name] }

func TestSilenceIsASignalInLineWithTheOthers(t *testing.T) {
	inbox, recorder := newTestInbox(t)
	if err := inbox.RecordSilence(t.Context(), testSource.Name, "issue/1"); err == nil {
		t.Error("silence of a source that nobody knows is recorded")
	}
	inbox.named = known{testSource.Name: testSource}
	submit(t.Context(), t, inbox, "issue/1", "created")
	one := recorder.next(t)
	recorded := make(chan error, 1)
	go func() { recorded <- inbox.RecordSilence(t.Context(), testSource.Name, "issue/1") }()
	close(one.end)
	two := recorder.next(t)
	want := v1alpha1.Signal{
		Time: metav1.NewMicroTime(noon), ReceivedAt: metav1.NewMicroTime(noon),
		Event: v1alpha1.SignalResolve, Action: lifecycle.ActionSilence, By: v1alpha1.ByOperator,
	}
	if len(two.heard) != 1 || two.heard[0].Signal != want {
		t.Errorf("recorded %+v, want %+v", two.heard, want)
	}
	close(two.end)
	if err := <-recorded; err != nil {
		t.Error(err)
	}
}
