package store

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// errForeign is for an object that has an Incident's name and is another's.
var errForeign = errors.New("an Incident of another alert is in the way")

// view finds the latest Incident of an alert key.
type view struct {
	cached client.Reader
	live   client.Reader
	// recent has what this process wrote in the last seconds, which the cache may not have yet.
	recent *cache.LRUExpireCache
}

// recall is the latest Incident as this process remembers it, nil if it knows of none. It may be old, and must not be changed. Of
// one that is settled a process knows no more than a stub, and asks.
func (v view) recall(ctx context.Context, source types.NamespacedName, key v1alpha1.AlertKey) (*v1alpha1.Incident, error) {
	found, err := v.remembered(ctx, source, key)
	if err != nil || found == nil || !lifecycle.IsStub(found) {
		return found, err
	}
	return v.ask(ctx, source, key, found.Spec.Number)
}

// remembered is the latest Incident, or its stub, as this process remembers it, nil if it knows of none. It asks nobody.
func (v view) remembered(ctx context.Context, source types.NamespacedName, key v1alpha1.AlertKey) (*v1alpha1.Incident, error) {
	found, err := latestCached(ctx, v.cached, source, key)
	if err != nil {
		return nil, fmt.Errorf("look into the cache: %w", err)
	}
	if remembered, ok := v.recent.Get(Key{source, key}); ok {
		return newer(remembered.(*v1alpha1.Incident), found), nil
	}
	return found, nil
}

// newer is the one of two that can only have come after the other.
func newer(recent, cached *v1alpha1.Incident) *v1alpha1.Incident {
	switch {
	case cached == nil, recent.Spec.Number > cached.Spec.Number:
		return recent
	case recent.UID == cached.UID && recent.Generation > cached.Generation:
		return recent
	default:
		return cached
	}
}

// ask is the latest Incident as the API server holds it, nil if there is none. Numbers have no gap, so it goes up from
// a number that is known; only if that one is gone, it lists.
func (v view) ask(ctx context.Context, source types.NamespacedName, key v1alpha1.AlertKey, from int32) (*v1alpha1.Incident, error) {
	found, err := v.get(ctx, source, key, from)
	if err != nil {
		return nil, err
	}
	if found == nil {
		if found, err = latestLive(ctx, v.live, source, key); err != nil {
			return nil, fmt.Errorf("ask the API server: %w", err)
		}
	}
	for found != nil {
		next, err := v.get(ctx, source, key, found.Spec.Number+1)
		if err != nil {
			return nil, err
		}
		if next == nil {
			break
		}
		found = next
	}
	return found, nil
}

// get is a numbered Incident as the API server holds it, nil if there is none.
func (v view) get(ctx context.Context, source types.NamespacedName, key v1alpha1.AlertKey, number int32) (*v1alpha1.Incident, error) {
	var incident v1alpha1.Incident
	name := types.NamespacedName{Namespace: source.Namespace, Name: v1alpha1.IncidentName(source.Name, key, number)}
	err := v.live.Get(ctx, name, &incident)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get Incident %s: %w", name, err)
	case incident.Spec.SourceRef.Name != source.Name || incident.Spec.AlertKey != key:
		return nil, fmt.Errorf("%s: %w", name, errForeign)
	}
	return &incident, nil
}

// isThere asks the API server whether a source is there, and not being deleted.
func (v view) isThere(ctx context.Context, source *v1alpha1.AlertSource) (bool, error) {
	var live v1alpha1.AlertSource
	err := v.live.Get(ctx, client.ObjectKeyFromObject(source), &live)
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("get source %s/%s: %w", source.Namespace, source.Name, err)
	}
	return live.UID == source.UID && live.DeletionTimestamp.IsZero(), nil
}

func (v view) remember(source types.NamespacedName, key v1alpha1.AlertKey, written *v1alpha1.Incident) {
	v.recent.Add(Key{source, key}, written, recentMemory)
}

func (v view) forget(source types.NamespacedName, key v1alpha1.AlertKey) {
	v.recent.Remove(Key{source, key})
}
