package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

var incidentsResource = schema.GroupResource{Group: "itoc360.io", Resource: "incidents"}

// server records as the store does: a write that is refused takes all signals along that were to go into it.
type server struct {
	mu sync.Mutex
	// refuse says why a write of these signals is refused, or panics; nil takes all.
	refuse   func(source types.NamespacedName, actions []string) error
	recorded []string
	writes   []string
}

func (s *server) Record(_ context.Context, source *sources.Source, _ v1alpha1.AlertKey, heard []lifecycle.Heard) []store.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	actions := write{heard: heard}.actions()
	s.writes = append(s.writes, actions)
	outcomes := make([]store.Outcome, len(heard))
	var err error
	if s.refuse != nil {
		err = s.refuse(source.Name, strings.Fields(actions))
	}
	for i := range heard {
		outcomes[i] = store.Outcome{Effect: v1alpha1.EffectUpdated, Incident: "team/one", Err: err}
	}
	if err == nil {
		s.recorded = append(s.recorded, actions)
	}
	return outcomes
}

func (s *server) Repeats(context.Context, *sources.Source, v1alpha1.AlertKey, lifecycle.Heard) (string, bool) {
	return "", false
}

func (s *server) change(refuse func(source types.NamespacedName, actions []string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = refuse
}

func (s *server) has(actions ...string) func() bool {
	return func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		all := strings.Fields(strings.Join(s.recorded, " "))
		for _, action := range actions {
			count := 0
			for _, known := range all {
				if known == action {
					count++
				}
			}
			if count != 1 {
				return false
			}
		}
		return true
	}
}

func (s *server) tries(action string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	tries := 0
	for _, write := range s.writes {
		if write == action {
			tries++
		}
	}
	return tries
}

// invalid refuses each write that has a poison in it.
func invalid(_ types.NamespacedName, actions []string) error {
	for _, action := range actions {
		if strings.HasPrefix(action, "poison") {
			return fmt.Errorf("record: %w", apierrors.NewInvalid(schema.GroupKind{Group: "itoc360.io", Kind: "Incident"}, "one", nil))
		}
	}
	return nil
}

var otherSource = &sources.Source{
	Object: &v1alpha1.AlertSource{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "ledger"}},
	Name:   types.NamespacedName{Namespace: "other", Name: "ledger"},
}

// startServed begins a process that records in a server, where all signals go to disk first, as after a restart.
func startServed(t *testing.T, dir string, served *server, changes ...func(*Inbox)) (*process, *clocktesting.FakePassiveClock) {
	t.Helper()
	clock := clocktesting.NewFakePassiveClock(time.Now())
	return startProcess(t, dir, append([]func(*Inbox){isImpatient, func(b *Inbox) {
		b.recorder, b.clock, b.retryAfter = served, clock, 20*time.Millisecond
		b.named = known{testSource.Name: testSource, otherSource.Name: otherSource}
	}}, changes...)...), clock
}

// leave lets a process die that has these signals on disk.
func leave(t *testing.T, dir string, actions ...string) {
	t.Helper()
	p := startProcess(t, dir, isImpatient)
	expectSpooled(t, p.hear(t, actions[0]), "")
	one := p.recorder.next(t)
	for _, action := range actions[1:] {
		expectSpooled(t, p.hear(t, action), "")
	}
	p.kill()
	one.source = nil
	go func() {
		for again := range p.recorder {
			close(again.end)
		}
	}()
	close(one.end)
}

func (p *process) expectProblem(t *testing.T, source types.NamespacedName, reason string) {
	t.Helper()
	eventually(t, fmt.Sprintf("the problem of %s is %q", source, reason), func() bool { return p.Problems()[source].Reason == reason })
}

func aside(reason string) float64 { return testutil.ToFloat64(setAside.WithLabelValues(reason)) }

