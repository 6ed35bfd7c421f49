package term

import (
	"context"
	"errors"
	"sync"
	"time"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// borrowedCache is the outer manager's cache for the manager of one term: started already, and not to be stopped. It
// remembers who listens to it, for a controller never stops listening by itself, and each term would leave its
// listeners behind.
type borrowedCache struct {
	cache.Cache

	mu       sync.Mutex
	released bool
	remove   []func() error
}

var _ cache.Cache = (*borrowedCache)(nil)

// Start only waits, as the cache runs already.
func (b *borrowedCache) Start(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// GetInformer is the outer cache's informer, with a memory for its listeners.
func (b *borrowedCache) GetInformer(ctx context.Context, object client.Object, options ...cache.InformerGetOption) (cache.Informer, error) {
	informer, err := b.Cache.GetInformer(ctx, object, options...)
	if err != nil {
		return nil, err
	}
	return &borrowedInformer{Informer: informer, cache: b}, nil
}

// release removes all listeners; those that come later are removed at once.
func (b *borrowedCache) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.released = true
	for _, remove := range b.remove {
		_ = remove() // fails only for an informer that is gone, and its listeners with it
	}
	b.remove = nil
}

func (b *borrowedCache) remember(informer cache.Informer, registration toolscache.ResourceEventHandlerRegistration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.released {
		return errors.Join(errTermOver, informer.RemoveEventHandler(registration))
	}
	b.remove = append(b.remove, func() error { return informer.RemoveEventHandler(registration) })
	return nil
}

var errTermOver = errors.New("the term is over")

// borrowedInformer is an informer whose listeners end with the term.
type borrowedInformer struct {
	cache.Informer

	cache *borrowedCache
}

// AddEventHandler adds a listener for the term.
func (i *borrowedInformer) AddEventHandler(handler toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.kept(i.Informer.AddEventHandler(handler))
}

// AddEventHandlerWithResyncPeriod adds a listener for the term.
func (i *borrowedInformer) AddEventHandlerWithResyncPeriod(
	handler toolscache.ResourceEventHandler, resyncPeriod time.Duration,
) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.kept(i.Informer.AddEventHandlerWithResyncPeriod(handler, resyncPeriod))
}

// AddEventHandlerWithOptions adds a listener for the term.
func (i *borrowedInformer) AddEventHandlerWithOptions(
	handler toolscache.ResourceEventHandler, options toolscache.HandlerOptions,
) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.kept(i.Informer.AddEventHandlerWithOptions(handler, options))
}

func (i *borrowedInformer) kept(
	registration toolscache.ResourceEventHandlerRegistration, err error,
) (toolscache.ResourceEventHandlerRegistration, error) {
	if err != nil {
		return nil, err
	}
	if err := i.cache.remember(i.Informer, registration); err != nil {
		return nil, err
	}
	return registration, nil
}
