package sources

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// sourceEvent says that a source is to be looked at again, and nothing more.
type sourceEvent = event.TypedGenericEvent[*v1alpha1.AlertSource]

// subscriber is one who wants to hear of changes. What it has not taken yet waits, each source once: one that does not
// read holds up neither the snapshot nor other subscribers.
type subscriber struct {
	events chan sourceEvent
	wake   chan struct{}

	mu      sync.Mutex
	waiting map[types.NamespacedName]*v1alpha1.AlertSource
}

// Subscribe tells of each source that is new or whose spec, Secrets, or sharing of a token, changed, until the context
// ends. The channel is never closed.
func (d *Directory) Subscribe(ctx context.Context) <-chan event.TypedGenericEvent[*v1alpha1.AlertSource] {
	s := &subscriber{
		events:  make(chan sourceEvent),
		wake:    make(chan struct{}, 1),
		waiting: map[types.NamespacedName]*v1alpha1.AlertSource{},
	}
	d.subscribersLock.Lock()
	defer d.subscribersLock.Unlock()
	d.subscribers[s] = true
	go func() {
		s.deliver(ctx)
		d.subscribersLock.Lock()
		defer d.subscribersLock.Unlock()
		delete(d.subscribers, s)
	}()
	return s.events
}

// publish tells all subscribers in what two snapshots differ.
func (d *Directory) publish(last, next *snapshot) {
	changed := map[types.NamespacedName]*v1alpha1.AlertSource{}
	for name, source := range next.byName {
		if last.looks(name) != next.looks(name) {
			changed[name] = source.Object
		}
	}
	if len(changed) == 0 {
		return
	}
	d.subscribersLock.Lock()
	defer d.subscribersLock.Unlock()
	for s := range d.subscribers {
		s.add(changed)
	}
}

// looks names all that an answer about a source rests on: which one it is, its spec, the versions of its Secrets, what is wrong with
// them, and who shares its tokens, in order.
func (s *snapshot) looks(name types.NamespacedName) string {
	source := s.byName[name]
	if source == nil {
		return ""
	}
	looks := fmt.Sprintf("%s %d %s %s", source.Object.UID, source.Object.Generation, source.secrets, source.problems)
	for _, token := range source.tokens {
		for _, sharing := range s.byToken[token] {
			looks += sharing.Name.String() + " "
		}
	}
	return looks
}

func (s *subscriber) add(changed map[types.NamespacedName]*v1alpha1.AlertSource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, source := range changed {
		s.waiting[name] = source
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take is a source that waits, nil if none does.
func (s *subscriber) take() *v1alpha1.AlertSource {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, source := range s.waiting {
		delete(s.waiting, name)
		return source
	}
	return nil
}

// deliver hands on what waits until the context ends.
func (s *subscriber) deliver(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		for source := s.take(); source != nil; source = s.take() {
			select {
			case <-ctx.Done():
				return
			case s.events <- sourceEvent{Object: source}:
			}
		}
	}
}
