package store

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/panics"
	"github.com/itoc360/itoc360-operator/webhook/sources"
)

// Rescuer keeps what was recorded for a source that had, a moment before, been deleted and made again: as long as its
// watch has not told of that, a replica makes the former source the owner of new Incidents, and the garbage collector
// takes them for orphans. As soon as the new source is known, they are given to it, or made again. What is still being
// recorded then, its own recording looks after: see Store.rescueFrom.
type Rescuer struct {
	// Directory tells of new sources.
	Directory *sources.Directory
	// Store is what recorded.
	Store *Store
	// Log tells what could not be rescued.
	Log logr.Logger
}

// Start looks after each source that is new, until the context ends.
func (r *Rescuer) Start(ctx context.Context) error {
	changes := r.Directory.Subscribe(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case change := <-changes:
			source := r.Directory.ByName(client.ObjectKeyFromObject(change.Object))
			if source == nil {
				continue
			}
			err := panics.CatchError(r.Log.WithValues("source", source.Name), "rescue", func() error { return r.Store.Rescue(ctx, source) })
			if err != nil {
				r.Log.Error(err, "Could not rescue Incidents of a source that was made again", "source", source.Name)
			}
		}
	}
}

// Rescue makes a source the owner of the unresolved Incidents that this process recorded in the last seconds for an
// earlier source of its name.
func (s *Store) Rescue(ctx context.Context, source *sources.Source) error {
	for _, key := range s.view.recent.Keys() {
		if key, ok := key.(Key); ok && key.Source == source.Name {
			if err := s.rescue(ctx, source, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// rescueFrom looks after what was just recorded for a source. If another one of its name has become known meanwhile, the
// rescuer may have looked before this was remembered.
func (s *Store) rescueFrom(ctx context.Context, former *sources.Source, key v1alpha1.AlertKey) error {
	now := s.named.ByName(former.Name)
	if now == nil || now.Object.UID == former.Object.UID {
		return nil
	}
	return s.rescue(ctx, now, Key{former.Name, key})
}

// rescue gives a source the Incident of an alert key that this process recorded in the last seconds, if it is another's.
func (s *Store) rescue(ctx context.Context, source *sources.Source, key Key) error {
	remembered, ok := s.view.recent.Get(key)
	if !ok {
		return nil
	}
	incident := remembered.(*v1alpha1.Incident)
	if isOwned(incident, source.Object) || !isOpen(&incident.Spec, s.clock.Now()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, rescueTimeout)
	defer cancel()
	delay := retries()
	for {
		rescued, err := s.reown(ctx, source, key, incident)
		if err == nil {
			s.view.remember(key.Source, key.Alert, rescued)
			return nil
		}
		if !isRetryable(err) || !pause(ctx, delay()) {
			return fmt.Errorf("rescue Incident %s/%s: %w", incident.Namespace, incident.Name, err)
		}
	}
}

// reown gives an Incident to a source: as it is now or, where the garbage collector was faster, as it was.
func (s *Store) reown(ctx context.Context, source *sources.Source, key Key, incident *v1alpha1.Incident) (*v1alpha1.Incident, error) {
	now, err := s.view.get(ctx, key.Source, key.Alert, incident.Spec.Number)
	switch {
	case err != nil:
		return nil, err
	case now == nil:
		made, err := s.writer.create(ctx, &incident.Spec, source.Object)
		if apierrors.IsAlreadyExists(err) {
			err = errStale
		}
		return made, err
	case isOwned(now, source.Object):
		return now, nil
	default:
		return s.adopt(ctx, now, source.Object)
	}
}

// adopt gives an Incident to a source, unless that is being deleted and the cache has not heard of it: the Incident may just have been
// orphaned, and would go with the source. So the source is read live, after the Incident.
func (s *Store) adopt(ctx context.Context, incident *v1alpha1.Incident, source *v1alpha1.AlertSource) (*v1alpha1.Incident, error) {
	if isThere, err := s.view.isThere(ctx, source); err != nil || !isThere {
		return incident, err
	}
	return s.writer.adopt(ctx, incident, source)
}
