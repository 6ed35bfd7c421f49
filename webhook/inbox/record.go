package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/panics"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

var (
	// errLost is for a signal that was on disk and cannot be read any more.
	errLost = errors.New("the signal cannot be read from the spool any more")
	// errNoSource is for a signal on disk whose source is not known.
	errNoSource = errors.New("the AlertSource is not known")
)

// record writes a queue's batch.
func (b *Inbox) record(q *queue) {
	// Not the request's context: what was accepted is recorded, though its answer may be late.
	ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
	defer cancel()
	began, isDone := b.began(), false
	defer func() { b.ended(began, isDone) }()
	batch := b.batchOf(q)
	outcomes := make(map[*letter]store.Outcome, len(batch))
	if err := panics.Catch(b.log, "inbox batch", func() { b.recordBatch(ctx, q, batch, outcomes) }); err != nil {
		clear(outcomes)
		failAll(outcomes, batch, err)
	}
	isDone = isAnswered(outcomes)
	b.settle(q, outcomes)
}

// isAnswered tells whether the API server took a write, or refused it: it is neither slow nor away.
func isAnswered(outcomes map[*letter]store.Outcome) bool {
	for _, outcome := range outcomes {
		if outcome.Err == nil || store.RefusalOf(outcome.Err) != "" {
			return true
		}
	}
	return false
}

// opened is a letter whose signal is at hand.
type opened struct {
	*letter

	heard  lifecycle.Heard
	source *sources.Source
	// onDisk is true if the signal is yet to be read.
	onDisk bool
	// isOrphaned is true if it found no Incident before, or may have.
	isOrphaned bool
}

// batchOf is a queue's batch as far as it is in memory.
func (b *Inbox) batchOf(q *queue) []opened {
	b.mu.Lock()
	defer b.mu.Unlock()
	batch := make([]opened, len(q.batch))
	for i, one := range q.batch {
		batch[i] = opened{
			letter: one, source: one.source, onDisk: one.heard == nil, isOrphaned: one.restored || !one.orphanedAt.IsZero(),
		}
		if one.heard != nil {
			batch[i].heard = *one.heard
		}
	}
	return batch
}

// recordBatch adds each letter's outcome.
func (b *Inbox) recordBatch(ctx context.Context, q *queue, batch []opened, outcomes map[*letter]store.Outcome) {
	key := q.key
	readable, err := b.read(batch)
	if err != nil {
		b.log.Error(err, "Could not read signals from the spool", "source", key.Source, "alertKey", key.Alert, "count", len(batch))
		failAll(outcomes, batch, err)
		return
	}
	if lost := len(batch) - len(readable); lost > 0 {
		lostTotal.WithLabelValues(lostUnreadable).Add(float64(lost))
		b.log.Error(errLost, "Signals are lost", "source", key.Source, "alertKey", key.Alert, "count", lost)
	}
	if len(readable) == 0 {
		return
	}
	source := b.sourceOf(key, readable)
	if source == nil {
		b.withoutSource(outcomes, q, readable)
		return
	}
	b.noteSource(q)
	heard := make([]lifecycle.Heard, len(readable))
	for i := range readable {
		heard[i] = readable[i].heard
		heard[i].Orphaned = readable[i].isOrphaned
	}
	for i, outcome := range b.recorder.Record(ctx, source, key.Alert, heard) {
		outcomes[readable[i].letter] = outcome
	}
}

func failAll(outcomes map[*letter]store.Outcome, batch []opened, err error) {
	for _, one := range batch {
		outcomes[one.letter] = store.Outcome{Err: err}
	}
}

