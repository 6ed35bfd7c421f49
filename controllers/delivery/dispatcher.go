// Package delivery sends what is pending in the ledgers of Incidents. Each channel has a queue and workers of its own, so
// that a slow or dead one delays no other, nor the controllers. What is sent is claimed in the ledger before, and recorded
// there after: a process that ends in between leaves the claim behind, and whoever comes next goes on from it.
package delivery

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
)

// workers is how many Incidents one channel is told of at the same time.
const workers = 8

// Outcomes hears what became of each send.
type Outcomes interface {
	// Sent tells that a channel's target took a message.
	Sent(channel types.NamespacedName)
	// Failed tells that it did not.
	Failed(channel types.NamespacedName, failure lifecycle.Failure)
}

// Dispatcher sends what is pending, for as long as a term of office lasts.
type Dispatcher struct {
	// Client reads channels from the cache, and writes ledgers.
	Client client.Client
	// APIReader reads Incidents and Secrets live: a claim must rest on the ledger as it is.
	APIReader client.Reader
	// Office makes targets.
	Office *notify.Office
	// Outcomes hears what became of each send.
	Outcomes Outcomes
	// Clock says what time it is.
	Clock clock.PassiveClock

	mu     sync.Mutex
	queues map[types.NamespacedName]*queue
	ended  bool
	done   sync.WaitGroup
}

// queue is what waits for one channel: the Incidents that have something pending for it.
type queue struct {
	incidents workqueue.TypedDelayingInterface[types.NamespacedName]

	mu sync.Mutex
	// heldUntil is when the target wants to hear of us again.
	heldUntil time.Time
}

// Enqueue has a channel told what is pending for it in an Incident's ledger. It may be called any number of times.
func (d *Dispatcher) Enqueue(channel, incident types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return
	}
	q := d.queues[channel]
	if q == nil {
		q = &queue{incidents: workqueue.NewTypedDelayingQueue[types.NamespacedName]()}
		if d.queues == nil {
			d.queues = map[types.NamespacedName]*queue{}
		}
		d.queues[channel] = q
		for range workers {
			d.done.Go(func() { d.work(channel, q) })
		}
	}
	q.incidents.Add(incident)
}

// Start lets the queues work until the context ends, and then until every send under way is recorded.
func (d *Dispatcher) Start(ctx context.Context) error {
	<-ctx.Done()
	d.mu.Lock()
	d.ended = true
	for _, q := range d.queues {
		q.incidents.ShutDown()
	}
	d.mu.Unlock()
	d.done.Wait()
	return nil
}

// work tells a channel of one Incident after another.
func (d *Dispatcher) work(channel types.NamespacedName, q *queue) {
	for {
		incident, ended := q.incidents.Get()
		if ended {
			return
		}
		again := d.deliver(channel, incident, q)
		q.incidents.Done(incident)
		if again > 0 {
			q.incidents.AddAfter(incident, again)
		}
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
