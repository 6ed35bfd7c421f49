package channel

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// Health is what the sends tell of the channels: whether the last one was turned away as unauthorized.
type Health struct {
	mu     sync.Mutex
	known  map[types.NamespacedName]string
	wakers map[int]func(types.NamespacedName)
	next   int
}

// Sent notes that a channel's target took a message.
func (h *Health) Sent(channel types.NamespacedName) { h.note(channel, "") }

// Failed notes that a channel's target turned a message away. What else is to be mended the controller sees for itself, and
// all the rest passes.
func (h *Health) Failed(channel types.NamespacedName, failure lifecycle.Failure) {
	switch {
	case failure.Reason == v1alpha1.ReasonUnauthorized:
		h.note(channel, failure.Message)
	case failure.Class == lifecycle.FailureUnauthorized:
		h.mu.Lock()
		defer h.mu.Unlock()
		h.wake(channel)
	}
}

func (h *Health) note(channel types.NamespacedName, trouble string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if was, known := h.known[channel]; known && was == trouble {
		return
	}
	if h.known == nil {
		h.known = map[types.NamespacedName]string{}
	}
	h.known[channel] = trouble
	h.wake(channel)
}

// wake needs the lock.
func (h *Health) wake(channel types.NamespacedName) {
	for _, wake := range h.wakers {
		wake(channel)
	}
}

// of is what is wrong with a channel, as its last send told; not known before the first.
func (h *Health) of(channel types.NamespacedName) (trouble string, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	trouble, known = h.known[channel]
	return trouble, known
}

// forget forgets what was told of a channel.
func (h *Health) forget(channel types.NamespacedName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.known, channel)
}

// Start wakes a channel's controller whenever its health changes, until the context ends.
func (h *Health) Start(ctx context.Context, queue loop.Requests) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wakers == nil {
		h.wakers = map[int]func(types.NamespacedName){}
	}
	id := h.next
	h.next++
	h.wakers[id] = func(channel types.NamespacedName) { queue.Add(reconcile.Request{NamespacedName: channel}) }
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.wakers, id)
	})
	return nil
}
