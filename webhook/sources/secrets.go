package sources

import (
	"context"
	"errors"
	"maps"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	toolscache "k8s.io/client-go/tools/cache"
)

// errUnread is for a Secret of which the first list is not back yet.
var errUnread = errors.New("not read yet")

func isUnread(err error) bool { return errors.Is(err, errUnread) }

// secretWatches keeps exactly the Secrets that sources refer to, by an informer each. Users' Secrets bear no label of
// ours, so there is no selector that would find them together and nothing else.
type secretWatches struct {
	client  kubernetes.Interface
	changed func()

	mu      sync.Mutex
	watches map[types.NamespacedName]*secretWatch
}

type secretWatch struct {
	informer toolscache.SharedInformer
	stop     context.CancelFunc

	mu      sync.Mutex
	refusal error
}

func newSecretWatches(client kubernetes.Interface, changed func()) *secretWatches {
	return &secretWatches{client: client, changed: changed, watches: map[types.NamespacedName]*secretWatch{}}
}

// keep watches the Secrets named and no others, until the context ends.
func (w *secretWatches) keep(ctx context.Context, names map[types.NamespacedName]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, watch := range w.watches {
		if !names[name] {
			watch.stop()
			delete(w.watches, name)
		}
	}
	for name := range maps.Keys(names) {
		if w.watches[name] == nil {
			w.watches[name] = w.start(ctx, name)
		}
	}
}

func (w *secretWatches) start(ctx context.Context, name types.NamespacedName) *secretWatch {
	ctx, stop := context.WithCancel(ctx)
	selector := fields.OneTermEqualSelector("metadata.name", name.Name)
	list := toolscache.NewListWatchFromClient(w.client.CoreV1().RESTClient(), "secrets", name.Namespace, selector)
	watch := &secretWatch{informer: toolscache.NewSharedInformer(list, &corev1.Secret{}, 0), stop: stop}
	// These three fail only for an informer that runs already or has stopped.
	_ = watch.informer.SetTransform(withoutManagedFields)
	_ = watch.informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, reflector *toolscache.Reflector, err error) {
		watch.refuse(err)
		w.changed()
		toolscache.DefaultWatchErrorHandler(ctx, reflector, err)
	})
	_, _ = watch.informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { w.changed() },
		UpdateFunc: func(any, any) { w.changed() },
		DeleteFunc: func(any) { w.changed() },
	})
	go watch.informer.RunWithContext(ctx)
	go func() {
		// A Secret that is not there sends no event: tell that this much is known.
		if toolscache.WaitForCacheSync(ctx.Done(), watch.informer.HasSynced) {
			w.changed()
		}
	}()
	return watch
}

func withoutManagedFields(object any) (any, error) {
	if secret, ok := object.(*corev1.Secret); ok {
		secret.ManagedFields = nil
	}
	return object, nil
}

// refuse remembers that the API server does not let us read; that it cannot be reached says nothing.
func (w *secretWatch) refuse(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		w.refusal = err
	}
}

// read is a Secret as its informer holds it: nil and no error if there is none.
func (w *secretWatches) read(name types.NamespacedName) (*corev1.Secret, error) {
	w.mu.Lock()
	watch := w.watches[name]
	w.mu.Unlock()
	if watch == nil {
		return nil, errUnread
	}
	if !watch.informer.HasSynced() {
		watch.mu.Lock()
		defer watch.mu.Unlock()
		if watch.refusal != nil {
			return nil, watch.refusal
		}
		return nil, errUnread
	}
	object, exists, err := watch.informer.GetStore().GetByKey(name.String())
	if err != nil || !exists {
		return nil, err
	}
	return object.(*corev1.Secret), nil
}
