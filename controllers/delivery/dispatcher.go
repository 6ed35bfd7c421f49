// Package delivery sends what is pending in the ledgers of Incidents. Each channel has a queue of its own, so that a slow or
// dead one delays no other, nor the controllers. What is sent is claimed in the ledger before, and recorded there after: a
// process that ends in between leaves the claim behind, and whoever comes next goes on from it.
package delivery

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
	"github.com/itoc360/itoc360-operator/internal/panics"
)

// Outcomes hears what became of each send.
type Outcomes interface {
	// Sent tells that a channel's target took a message.
	Sent(channel types.NamespacedName)
	// Failed tells that it did not.
	Failed(channel types.NamespacedName, failure lifecycle.Failure)
}

// Dispatcher sends what is pending, for as long as a term of office lasts.
type Dispatcher struct {
	// Client reads channels and what was told from the cache, and writes ledgers.
	Client client.Client
	// APIReader reads Incidents and Secrets live: a claim must rest on the ledger as it is.
	APIReader client.Reader
	// Office makes targets.
	Office *notify.Office
	// Outcomes hears what became of each send.
	Outcomes Outcomes
	// Recorder takes the Events of what the operator itself did wrong.
	Recorder events.EventRecorder
	// Clock says what time it is, and wakes.
	Clock clock.Clock

	mu     sync.Mutex
	queues map[types.NamespacedName]*queue
	ended  chan struct{}
	done   sync.WaitGroup
}

// Enqueue has a channel told what is pending for it in an Incident's ledger. It may be called any number of times.
func (d *Dispatcher) Enqueue(channel types.NamespacedName, incident *v1alpha1.Incident) {
	due, at, has := lifecycle.NextDue(incident, channel.Name, d.now())
	if !has {
		return
	}
	if q := d.queueOf(channel); q != nil {
		q.add(due, at)
	}
}

// queueOf is the queue of a channel, nil once the term has ended.
func (d *Dispatcher) queueOf(channel types.NamespacedName) *queue {
	d.mu.Lock()
	defer d.mu.Unlock()
	ended := d.end()
	select {
	case <-ended:
		return nil
	default:
	}
	q := d.queues[channel]
	if q == nil {
		q = newQueue()
		if d.queues == nil {
			d.queues = map[types.NamespacedName]*queue{}
		}
		d.queues[channel] = q
		d.done.Go(func() { d.serve(channel, q, ended) })
	}
	return q
}

// end is closed when the term ends. It needs the lock.
func (d *Dispatcher) end() chan struct{} {
	if d.ended == nil {
		d.ended = make(chan struct{})
	}
	return d.ended
}

// Start lets the queues work until the context ends, and then until every send under way is recorded. Meanwhile it tells
// those channels how things stand that must be told again and again.
func (d *Dispatcher) Start(ctx context.Context) error {
	// The loop gives no error.
	_ = panics.KeepRunning(ctx, d.logger(types.NamespacedName{}), "delivery resends", func(ctx context.Context) error {
		d.repeat(ctx)
		return nil
	})
	d.mu.Lock()
	close(d.end())
	d.mu.Unlock()
	d.done.Wait()
	return nil
}

// serve begins what a channel's queue lets go, until the term ends and all that was begun has come to its end.
func (d *Dispatcher) serve(channel types.NamespacedName, q *queue, ended <-chan struct{}) {
	var sending sync.WaitGroup
	defer sending.Wait()
	// Without what it was told before, a channel may be told a little more than its limit.
	_ = d.catch(channel, "delivery history", func() { d.remember(channel, q) })
	for isEnded := false; !isEnded; {
		again := d.now().Add(panicPause)
		_ = d.catch(channel, "delivery queue", func() { again = d.begin(channel, q, &sending) })
		isEnded = d.wait(again, q, ended)
	}
}

// begin begins what a channel's queue lets go now, and says when to look again; zero: when something happens.
func (d *Dispatcher) begin(channel types.NamespacedName, q *queue, sending *sync.WaitGroup) (again time.Time) {
	next := q.next(d.limitOf(channel), d.now())
	for _, due := range next.Single {
		sending.Go(func() { q.finish(d.tellAndCatch(channel, []lifecycle.Due{due}, q)) })
	}
	if len(next.Gathered) > 0 {
		sending.Go(func() { q.finish(d.tellAndCatch(channel, next.Gathered, q)) })
	}
	return next.Again
}

// wait waits until a time, or until something happens to a queue. It returns whether the term has ended.
func (d *Dispatcher) wait(again time.Time, q *queue, ended <-chan struct{}) (isEnded bool) {
	timer := d.Clock.NewTimer(d.until(again))
	defer timer.Stop()
	select {
	case <-ended:
		return true
	case <-q.changed:
	case <-timer.C():
	}
	return false
}

// defaultLimit is the API's default.
var defaultLimit = lifecycle.Limit{Burst: 10, Per: time.Minute}

// limitOf is how many messages a channel is sent singly.
func (d *Dispatcher) limitOf(channel types.NamespacedName) lifecycle.Limit {
	found := &v1alpha1.NotificationChannel{}
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	err := d.Client.Get(ctx, channel, found)
	switch limit := found.Spec.Limit; {
	case err != nil, notify.Groups(found.Spec):
		// What is not there sends nothing, and one by one the ledgers hear of it.
		return lifecycle.Limit{}
	case limit == nil:
		return defaultLimit
	default:
		return lifecycle.Limit{Burst: int(limit.Burst), Per: limit.Per.Duration}
	}
}

// remember takes from the ledgers what a channel was told before this term of office.
func (d *Dispatcher) remember(channel types.NamespacedName, q *queue) {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	limit := d.limitOf(channel)
	if limit.Burst == 0 {
		return
	}
	incidents, err := loop.IncidentsIn(ctx, d.Client, channel.Namespace)
	if err != nil {
		d.logger(channel).Error(err, "Could not read what the channel was told before")
		return
	}
	q.remember(lifecycle.History(incidents, channel.Name, d.now().Add(-limit.Per)))
}

// now is in microseconds, as the ledger's times are.
func (d *Dispatcher) now() time.Time { return d.Clock.Now().UTC().Truncate(time.Microsecond) }

// until is how long it takes until a time; a zero time is never, which is the same as late.
func (d *Dispatcher) until(next time.Time) time.Duration {
	if next.IsZero() {
		return time.Hour
	}
	return max(next.Sub(d.now()), atOnce)
}
