package inbox

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/panics"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// letter is one signal in a queue. The inbox's lock guards it.
type letter struct {
	// sequence is its place among all letters, and when it came: nanoseconds since 1970, or a little more.
	sequence uint64
	// source is as it was when the signal came; nil for one that an earlier process left on disk.
	source *sources.Source
	// heard is nil while the signal is on disk alone.
	heard *lifecycle.Heard
	// outcome takes what became of it, once; nil if nobody waits.
	outcome chan store.Outcome
	// durable takes whether it is on disk, once.
	durable chan error

	// orphanedAt is when it was first found to be a Resolve of which no Incident is known; zero if it was not.
	orphanedAt time.Time
	// held is true for a repeat, which may wait for others.
	held bool
	// keeping is true while it is on its way to the disk.
	keeping bool
	// spooled is true once it is on disk.
	spooled bool
	// isFound is true for what no webhook told.
	isFound bool
	// restored is true for what an earlier process left on disk.
	restored bool
	// alone is true for what was refused by itself: it is tried by itself, first at refusedAt, so many times since.
	alone     bool
	refusedAt time.Time
	refusals  int
	// settled is true once it is recorded, or given up.
	settled bool
}

// cameAt is when the letter of a sequence came.
func cameAt(sequence uint64) time.Time { return time.Unix(0, int64(sequence)) } //nolint:gosec // nanoseconds since 1970

// queue is the letters of one alert key, in order. The inbox's lock guards it.
type queue struct {
	key store.Key
	// batch is what is being written, waiting what comes after it, aside what was refused by itself and waits for its next try.
	batch, waiting, aside []*letter
	// size is how many letters the next batch has at most; 0: as many as may be. It is halved when a batch is refused.
	size int
	// refused is true while the queue's Incidents may not be written.
	refused bool
	// missingSince is when the source was first found missing; zero while it is known.
	missingSince time.Time
	// changes is how many letters may change more than counters.
	changes int
	// heardAt is when the last of its letters came.
	heardAt metav1.MicroTime
	// flushTo is the last of the held letters that wait no longer.
	flushTo uint64
	// busy is true while the queue is in line or being written, paused between two tries, timed while it will be flushed.
	busy, paused, timed bool
	// failures is how many tries have failed since the last that did not.
	failures int
}

// put lets a letter wait for its write; false if there are too many.
func (b *Inbox) put(key store.Key, one *letter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pending >= maxPending {
		return false
	}
	b.count(one, 1)
	b.lineUp(b.add(key, one))
	return true
}

// hold lets a letter wait for others of its key, unless one before it may change what it was judged by.
func (b *Inbox) hold(key store.Key, one *letter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[key]
	if b.draining || b.pending >= maxPending || (q != nil && q.changes > 0) {
		return false
	}
	one.held = true
	b.count(one, 1)
	b.timeFlush(b.add(key, one))
	return true
}

// add needs the lock. No two letters of a queue have the same time of arrival: by that they are known again.
func (b *Inbox) add(key store.Key, one *letter) *queue {
	q := b.queues[key]
	if q == nil {
		q = &queue{key: key}
		b.queues[key] = q
	}
	b.sequence = max(b.sequence+1, uint64(b.clock.Now().UnixNano()))
	one.sequence = b.sequence
	if at := &one.heard.Signal.ReceivedAt; !q.heardAt.Before(at) {
		*at = metav1.NewMicroTime(q.heardAt.Add(time.Microsecond))
	}
	q.heardAt = one.heard.Signal.ReceivedAt
	q.append(one)
	return q
}

func (q *queue) append(one *letter) {
	q.waiting = append(q.waiting, one)
	if !one.held {
		q.changes++
	}
}

// count needs the lock.
func (b *Inbox) count(one *letter, more int) {
	b.pending += more
	if one.isFound {
		b.found += more
	}
	pendingSignals.Add(float64(more))
}

// timeFlush needs the lock.
func (b *Inbox) timeFlush(q *queue) {
	if !q.timed {
		q.timed = true
		// A little later each, so that those of many keys that came at once do not all come due at once.
		b.after(wait.Jitter(b.flushAfter, flushJitter), func() { b.Flush(q.key) })
	}
}

// Waits tells whether letters of a key wait.
func (b *Inbox) Waits(key store.Key) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queues[key] != nil
}

// Flush lets the held letters of a key be written.
func (b *Inbox) Flush(key store.Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.queues[key]; q != nil {
		q.timed = false
		q.flushTo = b.sequence
		b.lineUp(q)
	}
}

// lineUp gets a queue in line, unless it is. It needs the lock.
func (b *Inbox) lineUp(q *queue) {
	if q.busy || q.paused || len(q.waiting) == 0 {
		return
	}
	q.busy = true
	b.line = append(b.line, q)
	if b.writing < maxWrites {
		b.writing++
		go b.work()
	}
}

// work writes what is first in line, until nothing is. A panic ends the turn of one queue, and of no other.
func (b *Inbox) work() {
	for {
		q := b.next()
		if q == nil {
			return
		}
		if panics.Catch(b.log, "inbox turn", func() { b.record(q) }) != nil {
			b.giveBack(q)
		}
	}
}

// giveBack lets a queue whose turn ended by a panic wait for another one.
func (b *Inbox) giveBack(q *queue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := slices.DeleteFunc(q.batch, func(one *letter) bool { return one.settled || slices.Contains(q.aside, one) })
	q.batch, q.busy = nil, false
	b.goOn(q, left, false)
}

// after does something later, and once more after the same time if it panics.
func (b *Inbox) after(delay time.Duration, do func()) {
	time.AfterFunc(delay, func() {
		if panics.Catch(b.log, "inbox timer", do) != nil {
			b.after(max(delay, b.retryAfter), do)
		}
	})
}

// next is the queue whose turn it is, with a batch to write.
func (b *Inbox) next() *queue {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.line) == 0 {
		b.writing--
		return nil
	}
	q := b.line[0]
	b.line[0], b.line = nil, b.line[1:]
	size := q.nextSize()
	q.batch, q.waiting = q.waiting[:size:size], q.waiting[size:]
	return q
}

// nextSize is how many letters the next batch has. What is to be tried alone is a batch of its own.
func (q *queue) nextSize() int {
	size := min(len(q.waiting), maxBatch)
	if q.size > 0 {
		size = min(size, q.size)
	}
	if place := slices.IndexFunc(q.waiting[:size], func(one *letter) bool { return one.alone }); place >= 0 {
		size = max(place, 1)
	}
	return size
}
