package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook/spool"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

var testKey = store.Key{Source: testSource.Name, Alert: "issue/1"}

var heardFully = lifecycle.Heard{
	Signal: v1alpha1.Signal{
		Time: metav1.NewMicroTime(noon.Local()), ReceivedAt: metav1.NewMicroTime(noon.Local().Add(123_456 * time.Microsecond)),
		Event: v1alpha1.SignalAlert, Action: "created", By: v1alpha1.BySentry, Priority: v1alpha1.PriorityHigh, Rule: "page",
	},
	Untimed: true, Test: true,
	Facts: lifecycle.Facts{Title: ptr.To("it broke"), Culprit: ptr.To(""), FirstSeen: &metav1.Time{Time: noon}},
}

// never is a time that no test waits for.
const never = time.Hour

// process is an inbox with a spool, as a process has them.
type process struct {
	*Inbox
	recorder gatedRecorder
	spool    *spool.Spool
	kill     func()
}

// startProcess begins where what ran before in the folder ended.
func startProcess(t *testing.T, dir string, changes ...func(*Inbox)) *process {
	t.Helper()
	p := &process{recorder: make(gatedRecorder)}
	p.spool = spool.New(spool.Options{Dir: dir, MaxBytes: 1 << 20, Log: logr.Discard(), Trouble: func(string, string) {}})
	p.Inbox = New(p.recorder, Options{
		Named: known{testSource.Name: testSource}, Clock: clock.RealClock{}, Log: logr.Discard(), Disk: p.spool, Reserve: never,
	})
	p.flushAfter = never
	for _, change := range changes {
		change(p.Inbox)
	}
	p.spool.Start(p.Restore)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Start(ctx) }()
	eventually(t, "the inbox has started", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.started
	})
	p.kill = func() {
		cancel()
		if err := errors.Join(<-ended, p.spool.Close(context.WithoutCancel(ctx))); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(func() {
		if ctx.Err() == nil {
			p.kill()
		}
	})
	return p
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(inboxPatience)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("gave up waiting: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

// hear hands a signal in, whose sender waits for longer than the test.
func (p *process) hear(t *testing.T, action string) <-chan store.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), never+inboxPatience)
	outcome := make(chan store.Outcome, 1)
	go func() {
		defer cancel()
		outcome <- p.Submit(ctx, testSource, "issue/1", heardAs(action))
	}()
	return outcome
}

// isImpatient makes senders go to disk when they come.
func isImpatient(b *Inbox) { b.reserve = never + inboxPatience }

func expectSpooled(t *testing.T, outcomes <-chan store.Outcome, incident string) {
	t.Helper()
	select {
	case got := <-outcomes:
		if !got.Spooled || got.Incident != incident || got.Err != nil {
			t.Errorf("got %+v, want it spooled for %q", got, incident)
		}
	case <-time.After(inboxPatience):
		t.Fatal("no outcome")
	}
}

// onDisk are the actions of what an ended process left behind.
func onDisk(t *testing.T, dir string) string {
	t.Helper()
	var actions []string
	left := spool.New(spool.Options{Dir: dir, MaxBytes: 1 << 20, Log: logr.Discard(), Trouble: func(string, string) {}})
	left.Start(func(_ uint64, value []byte) {
		_, heard, err := decode(value)
		if err != nil {
			t.Error(err)
		}
		actions = append(actions, heard.Signal.Action)
	})
	if err := left.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return strings.Join(actions, " ")
}

func TestRepeatsAreAnsweredFromTheDiskAndWrittenTogether(t *testing.T) {
	p := startProcess(t, t.TempDir())
	for range 5 {
		expectSpooled(t, p.hear(t, "repeat"), "team/repeated")
	}
	p.recorder.expectNone(t)
	p.Flush(testKey)
	one := p.recorder.next(t)
	if got := one.actions(); got != strings.TrimSpace(strings.Repeat("repeat ", 5)) {
		t.Errorf("written together: %s", got)
	}
	close(one.end)
	drained(t, p.Inbox)
}

