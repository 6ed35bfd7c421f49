package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// envelope is a signal as it lies on disk: what was made of a delivery, never the delivery.
type envelope struct {
	Namespace string            `json:"namespace"`
	Source    string            `json:"source"`
	Alert     v1alpha1.AlertKey `json:"alert"`
	Heard     lifecycle.Heard   `json:"heard"`
}

func encode(key store.Key, heard lifecycle.Heard) ([]byte, error) {
	value, err := json.Marshal(envelope{key.Source.Namespace, key.Source.Name, key.Alert, heard})
	if err != nil {
		return nil, fmt.Errorf("encode the signal: %w", err)
	}
	return value, nil
}

func decode(value []byte) (key store.Key, heard lifecycle.Heard, err error) {
	var read envelope
	if err := json.Unmarshal(value, &read); err != nil {
		return store.Key{}, lifecycle.Heard{}, fmt.Errorf("decode a signal: %w", err)
	}
	source := types.NamespacedName{Namespace: read.Namespace, Name: read.Source}
	return store.Key{Source: source, Alert: read.Alert}, read.Heard, nil
}

// keep puts a letter on disk, unless it is settled meanwhile.
func (b *Inbox) keep(key store.Key, one *letter) {
	b.mu.Lock()
	settled := one.settled
	one.keeping = !settled
	heard := one.heard
	b.mu.Unlock()
	if settled {
		return
	}
	value, err := encode(key, *heard)
	if err != nil {
		b.kept(one, err)
		return
	}
	b.disk.Put(one.sequence, value, func(err error) { b.kept(one, err) })
}

// kept takes note of a letter that is on disk, or could not be put there.
func (b *Inbox) kept(one *letter, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one.keeping = false
	switch {
	case err != nil:
	case one.settled:
		b.disk.Remove(one.sequence)
	default:
		one.spooled, one.heard = true, nil
		b.count(one, -1)
	}
	one.durable <- err
}

// Restore takes a signal that an earlier process left on disk. It comes before whatever is handed in later, and is recorded
// from the start on.
func (b *Inbox) Restore(sequence uint64, value []byte) {
	key, _, err := decode(value)
	if err != nil {
		b.log.Error(err, "Dropping an entry of the spool that is no signal")
		lostTotal.WithLabelValues(lostUnreadable).Inc()
		b.disk.Remove(sequence)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[key]
	if q == nil {
		q = &queue{key: key}
		b.queues[key] = q
	}
	b.sequence = max(b.sequence, sequence)
	q.append(&letter{sequence: sequence, spooled: true})
	if b.started {
		b.lineUp(q)
	}
}

// Start records what an earlier process left on disk, and watches how writes go, until the context ends.
func (b *Inbox) Start(ctx context.Context) error {
	b.mu.Lock()
	b.started = true
	for _, q := range b.queues {
		b.lineUp(q)
	}
	b.mu.Unlock()
	watch := time.NewTicker(watchInterval)
	defer watch.Stop()
	measure := time.NewTicker(time.Second)
	defer measure.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-watch.C:
			b.watch()
		case <-measure.C:
			b.measure()
		}
	}
}

// measure tells how old the oldest is of what is on disk.
func (b *Inbox) measure() {
	b.mu.Lock()
	defer b.mu.Unlock()
	oldest := uint64(0)
	for _, q := range b.queues {
		for _, letters := range [][]*letter{q.batch, q.waiting} {
			if first := firstSpooled(letters); first > 0 && (oldest == 0 || first < oldest) {
				oldest = first
			}
		}
	}
	age := time.Duration(0)
	if oldest > 0 {
		age = b.clock.Since(cameAt(oldest))
	}
	oldestSeconds.Set(age.Seconds())
}

func firstSpooled(letters []*letter) uint64 {
	for _, one := range letters {
		if one.spooled && !one.settled {
			return one.sequence
		}
	}
	return 0
}

// Drain records everything handed in, what is on disk included, or as much as it can until the end of the context.
func (b *Inbox) Drain(ctx context.Context) error {
	select {
	case <-b.drained():
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	left := 0
	for _, q := range b.queues {
		left += len(q.batch) + len(q.waiting)
	}
	return fmt.Errorf("drain the inbox: %d signals are not recorded, of which %d are in memory alone: %w", left, b.pending, ctx.Err())
}

// drained is closed when there is no queue.
func (b *Inbox) drained() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.draining = true
	for _, q := range b.queues {
		b.lineUp(q)
	}
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
