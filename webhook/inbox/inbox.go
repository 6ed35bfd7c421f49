// Package inbox brings what was heard to its record: in order for each alert key, one write in flight, and by way of the disk
// where the API server is too slow for the sender.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// Recorder records signals.
type Recorder interface {
	// Record records signals of one alert key in the order given, each with its outcome.
	Record(ctx context.Context, source *sources.Source, key v1alpha1.AlertKey, heard []lifecycle.Heard) []store.Outcome
	// Repeats tells whether a signal would change nothing but counters, and in which Incident.
	Repeats(ctx context.Context, source *sources.Source, key v1alpha1.AlertKey, heard lifecycle.Heard) (incident string, repeats bool)
}

// Disk keeps signals until they are recorded. It is a spool.
type Disk interface {
	// Put puts an entry, and tells later whether it is on disk.
	Put(sequence uint64, value []byte, done func(error))
	// Get gives the values of entries, nil for one that is not there.
	Get(sequences []uint64) ([][]byte, error)
	// Remove takes entries out.
	Remove(sequences ...uint64)
}

// errBusy is for a signal that finds too many others waiting.
var errBusy = errors.New("too many signals wait to be recorded")

// Inbox has one queue an alert key. What arrives while a write of the key is in flight goes into the next write, so
// that two signals of one alert never race inside a process. A write goes on when whoever asked for it has gone.
//
// With a disk, what cannot be recorded in time is put there, and is as good as recorded: it keeps its place in its queue, and
// goes from the disk when it is recorded. So is, at once, what would change nothing but counters: it waits there for others of
// its key.
type Inbox struct {
	recorder Recorder
	named    store.Named
	clock    clock.PassiveClock
	log      logr.Logger
	// disk is nil if there is none.
	disk Disk
	// reserve is how much of a sender's patience is kept for the disk.
	reserve time.Duration
	// flushAfter is how long repeats wait, retryAfter how long what failed does at first.
	flushAfter, retryAfter time.Duration

	mu     sync.Mutex
	queues map[store.Key]*queue
	// line are the queues whose turn comes, in order.
	line []*queue
	// writing is how many workers there are.
	writing int
	// pending is how many signals wait in memory alone, found how many of them no webhook told of.
	pending, found int
	// finds has a place for each of those that may be under way.
	finds chan struct{}
	// sequence is the last one given to a signal. Sequences rise from process to process, as time does.
	sequence uint64
	// drains are those who wait for the last queue to go.
	drains   []chan struct{}
	draining bool
	pace     pace
	// troubles are what keeps the signals of sources from being recorded, written when Incidents were, by namespace.
	troubles map[types.NamespacedName]*trouble
	written  map[string]written
	// started is true once what was left on disk may be recorded.
	started bool
}

// Options are what an Inbox needs besides its Recorder.
type Options struct {
	// Named find sources.
	Named store.Named
	// Clock says what time it is.
	Clock clock.PassiveClock
	// Log tells what could not be recorded.
	Log logr.Logger
	// Disk keeps what cannot be recorded in time; nil for none.
	Disk Disk
	// Reserve is how much before a sender's deadline its signal goes to the disk.
	Reserve time.Duration
}

// New makes an Inbox in front of a Recorder.
func New(recorder Recorder, options Options) *Inbox {
	return &Inbox{
		recorder:   recorder,
		named:      options.Named,
		clock:      options.Clock,
		log:        options.Log,
		disk:       options.Disk,
		reserve:    options.Reserve,
		flushAfter: flushInterval,
		retryAfter: firstRetry,
		queues:     map[store.Key]*queue{},
		sequence:   uint64(options.Clock.Now().UnixNano()),
		pace:       pace{alarm: make(chan struct{})},
		troubles:   map[types.NamespacedName]*trouble{},
		written:    map[string]written{},
		finds:      make(chan struct{}, maxFinds),
	}
}

