package inbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// Recorder records signals of one alert key in the order given, each with its outcome.
type Recorder interface {
	Record(ctx context.Context, source *sources.Source, key v1alpha1.AlertKey, heard []lifecycle.Heard) []store.Outcome
}

// errBusy is for a signal that finds too many others waiting.
var errBusy = errors.New("too many signals wait to be recorded")

// Inbox has one queue an alert key. What arrives while a write of the key is in flight goes into the next write, so
// that two signals of one alert never race inside a process. A write goes on when whoever asked for it has gone.
type Inbox struct {
	recorder Recorder
	named    store.Named
	clock    clock.PassiveClock
	writes   chan struct{}

	mu      sync.Mutex
	queues  map[store.Key]*queue
	pending int
	// drains are those who wait for the last queue to go.
	drains []chan struct{}
}

type queue struct {
	waiting []letter
}

// letter is one signal in a queue, and where its outcome goes.
type letter struct {
	source  *sources.Source
	heard   lifecycle.Heard
	outcome chan store.Outcome
}

// New makes an Inbox in front of a Recorder.
func New(recorder Recorder, named store.Named, clock clock.PassiveClock) *Inbox {
	return &Inbox{
		recorder: recorder,
		named:    named,
		clock:    clock,
		writes:   make(chan struct{}, maxWrites),
		queues:   map[store.Key]*queue{},
	}
}

// Submit hands a signal in and waits for its outcome, or for the end of the context. In the latter case the signal is
// still on its way.
func (b *Inbox) Submit(ctx context.Context, source *sources.Source, alert v1alpha1.AlertKey, heard lifecycle.Heard) store.Outcome {
	outcome := make(chan store.Outcome, 1)
	if !b.put(store.Key{Source: source.Name, Alert: alert}, letter{source, heard, outcome}) {
		return store.Outcome{Err: errBusy}
	}
	select {
	case result := <-outcome:
		return result
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

// RecordAcknowledgementTimeout hands in that an acknowledgement of that time is older than the escalation policy's
// ackTimeout. A newer one wins.
func (b *Inbox) RecordAcknowledgementTimeout(
	ctx context.Context, name types.NamespacedName, alert v1alpha1.AlertKey, acknowledged time.Time,
) error {
	return b.recordOwn(ctx, name, alert, lifecycle.Heard{
		Signal:       v1alpha1.Signal{Event: v1alpha1.SignalUpdate, Action: lifecycle.ActionAcknowledgementTimeout},
		Acknowledged: acknowledged,
	})
}

// recordOwn hands in what the operator itself has to say.
func (b *Inbox) recordOwn(ctx context.Context, name types.NamespacedName, alert v1alpha1.AlertKey, heard lifecycle.Heard) error {
	source := b.named.ByName(name)
	if source == nil {
		return fmt.Errorf("AlertSource %s is not known here yet", name)
	}
	now := metav1.NewMicroTime(b.clock.Now())
	heard.Signal.Time, heard.Signal.ReceivedAt, heard.Signal.By = now, now, v1alpha1.ByOperator
	return b.Submit(ctx, source, alert, heard).Err
}

// Drain waits until everything handed in has its outcome, or for the end of the context.
func (b *Inbox) Drain(ctx context.Context) error {
	select {
	case <-b.drained():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain the inbox: %w", ctx.Err())
	}
}

// drained is closed when there is no queue.
func (b *Inbox) drained() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	drained := make(chan struct{})
	b.drains = append(b.drains, drained)
	b.tellDrained()
	return drained
}

// tellDrained needs the lock.
func (b *Inbox) tellDrained() {
	if len(b.queues) > 0 {
		return
	}
	for _, drained := range b.drains {
		close(drained)
	}
	b.drains = nil
}

func (b *Inbox) put(key store.Key, one letter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pending >= maxPending {
		return false
	}
	b.pending++
	pendingSignals.Inc()
	if q := b.queues[key]; q != nil {
		q.waiting = append(q.waiting, one)
		return true
	}
	q := &queue{waiting: []letter{one}}
	b.queues[key] = q
	go b.work(key, q)
	return true
}

// work records what waits in a queue, and ends when nothing does.
func (b *Inbox) work(key store.Key, q *queue) {
	for {
		b.writes <- struct{}{}
		batch := b.take(key, q)
		if batch != nil {
			b.record(key, batch)
		}
		<-b.writes
		if batch == nil {
			return
		}
	}
}

// take is the next batch; if there is none, the queue is gone.
func (b *Inbox) take(key store.Key, q *queue) []letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(q.waiting) == 0 {
		delete(b.queues, key)
		b.tellDrained()
		return nil
	}
	size := min(len(q.waiting), maxBatch)
	batch := q.waiting[:size:size]
	q.waiting = q.waiting[size:]
	return batch
}

func (b *Inbox) record(key store.Key, batch []letter) {
	// Not the request's context: what was accepted is recorded, though its answer may be late.
	ctx, cancel := context.WithTimeout(context.Background(), RecordTimeout)
	defer cancel()
	heard := make([]lifecycle.Heard, len(batch))
	for i := range batch {
		heard[i] = batch[i].heard
	}
	newest := batch[len(batch)-1].source
	for i, outcome := range b.recorder.Record(ctx, newest, key.Alert, heard) {
		if outcome.Orphan {
			orphansTotal.Inc()
		}
		batch[i].outcome <- outcome
	}
	pendingSignals.Sub(float64(len(batch)))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending -= len(batch)
}