func TestRepeatsAreWrittenWhenTheirTimeHasCome(t *testing.T) {
	p := startProcess(t, t.TempDir(), func(b *Inbox) { b.flushAfter = 20 * time.Millisecond })
	for range 2 {
		expectSpooled(t, p.hear(t, "repeat"), "team/repeated")
		one := p.recorder.next(t)
		close(one.end)
		if got := one.actions(); got != "repeat" {
			t.Errorf("written: %s", got)
		}
	}
	drained(t, p.Inbox)
}

func TestAChangeTakesTheRepeatsBeforeItAlong(t *testing.T) {
	p := startProcess(t, t.TempDir())
	expectSpooled(t, p.hear(t, "repeat"), "team/repeated")
	outcome := p.hear(t, "resolved")
	one := p.recorder.next(t)
	// What the write in flight may change is no basis to judge a repeat by.
	behind := submit(t.Context(), t, p.Inbox, testKey.Alert, "repeat")
	if got := one.actions(); got != "repeat resolved" {
		t.Errorf("written: %s", got)
	}
	close(one.end)
	expectOutcome(t, outcome, "resolved of 2")
	two := p.recorder.next(t)
	close(two.end)
	expectOutcome(t, behind, "repeat of 1")
	drained(t, p.Inbox)
}

func TestWhatIsNotRecordedInTimeIsAnsweredFromTheDiskAndRecordedInItsOrder(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, dir, isImpatient)
	expectSpooled(t, p.hear(t, "created"), "")
	one := p.recorder.next(t)
	expectSpooled(t, p.hear(t, "resolved"), "")
	expectSpooled(t, p.hear(t, "unresolved"), "")
	close(one.end)
	two := p.recorder.next(t)
	if got := two.actions(); got != "resolved unresolved" {
		t.Errorf("written: %s", got)
	}
	close(two.end)
	drained(t, p.Inbox)
	p.kill()
	if left := onDisk(t, dir); left != "" {
		t.Errorf("left on disk: %s", left)
	}
}

func TestWhatIsOnDiskWhenTheProcessDiesIsRecordedBeforeWhatComesLater(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, dir, isImpatient)
	expectSpooled(t, p.hear(t, "created"), "")
	one := p.recorder.next(t)
	expectSpooled(t, p.hear(t, "resolved"), "")
	p.kill()
	if left := onDisk(t, dir); left != "created resolved" {
		t.Fatalf("left on disk: %s", left)
	}
	close(one.end)

	next := startProcess(t, dir, func(b *Inbox) { b.reserve = 0 })
	first := next.recorder.next(t)
	outcome := submit(t.Context(), t, next.Inbox, testKey.Alert, "unresolved")
	close(first.end)
	second := next.recorder.next(t)
	close(second.end)
	expectOutcome(t, outcome, "unresolved of 1")
	if got := first.actions() + ", " + second.actions(); got != "created resolved, unresolved" {
		t.Errorf("written: %s", got)
	}
	drained(t, next.Inbox)
	next.kill()
	if left := onDisk(t, dir); left != "" {
		t.Errorf("left on disk: %s", left)
	}
}

func TestWhileNoWriteSucceedsWhatComesGoesToDiskAtOnce(t *testing.T) {
	p := startProcess(t, t.TempDir(), func(b *Inbox) { b.reserve = 0 })
	first := p.hear(t, "created")
	one := p.recorder.next(t)
	// The sender has all the time in the world: it is the alarm that sends it to disk.
	expectSpooled(t, first, "")
	expectSpooled(t, p.hear(t, "resolved"), "")
	close(one.end)
	two := p.recorder.next(t)
	close(two.end)
	drained(t, p.Inbox)
	outcome := p.hear(t, "unresolved")
	three := p.recorder.next(t)
	close(three.end)
	expectOutcome(t, outcome, "unresolved of 1")
}

func TestALineThatIsTooLongIsSpared(t *testing.T) {
	p := startProcess(t, t.TempDir(), func(b *Inbox) { b.reserve = 0 })
	p.mu.Lock()
	p.pace.took = 10 * time.Second
	p.mu.Unlock()
	// As many as are written at once: the next one waits.
	var writes []write
	for i := range maxWrites {
		go p.Submit(t.Context(), testSource, v1alpha1.MetricKey(strconv.Itoa(i)), heardAs("created"))
		writes = append(writes, p.recorder.next(t))
	}
	expectSpooled(t, p.hear(t, "created"), "")
	for _, one := range writes {
		close(one.end)
	}
	close(p.recorder.next(t).end)
	drained(t, p.Inbox)
}

