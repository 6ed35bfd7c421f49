package delivery

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// workers is how many messages to one channel are under way at the same time.
const workers = 8

// queue is what waits for one channel: the Incidents that have something pending for it. Each is under way once at most.
type queue struct {
	// changed wakes whoever serves the queue.
	changed chan struct{}
	// ends are those of which the channel was told.
	ends ends

	mu      sync.Mutex
	waiting map[types.NamespacedName]waiting
	// busy are the Incidents that are under way, each with the number of the message.
	busy map[types.NamespacedName]int
	// sending is how many messages are under way.
	sending int
	// history are the messages of late, by their number.
	history map[int]lifecycle.Dispatched
	last    int
	// pauses are how long Incidents last waited after a panic.
	pauses map[types.NamespacedName]time.Duration
	// heldUntil is when the target wants to hear of us again.
	heldUntil time.Time
}

// waiting is what an Incident has for the channel, and when it may be tried.
type waiting struct {
	due lifecycle.Due
	at  time.Time
}

// told is what became of an attempt to tell a channel.
type told struct {
	// incidents are those that it was about.
	incidents []types.NamespacedName
	// left is what they have for the channel now.
	left []waiting
	// tried is true if the target was turned to.
	tried bool
}

func newQueue() *queue {
	return &queue{
		changed: make(chan struct{}, 1),
		waiting: map[types.NamespacedName]waiting{}, busy: map[types.NamespacedName]int{}, history: map[int]lifecycle.Dispatched{},
		pauses: map[types.NamespacedName]time.Duration{},
	}
}

func (q *queue) wake() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// add lets an Incident wait, or lets what it waits with be known anew. The cache may lag: it makes nothing later.
func (q *queue) add(due lifecycle.Due, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if known, has := q.waiting[due.Incident]; has && known.at.Before(at) {
		at = known.at
	}
	q.waiting[due.Incident] = waiting{due, at}
	q.wake()
}

// next takes out of the queue what is to be told now.
func (q *queue) next(limit lifecycle.Limit, now time.Time) lifecycle.Next {
	q.mu.Lock()
	defer q.mu.Unlock()
	for number, message := range q.history {
		if !message.At.Add(limit.Per).After(now) {
			delete(q.history, number)
		}
	}
	free := workers - q.sending
	if free <= 0 {
		return lifecycle.Next{}
	}
	ready, soonest := q.ready(now)
	next := lifecycle.Dispatch(ready, limit, slices.Collect(maps.Values(q.history)), now)
	if len(next.Single) >= free {
		next.Single, next.Gathered = next.Single[:free], nil
	}
	for _, due := range next.Single {
		q.begin(lifecycle.Dispatched{At: now, Critical: lifecycle.IsCriticalPage(due)}, due)
	}
	if len(next.Gathered) > 0 {
		q.begin(lifecycle.Dispatched{At: now, Summary: true}, next.Gathered...)
	}
	if next.Again.IsZero() || (!soonest.IsZero() && soonest.Before(next.Again)) {
		next.Again = soonest
	}
	return next
}

// ready are those whose time has come, and when that of the next one comes; zero: none waits.
func (q *queue) ready(now time.Time) (ready []lifecycle.Due, soonest time.Time) {
	for name, one := range q.waiting {
		_, isBusy := q.busy[name]
		switch {
		case isBusy:
		case !one.at.After(now):
			one.due.Since = one.at
			ready = append(ready, one.due)
		case soonest.IsZero() || one.at.Before(soonest):
			soonest = one.at
		}
	}
	return ready, soonest
}

// begin lets a message be under way.
func (q *queue) begin(message lifecycle.Dispatched, about ...lifecycle.Due) {
	q.last++
	q.sending++
	q.history[q.last] = message
	for _, due := range about {
		delete(q.waiting, due.Incident)
		q.busy[due.Incident] = q.last
	}
}

// finish ends a message that was under way. What was heard of an Incident meanwhile may be older than what is left of it.
func (q *queue) finish(told told) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sending--
	if !told.tried {
		delete(q.history, q.busy[told.incidents[0]])
	}
	for _, incident := range told.incidents {
		delete(q.busy, incident)
	}
	for _, left := range told.left {
		q.waiting[left.due.Incident] = left
	}
	q.wake()
}

// remember adds what was told before.
func (q *queue) remember(history []lifecycle.Dispatched) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, message := range history {
		q.last++
		q.history[q.last] = message
	}
}

// held is the failure of an attempt while the target wants to hear nothing, nil if it may be told. What is not attempted
// counts as an attempt: a step whose channels all hold back brings the next one forward.
func (q *queue) held(now time.Time) *lifecycle.Failure {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !now.Before(q.heldUntil) {
		return nil
	}
	return &lifecycle.Failure{
		Class: lifecycle.FailureRetryable, Reason: reasonHeldBack, RetryAfter: q.heldUntil.Sub(now),
		Message: "The target wants to hear nothing for a while",
	}
}

// hold keeps the queue for a while: what one message was told holds for all.
func (q *queue) hold(until time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if until.After(q.heldUntil) {
		q.heldUntil = until
	}
}
