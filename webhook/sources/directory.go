package sources

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/panics"
)

// Directory knows the sources of this replica: which token is whose, and each source's client secrets. It watches
// exactly the Secrets that sources refer to, and publishes what it knows as an immutable snapshot.
type Directory struct {
	// Log takes what the operator itself did wrong. Default: nothing is logged.
	Log logr.Logger

	cache   cache.Cache
	client  kubernetes.Interface
	clock   clock.PassiveClock
	watches *secretWatches
	dirty   chan struct{}

	current atomic.Pointer[snapshot]
	ready   atomic.Bool
	// awaited are the sources that were there at the start and are not read yet; nil before the start.
	awaited map[types.NamespacedName]bool

	subscribersLock sync.Mutex
	subscribers     map[*subscriber]bool

	rereadsLock sync.Mutex
	rereads     map[types.NamespacedName]reread
}

// snapshot is what is known at one time.
type snapshot struct {
	byName  map[types.NamespacedName]*Source
	byToken map[digest][]*Source
}

// NewDirectory makes a Directory of the AlertSources in a cache. The client reads Secrets.
func NewDirectory(cache cache.Cache, client kubernetes.Interface, clock clock.PassiveClock) *Directory {
	d := &Directory{
		cache:       cache,
		client:      client,
		clock:       clock,
		dirty:       make(chan struct{}, 1),
		subscribers: map[*subscriber]bool{},
		rereads:     map[types.NamespacedName]reread{},
	}
	d.watches = newSecretWatches(client, d.changed)
	d.current.Store(&snapshot{})
	return d
}

// Start keeps the snapshot current until the context ends.
func (d *Directory) Start(ctx context.Context) error {
	informer, err := d.cache.GetInformer(ctx, &v1alpha1.AlertSource{})
	if err != nil {
		return fmt.Errorf("watch AlertSources: %w", err)
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { d.changed() },
		UpdateFunc: func(any, any) { d.changed() },
		DeleteFunc: func(any) { d.changed() },
	})
	if err != nil {
		return fmt.Errorf("watch AlertSources: %w", err)
	}
	defer func() { _ = informer.RemoveEventHandler(registration) }()
	// Whoever starts again begins with watches of its own.
	defer d.watches.keep(ctx, nil)
	d.changed()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.dirty:
			err := panics.CatchError(d.Log, "source directory", func() error { return d.rebuild(ctx) })
			if panics.Is(err) {
				time.AfterFunc(rebuildPause, d.changed)
				continue
			}
			if err != nil {
				return err
			}
		}
	}
}

// rebuildPause is the pause after a snapshot that could not be made because the operator panicked.
const rebuildPause = time.Second

// changed asks for a new snapshot.
func (d *Directory) changed() {
	select {
	case d.dirty <- struct{}{}:
	default:
	}
}

func (d *Directory) rebuild(ctx context.Context) error {
	var list v1alpha1.AlertSourceList
	if err := d.cache.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list AlertSources: %w", err)
	}
	names := map[types.NamespacedName]bool{}
	for i := range list.Items {
		for _, name := range secretNames(&list.Items[i]) {
			names[name] = true
		}
	}
	d.watches.keep(ctx, names)
	next := d.gather(list.Items)
	last := d.current.Swap(next)
	d.await(next)
	d.publish(last, next)
	return nil
}

// await makes the directory ready once each source that was there at the start was read. Those that come later do not
// count: where sources come and go all the time, a replica would never be ready.
func (d *Directory) await(next *snapshot) {
	if d.awaited == nil {
		d.awaited = map[types.NamespacedName]bool{}
		for name := range next.byName {
			d.awaited[name] = true
		}
	}
	for name := range d.awaited {
		if source := next.byName[name]; source == nil || !source.unread {
			delete(d.awaited, name)
		}
	}
	if len(d.awaited) == 0 {
		d.ready.Store(true)
	}
}