func TestWhereTheDiskFailsThereIsStillTheRecord(t *testing.T) {
	p := startProcess(t, t.TempDir(), isImpatient)
	if err := p.spool.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	outcome := p.hear(t, "created")
	one := p.recorder.next(t)
	close(one.end)
	expectOutcome(t, outcome, "created of 1")
	repeat := p.hear(t, "repeat")
	two := p.recorder.next(t)
	close(two.end)
	expectOutcome(t, repeat, "repeat of 1")
	drained(t, p.Inbox)
	p.spool = spool.New(spool.Options{Dir: t.TempDir(), Log: logr.Discard(), Trouble: func(string, string) {}})
	p.spool.Start(nil)
}

func TestWhatIsOnDiskIsTriedUntilItIsRecorded(t *testing.T) {
	tries := 0
	var recorded []string
	p := startProcess(t, t.TempDir(), isImpatient, func(b *Inbox) {
		b.recorder = recorderFunc(func(heard []lifecycle.Heard) []store.Outcome {
			tries++
			if tries == 1 {
				return slices.Repeat([]store.Outcome{{Err: errors.New("the API server is away")}}, len(heard))
			}
			for _, one := range heard {
				recorded = append(recorded, one.Signal.Action)
			}
			return make([]store.Outcome, len(heard))
		})
	})
	expectSpooled(t, p.hear(t, "created"), "")
	expectSpooled(t, p.hear(t, "resolved"), "")
	drained(t, p.Inbox)
	if got := fmt.Sprint(recorded); got != "[created resolved]" {
		t.Errorf("recorded %s", got)
	}
}

// In an outage the alert may have come to another replica, which records it later than this one does the resolve.
func TestAResolveOnDiskWaitsForItsIncident(t *testing.T) {
	tries, isOnDisk := 0, make(chan struct{})
	before := testutil.ToFloat64(orphansTotal)
	p := startProcess(t, t.TempDir(), isImpatient, func(b *Inbox) {
		b.recorder = recorderFunc(func([]lifecycle.Heard) []store.Outcome {
			tries++
			if tries == 1 {
				<-isOnDisk
			}
			return []store.Outcome{{Orphan: tries < 3}}
		})
	})
	expectSpooled(t, p.hear(t, "resolved"), "")
	close(isOnDisk)
	eventually(t, "it waits no longer", func() bool { return !p.Waits(testKey) })
	if tries != 3 || testutil.ToFloat64(orphansTotal) != before {
		t.Errorf("recorded at try %d", tries)
	}
}

func TestAfterAnOutageAResolveWaitsForItsIncidentOnDisk(t *testing.T) {
	p := startProcess(t, t.TempDir(), func(b *Inbox) {
		b.recorder = recorderFunc(func([]lifecycle.Heard) []store.Outcome {
			return []store.Outcome{{Orphan: true}}
		})
	})
	if got := <-p.hear(t, "resolved"); got.Spooled || !got.Orphan {
		t.Errorf("with no outage in sight it ended as %+v", got)
	}
	p.mu.Lock()
	p.pace.stalledAt, p.reserve = time.Now(), never+inboxPatience
	p.mu.Unlock()
	expectSpooled(t, p.hear(t, "resolved"), "")
}

func TestASignalComesBackFromDiskAsItWas(t *testing.T) {
	value, err := encode(testKey, heardFully)
	if err != nil {
		t.Fatal(err)
	}
	key, heard, err := decode(value)
	if err != nil || key != testKey || fmt.Sprintf("%#v", heard.Signal) != fmt.Sprintf("%#v", heardFully.Signal) ||
		*heard.Facts.Title != *heardFully.Facts.Title || heard.Facts.Culprit == nil || heard.Facts.Level != nil ||
		!heard.Facts.FirstSeen.Equal(heardFully.Facts.FirstSeen) || !heard.Untimed || !heard.Test {
		t.Errorf("got %v, %+v, %v", key, heard, err)
	}
}
