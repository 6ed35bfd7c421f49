package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/panics"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// formatVersion is the version of what is written to disk. It rises when an older process would misread it.
const formatVersion = 1

// errVersion is for an entry of a version that this process does not know.
var errVersion = errors.New("an entry of an unknown version")

// envelope is a signal as it lies on disk: what was made of a delivery, never the delivery.
type envelope struct {
	// Version of the format; an entry without one is of version 1.
	Version   int               `json:"version"`
	Namespace string            `json:"namespace"`
	Source    string            `json:"source"`
	Alert     v1alpha1.AlertKey `json:"alert"`
	Heard     lifecycle.Heard   `json:"heard"`
}

func encode(key store.Key, heard lifecycle.Heard) ([]byte, error) {
	value, err := json.Marshal(envelope{formatVersion, key.Source.Namespace, key.Source.Name, key.Alert, heard})
	if err != nil {
		return nil, fmt.Errorf("encode the signal: %w", err)
	}
	return value, nil
}

// decode reads an entry. An error is errVersion if another process may know how to read it.
func decode(value []byte) (key store.Key, heard lifecycle.Heard, err error) {
	var format struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(value, &format); err != nil {
		return store.Key{}, lifecycle.Heard{}, fmt.Errorf("decode a signal: %w", err)
	}
	if format.Version != 0 && format.Version != formatVersion {
		return store.Key{}, lifecycle.Heard{}, fmt.Errorf("version %d: %w", format.Version, errVersion)
	}
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
	if panics.Catch(b.log, "inbox restore", func() { b.restore(sequence, value) }) != nil {
		// It stays on disk, and the next process tries.
		setAside.WithLabelValues(asideRefused).Inc()
	}
}

func (b *Inbox) restore(sequence uint64, value []byte) {
	key, _, err := decode(value)
	if errors.Is(err, errVersion) {
		b.leave(sequence, err)
		return
	}
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
	q.append(&letter{sequence: sequence, spooled: true, restored: true})
	if b.started {
		b.lineUp(q)
	}
}

// leave leaves an entry on disk that this process cannot read, for one that can. Nothing waits for it.
func (b *Inbox) leave(sequence uint64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sequence = max(b.sequence, sequence)
	setAside.WithLabelValues(asideVersion).Inc()
	b.log.Info("An entry of the spool stays there for a version of the operator that can read it", "reason", err.Error())
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
		for _, letters := range [][]*letter{q.batch, q.waiting, q.aside} {
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
	b.forgetWritten()
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
		b.logAside()
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	left := 0
	for _, q := range b.queues {
		left += len(q.batch) + len(q.waiting) + len(q.aside)
	}
	return fmt.Errorf("drain the inbox: %d signals are not recorded, of which %d are in memory alone: %w", left, b.pending, ctx.Err())
}

// logAside logs how many signals stay on disk, refused each by itself.
func (b *Inbox) logAside() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, q := range b.queues {
		if len(q.aside) > 0 {
			b.log.Info("Signals that were refused stay in the spool",
				"source", q.key.Source, "alertKey", q.key.Alert, "count", len(q.aside))
		}
	}
}

// drained is closed when nothing waits but what is set aside.
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
	for _, q := range b.queues {
		if len(q.batch)+len(q.waiting) > 0 {
			return
		}
	}
	for _, drained := range b.drains {
		close(drained)
	}
	b.drains = nil
}