func TestOnePoisonousSignalHoldsUpNoOther(t *testing.T) {
	dir := t.TempDir()
	leave(t, dir, "a", "b", "c", "poison", "d", "e", "f", "g")
	before := aside(asideRefused)
	served := &server{refuse: invalid}
	p, _ := startServed(t, dir, served)
	eventually(t, "the others are recorded", served.has("a", "b", "c", "d", "e", "f", "g"))
	eventually(t, "the poison is tried alone again", func() bool { return served.tries("poison") >= 2 })
	p.expectProblem(t, testSource.Name, v1alpha1.ReasonInvalid)
	if got := aside(asideRefused) - before; got != 1 {
		t.Errorf("%v are set aside", got)
	}
	drained(t, p.Inbox)
	p.kill()
	if left := onDisk(t, dir); left != "poison" {
		t.Errorf("on disk is left %q", left)
	}
	healed := &server{}
	next, _ := startServed(t, dir, healed)
	eventually(t, "it is recorded once the cause is gone", healed.has("poison"))
	drained(t, next.Inbox)
	if problems := next.Problems(); len(problems) != 0 {
		t.Errorf("the problems are %+v", problems)
	}
}

func TestAPoisonThatHealsIsRecordedAndForgotten(t *testing.T) {
	served := &server{refuse: invalid}
	before := aside(asideRefused)
	p, _ := startServed(t, t.TempDir(), served)
	expectSpooled(t, p.hear(t, "poison"), "")
	p.expectProblem(t, testSource.Name, v1alpha1.ReasonInvalid)
	p.hear(t, "fine")
	eventually(t, "what came later is recorded", served.has("fine"))
	served.change(nil)
	eventually(t, "it is recorded", served.has("poison"))
	p.expectProblem(t, testSource.Name, "")
	if got := aside(asideRefused) - before; got != 0 {
		t.Errorf("%v are set aside", got)
	}
}

func TestOnlyWhatIsRefusedAloneWhileOthersAreWrittenIsGivenUp(t *testing.T) {
	lost := func() float64 { return testutil.ToFloat64(lostTotal.WithLabelValues(lostInvalid)) }
	before := lost()
	served := &server{refuse: func(types.NamespacedName, []string) error { return invalid(types.NamespacedName{}, []string{"poison"}) }}
	dir := t.TempDir()
	leave(t, dir, "a", "poison", "b")
	p, clock := startServed(t, dir, served)
	eventually(t, "one is refused alone", func() bool { return served.tries("a") >= 1 })
	clock.SetTime(clock.Now().Add(3 * invalidMemory))
	tries := served.tries("a")
	eventually(t, "it is refused again, three hours later", func() bool { return served.tries("a") > tries })
	if lost() != before {
		t.Fatal("while nothing at all can be written, something is given up")
	}
	// The CRDs are brought up to date; one signal stays poisonous.
	served.change(invalid)
	eventually(t, "the others are recorded", served.has("a", "b"))
	tries = served.tries("poison")
	eventually(t, "the poison is tried alone", func() bool { return served.tries("poison") > tries+1 })
	if lost() != before {
		t.Fatal("it is given up though only its own alert was written")
	}
	clock.SetTime(clock.Now().Add(time.Second))
	other := make(chan store.Outcome, 1)
	go func() { other <- p.Submit(t.Context(), testSource, "issue/2", heardAs("other")) }()
	eventually(t, "an Incident of another alert is written", served.has("other"))
	clock.SetTime(clock.Now().Add(2 * invalidMemory))
	eventually(t, "it is given up", func() bool { return lost() == before+1 })
	drained(t, p.Inbox)
	p.kill()
	if left := onDisk(t, dir); left != "" {
		t.Errorf("on disk is left %q", left)
	}
}

func TestANamespaceThatTakesNoIncidentsHoldsUpNoOther(t *testing.T) {
	quota := apierrors.NewForbidden(incidentsResource, "one", errors.New("exceeded quota: incidents, limited: count/incidents=1"))
	served := &server{refuse: func(source types.NamespacedName, _ []string) error {
		if source == testSource.Name {
			return fmt.Errorf("record: %w", quota)
		}
		return nil
	}}
	dir := t.TempDir()
	p, clock := startServed(t, dir, served)
	expectSpooled(t, p.hear(t, "a"), "")
	p.expectProblem(t, testSource.Name, v1alpha1.ReasonForbidden)
	if message := p.Problems()[testSource.Name].Message; !strings.Contains(message, "exceeded quota") {
		t.Errorf("it says %q", message)
	}
	// A patient sender does not wait for what is refused.
	p.mu.Lock()
	p.reserve = 0
	p.mu.Unlock()
	expectSpooled(t, p.hear(t, "b"), "")
	clock.SetTime(clock.Now().Add(3 * invalidMemory))
	if got := p.Submit(t.Context(), otherSource, "issue/7", heardAs("other")); got.Err != nil || got.Spooled {
		t.Errorf("a signal of another namespace ends as %+v", got)
	}
	tries := served.tries("a b")
	eventually(t, "they are tried again", func() bool { return served.tries("a b") > tries })
	served.change(nil)
	eventually(t, "they are recorded, in their order", served.has("a", "b"))
	p.expectProblem(t, testSource.Name, "")
	drained(t, p.Inbox)
}