// Submit hands a signal in and waits until it is recorded or on disk, or for the end of the context. In the latter case the
// signal is still on its way.
func (b *Inbox) Submit(ctx context.Context, source *sources.Source, alert v1alpha1.AlertKey, heard lifecycle.Heard) store.Outcome {
	key := store.Key{Source: source.Name, Alert: alert}
	one := &letter{source: source, heard: &heard, outcome: make(chan store.Outcome, 1), durable: make(chan error, 1)}
	if b.disk == nil {
		return b.submitWithoutDisk(ctx, key, one)
	}
	if incident, repeats := b.recorder.Repeats(ctx, source, alert, heard); repeats && b.hold(key, one) {
		spooledTotal.WithLabelValues(spooledRepeat).Inc()
		b.keep(key, one)
		return b.awaitDisk(ctx, key, one, incident)
	}
	if !b.put(key, one) {
		return store.Outcome{Err: errBusy}
	}
	if why := b.awaitRecord(ctx, key, one); why != "" {
		spooledTotal.WithLabelValues(why).Inc()
		b.keep(key, one)
		return b.awaitDisk(ctx, key, one, "")
	}
	return <-one.outcome
}

func (b *Inbox) submitWithoutDisk(ctx context.Context, key store.Key, one *letter) store.Outcome {
	if !b.put(key, one) {
		return store.Outcome{Err: errBusy}
	}
	select {
	case outcome := <-one.outcome:
		return outcome
	case <-ctx.Done():
		return store.Outcome{Err: fmt.Errorf("record the signal: %w", ctx.Err())}
	}
}

// awaitRecord waits for a letter's outcome, for which the channel is full then, or says why the letter goes to disk.
func (b *Inbox) awaitRecord(ctx context.Context, key store.Key, one *letter) (why string) {
	if why := b.hurries(key.Source); why != "" {
		return why
	}
	patience := time.NewTimer(b.patience(ctx))
	defer patience.Stop()
	select {
	case outcome := <-one.outcome:
		one.outcome <- outcome
		return ""
	case <-b.alarm():
		return spooledOutage
	case <-patience.C:
		return spooledSlow
	case <-ctx.Done():
		// Sentry has gone, and will not send it again.
		return spooledSlow
	}
}

// patience is how long a sender waits for the record before its signal goes to disk.
func (b *Inbox) patience(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return recordTimeout
	}
	return deadline.Sub(b.clock.Now()) - b.reserve
}

// awaitDisk waits until a letter is on disk, or is recorded after all. Where the disk fails, there is still the record.
func (b *Inbox) awaitDisk(ctx context.Context, key store.Key, one *letter, incident string) store.Outcome {
	select {
	case outcome := <-one.outcome:
		return outcome
	case err := <-one.durable:
		if err == nil {
			return store.Outcome{Spooled: true, Incident: incident}
		}
		b.Flush(key)
	case <-ctx.Done():
		return store.Outcome{Err: fmt.Errorf("spool the signal: %w", ctx.Err())}
	}
	select {
	case outcome := <-one.outcome:
		return outcome
	case <-ctx.Done():
		return store.Outcome{Err: fmt.Errorf("record the signal: %w", ctx.Err())}
	}
}

// RecordSilence hands in that nothing was heard of an alert for its source's autoResolveAfter. A signal that came
// meanwhile wins.
func (b *Inbox) RecordSilence(ctx context.Context, name types.NamespacedName, alert v1alpha1.AlertKey) error {
	return b.recordOwn(ctx, name, alert, lifecycle.Heard{
		Signal: v1alpha1.Signal{Event: v1alpha1.SignalResolve, Action: lifecycle.ActionSilence},
	})
}

// RecordAcknowledgementTimeout hands in that the acknowledgement which bears that time in the spec is older than the escalation
// policy's ackTimeout. Any other one stays.
func (b *Inbox) RecordAcknowledgementTimeout(
	ctx context.Context, name types.NamespacedName, alert v1alpha1.AlertKey, acknowledged time.Time,
) error {
	return b.recordOwn(ctx, name, alert, lifecycle.Heard{
		Signal:       v1alpha1.Signal{Event: v1alpha1.SignalUpdate, Action: lifecycle.ActionAcknowledgementTimeout},
		Acknowledged: acknowledged,
	})
}

// recordOwn hands in what the operator itself has to say. It would say it again, and so needs no disk.
func (b *Inbox) recordOwn(ctx context.Context, name types.NamespacedName, alert v1alpha1.AlertKey, heard lifecycle.Heard) error {
	source := b.named.ByName(name)
	if source == nil {
		return errUnknown(name)
	}
	now := metav1.NewMicroTime(b.clock.Now())
	heard.Signal.Time, heard.Signal.ReceivedAt, heard.Signal.By = now, now, v1alpha1.ByOperator
	one := &letter{source: source, heard: &heard, outcome: make(chan store.Outcome, 1)}
	return b.submitWithoutDisk(ctx, store.Key{Source: name, Alert: alert}, one).Err
}