// read reads what is on disk, and leaves out what is not there any more.
func (b *Inbox) read(batch []opened) (readable []opened, err error) {
	var sequences []uint64
	for _, one := range batch {
		if one.onDisk {
			sequences = append(sequences, one.sequence)
		}
	}
	if len(sequences) == 0 {
		return batch, nil
	}
	values, err := b.disk.Get(sequences)
	if err != nil {
		return nil, fmt.Errorf("read signals: %w", err)
	}
	next := 0
	for _, one := range batch {
		if !one.onDisk {
			readable = append(readable, one)
			continue
		}
		value := values[next]
		next++
		if _, heard, err := decode(value); err == nil {
			one.heard = heard
			readable = append(readable, one)
		}
	}
	return readable, nil
}

// sourceOf is the source to judge a batch by: as the newest letter has it or, where that has waited on disk, as it is now.
func (b *Inbox) sourceOf(key store.Key, batch []opened) *sources.Source {
	newest := batch[len(batch)-1]
	if newest.onDisk || newest.source == nil {
		return b.named.ByName(key.Source)
	}
	return newest.source
}

// withoutSource keeps what has no source that is known, until that has been missing for so long that it counts as deleted.
func (b *Inbox) withoutSource(outcomes map[*letter]store.Outcome, q *queue, batch []opened) {
	if b.missingFor(q) < sourceMemory {
		failAll(outcomes, batch, errNoSource)
		return
	}
	lostTotal.WithLabelValues(lostSource).Add(float64(len(batch)))
	b.log.Error(errNoSource, "Signals are dropped: their AlertSource is gone", "source", q.key.Source, "alertKey", q.key.Alert,
		"count", len(batch))
}

// missingFor is for how long the source of a queue has been missing, as far as this process looked for it.
func (b *Inbox) missingFor(q *queue) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	if q.missingSince.IsZero() {
		q.missingSince = now
	}
	return now.Sub(q.missingSince)
}

// noteSource takes note that the source of a queue is there.
func (b *Inbox) noteSource(q *queue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q.missingSince = time.Time{}
}

// pace tells whether writes succeed in time. The inbox's lock guards it.
type pace struct {
	// alarm is closed while none does.
	alarm   chan struct{}
	stalled bool
	// writes is how many are in flight.
	writes int
	// progress is when one last succeeded or, if none was in flight, the next one began.
	progress time.Time
	// stalledAt is when writes last stalled.
	stalledAt time.Time
	// took is how long a write takes, on a moving average.
	took time.Duration
}

// averaged is how many writes the average goes over, about.
const averaged = 16

func (b *Inbox) began() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.Now()
	if b.pace.writes == 0 {
		b.pace.progress = now
	}
	b.pace.writes++
	return now
}

func (b *Inbox) ended(began time.Time, answered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &b.pace
	p.writes--
	if !answered {
		return
	}
	now := b.clock.Now()
	p.progress = now
	p.took += (now.Sub(began) - p.took) / averaged
	if p.stalled {
		p.stalled, p.stalledAt, p.alarm = false, now, make(chan struct{})
		b.log.Info("Writes succeed again", "spooled", len(b.queues))
	}
}

// watch sees whether writes stall.
func (b *Inbox) watch() {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &b.pace
	if p.stalled || p.writes == 0 || b.clock.Since(p.progress) < stallPatience {
		return
	}
	p.stalled, p.stalledAt = true, b.clock.Now()
	close(p.alarm)
	b.log.Info("No write succeeds: what comes goes to the spool", "writes", p.writes, "waiting", len(b.line))
}

// hurries says why a letter that was just put goes to disk without waiting for its write, "" if it waits.
func (b *Inbox) hurries(source types.NamespacedName) (why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.troubles[source]
	switch {
	case known != nil && known.reason == v1alpha1.ReasonForbidden && len(known.queues) > 0:
		return spooledRefused
	case b.pace.stalled:
		return spooledOutage
	case len(b.line) > maxLine, b.pace.took*time.Duration(len(b.line))/maxWrites > linePatience:
		return spooledLine
	default:
		return ""
	}
}

func (b *Inbox) alarm() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pace.alarm
}

// Busy tells whether anything is being written: then what can wait should.
func (b *Inbox) Busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pace.writes > 0
}