func TestAPanicWhileOneSignalIsRecordedStopsNoOther(t *testing.T) {
	served := &server{refuse: func(_ types.NamespacedName, actions []string) error {
		if invalid(types.NamespacedName{}, actions) != nil {
			panic("planted")
		}
		return nil
	}}
	dir := t.TempDir()
	leave(t, dir, "a", "b", "poison", "c", "d")
	p, clock := startServed(t, dir, served)
	eventually(t, "the others are recorded", served.has("a", "b", "c", "d"))
	p.expectProblem(t, testSource.Name, v1alpha1.ReasonPanicked)
	p.mu.Lock()
	if p.pace.writes != 0 {
		t.Errorf("%d writes are in flight", p.pace.writes)
	}
	p.mu.Unlock()
	// It is no fault of the signal's: it is never given up.
	clock.SetTime(clock.Now().Add(3 * invalidMemory))
	tries := served.tries("poison")
	eventually(t, "it is tried again", func() bool { return served.tries("poison") > tries })
	served.change(nil)
	eventually(t, "it is recorded once the cause is gone", served.has("poison"))
	p.expectProblem(t, testSource.Name, "")
	drained(t, p.Inbox)
}

// panicking is a disk that panics, and so a defect at a place where nothing is caught but the turn of a queue.
type panicking struct {
	Disk
	mu    sync.Mutex
	times int
}

func (d *panicking) Remove(sequences ...uint64) {
	d.mu.Lock()
	d.times--
	isPlanted := d.times >= 0
	d.mu.Unlock()
	if isPlanted {
		panic("planted")
	}
	d.Disk.Remove(sequences...)
}

func TestAPanicAfterARecordEndsNoWorkerAndKeepsNoLock(t *testing.T) {
	dir := t.TempDir()
	leave(t, dir, "a")
	served := &server{}
	// As many as there are workers, and more.
	p, _ := startServed(t, dir, served, func(b *Inbox) { b.disk = &panicking{Disk: b.disk, times: 1} })
	eventually(t, "it is recorded", served.has("a"))
	for i := range 2 * maxWrites {
		if got := p.Submit(t.Context(), otherSource, v1alpha1.IssueKey(fmt.Sprint(i)), heardAs(fmt.Sprint(i))); got.Err != nil {
			t.Fatal(got.Err)
		}
	}
	drained(t, p.Inbox)
}

func TestWithoutADiskAPoisonFailsAloneToo(t *testing.T) {
	served := &server{refuse: invalid}
	inbox, recorder := newTestInbox(t)
	first := submit(t.Context(), t, inbox, "issue/1", "first")
	one := recorder.next(t)
	outcomes := map[string]<-chan store.Outcome{}
	for _, action := range []string{"a", "poison", "b", "c"} {
		outcomes[action] = submit(t.Context(), t, inbox, "issue/1", action)
	}
	inbox.recorder = served
	close(one.end)
	<-first
	for action, ended := range outcomes {
		if got := <-ended; (got.Err != nil) != (action == "poison") {
			t.Errorf("%s ends with %v", action, got.Err)
		}
	}
	drained(t, inbox)
}

func TestATimerThatPanicsIsTriedAgain(t *testing.T) {
	inbox, _ := newTestInbox(t)
	inbox.retryAfter = time.Millisecond
	calls := make(chan int, 2)
	count := 0
	inbox.after(0, func() {
		count++
		calls <- count
		if count == 1 {
			panic("planted")
		}
	})
	for want := range 2 {
		if got := <-calls; got != want+1 {
			t.Errorf("call %d is number %d", want+1, got)
		}
	}
}
