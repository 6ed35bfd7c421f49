package inbox

import (
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/itoc360/itoc360-operator/webhook/store"
)

// settle takes note of what became of a queue's batch: outcome is nil for what is given up without one.
func (b *Inbox) settle(q *queue, outcomes map[*letter]store.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	refusal := b.noteRefusal(q, outcomes)
	var again []*letter
	var removals []uint64
	for _, one := range q.batch {
		outcome := outcomes[one]
		if b.isTriedAgain(one, outcome, refusal) {
			if refusal.isAlone(one) {
				b.putAside(q, one)
			} else {
				again = append(again, one)
			}
			continue
		}
		if outcome.Orphan {
			orphansTotal.Inc()
		}
		b.noteSettled(one)
		if !one.held {
			q.changes--
		}
		if one.spooled {
			removals = append(removals, one.sequence)
		} else {
			b.count(one, -1)
		}
		if one.outcome != nil {
			one.outcome <- outcome
		}
	}
	q.batch, q.busy = nil, false
	if len(removals) > 0 {
		appliedTotal.Add(float64(len(removals)))
		b.disk.Remove(removals...)
	}
	b.goOn(q, again, refusal.isShared)
	b.noteTrouble(q, refusal)
}

// isTriedAgain tells whether a letter keeps its place: one that is on disk, or may get there, and could not be recorded, or found no
// Incident that another replica may have on its disk. So does one that was only refused together with others.
func (b *Inbox) isTriedAgain(one *letter, outcome store.Outcome, refusal refusal) bool {
	now := b.clock.Now()
	age := now.Sub(cameAt(one.sequence))
	switch {
	case outcome.Orphan && (one.spooled || b.isOutageRecent(one, now)):
		if one.orphanedAt.IsZero() {
			one.orphanedAt = now
		}
		return !b.draining && now.Sub(one.orphanedAt) < orphanPatience
	case outcome.Err == nil:
		return false
	case refusal.isShared:
		return true
	case one.durable == nil && !one.spooled, b.disk == nil:
		return false
	case !one.spooled:
		return one.keeping || age < recordTimeout
	case b.isHopeless(one, refusal):
		lostTotal.WithLabelValues(lostInvalid).Inc()
		b.log.Error(outcome.Err, "A signal is dropped: the API server refuses it, and takes others", "source", refusal.key.Source,
			"alertKey", refusal.key.Alert)
		return false
	default:
		return true
	}
}

// isOutageRecent tells whether a letter that is not on disk may go there because other replicas, too, may have something there.
func (b *Inbox) isOutageRecent(one *letter, now time.Time) bool {
	return b.disk != nil && one.durable != nil && !b.pace.stalledAt.IsZero() && now.Sub(b.pace.stalledAt) < orphanPatience
}

// goOn says how it goes on with a queue after a write. It needs the lock.
func (b *Inbox) goOn(q *queue, again []*letter, atOnce bool) {
	q.waiting = append(again, q.waiting...)
	if len(again) > 0 && !atOnce {
		q.failures++
		b.pause(q)
		return
	}
	q.failures = 0
	switch {
	case atOnce:
		b.lineUp(q)
	case len(q.waiting) == 0:
		if len(q.aside) == 0 {
			delete(b.queues, q.key)
		}
		b.tellDrained()
	case q.changes > 0 || b.draining || q.waiting[0].sequence <= q.flushTo:
		b.lineUp(q)
	default:
		b.timeFlush(q)
	}
}

// pause lets a queue wait before it is tried again. It needs the lock.
func (b *Inbox) pause(q *queue) {
	q.paused = true
	delay := b.backoff(q.failures)
	if b.draining {
		delay = b.retryAfter
	}
	if q.refused {
		delay = max(delay, wait.Jitter(time.Duration(len(b.troubleOf(q.key.Source).queues))*refusedPause, flushJitter))
	}
	b.after(delay, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		q.paused = false
		b.lineUp(q)
	})
}

// backoff doubles with each failure, from retryAfter on, at most five times and to lastRetry.
func (b *Inbox) backoff(failures int) time.Duration {
	return min(b.retryAfter<<min(max(failures-1, 0), 5), lastRetry)
}