// gather makes a snapshot.
func (d *Directory) gather(objects []v1alpha1.AlertSource) *snapshot {
	next := &snapshot{byName: map[types.NamespacedName]*Source{}, byToken: map[digest][]*Source{}}
	for i := range objects {
		source := d.gatherOne(&objects[i])
		next.byName[source.Name] = source
		for _, token := range source.tokens {
			next.byToken[token] = append(next.byToken[token], source)
		}
	}
	for _, sources := range next.byToken {
		slices.SortFunc(sources, older)
	}
	return next
}

// gatherOne makes a source of its object. If that panics, the source takes webhooks as before, has that for a problem, and is made again.
func (d *Directory) gatherOne(object *v1alpha1.AlertSource) (source *Source) {
	name := client.ObjectKeyFromObject(object)
	err := panics.Catch(d.Log.WithValues("source", name), "source", func() { source = Gather(object, d.watches.read) })
	if err == nil {
		return source
	}
	time.AfterFunc(rebuildPause, d.changed)
	source = &Source{Object: object, Name: name}
	if known := d.ByName(name); known != nil {
		*source = *known
	}
	source.problems = []string{err.Error()}
	return source
}

// older sorts the source that was there first to the front: it gets the deliveries of a token that two have.
func older(a, b *Source) int {
	return cmp.Or(
		a.Object.CreationTimestamp.Compare(b.Object.CreationTimestamp.Time),
		cmp.Compare(a.Name.String(), b.Name.String()),
	)
}

// Ready tells whether the Secrets of each source that was there at the start were read once on this replica. An API
// server that goes away later does not make it unready.
func (d *Directory) Ready() bool { return d.ready.Load() }

// ByToken is the source whose token this is, nil if it is nobody's.
func (d *Directory) ByToken(token string) *Source {
	if sources := d.current.Load().byToken[digestOf([]byte(token))]; len(sources) > 0 {
		return sources[0]
	}
	return nil
}

// ByName is the source of a name, nil if there is none.
func (d *Directory) ByName(name types.NamespacedName) *Source {
	return d.current.Load().byName[name]
}

// Problems are sentences about Secrets and keys that a source refers to and that are not there. It is not known until
// each of them was read once.
func (d *Directory) Problems(name types.NamespacedName) (problems []string, known bool) {
	source := d.ByName(name)
	if source == nil || source.unread {
		return nil, false
	}
	return source.problems, true
}

// SharedWith are the other sources that have one of a source's tokens, and whether deliveries go to this one first.
func (d *Directory) SharedWith(name types.NamespacedName) (others []types.NamespacedName, first bool) {
	source := d.ByName(name)
	if source == nil {
		return nil, true
	}
	first = true
	for _, token := range source.tokens {
		sources := d.current.Load().byToken[token]
		for i, other := range sources {
			if other.Name == name {
				first = first && i == 0
			} else if !slices.Contains(others, other.Name) {
				others = append(others, other.Name)
			}
		}
	}
	return others, first
}

// rereadInterval is how often a source's client secrets are read anew after a signature did not match.
const rereadInterval = 5 * time.Second

// reread is a source with its client secrets as the API server held them at a time; nil if they could not be read.
type reread struct {
	at    time.Time
	fresh *Source
}

// Reread is a source with its client secrets as the API server holds them, asked at most every 5 s: a rotated secret
// signs before its watch has told of it. It is nil if the secrets cannot be read.
func (d *Directory) Reread(ctx context.Context, source *Source) *Source {
	d.rereadsLock.Lock()
	defer d.rereadsLock.Unlock()
	now := d.clock.Now()
	if last := d.rereads[source.Name]; now.Sub(last.at) < rereadInterval {
		return last.fresh
	}
	fresh := Gather(source.Object, func(name types.NamespacedName) (*corev1.Secret, error) {
		secret, err := d.client.CoreV1().Secrets(name.Namespace).Get(ctx, name.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return secret, err
	})
	if fresh.unreadable {
		fresh = nil
	}
	d.rereads[source.Name] = reread{at: now, fresh: fresh}
	return fresh
}
