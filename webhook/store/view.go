package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

const (
	// indexAlert is the name of the index of Incidents by their alert key, a few of which share each value.
	indexAlert = "itoc360.io/alert-bucket"
	// alertBuckets is how many values it has: with 100,000 Incidents six share each.
	alertBuckets = 1 << 14
)

// errForeign is for an object that has an Incident's name and is another's.
var errForeign = errors.New("an Incident of another alert is in the way")

// AddIndexes registers the index that the intake looks Incidents up by. It also makes the cache of a follower hold them.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	err := indexer.IndexField(ctx, &v1alpha1.Incident{}, indexAlert, func(object client.Object) []string {
		return []string{bucketOf(object.(*v1alpha1.Incident).Spec.AlertKey)}
	})
	if err != nil {
		return fmt.Errorf("index Incidents by alert: %w", err)
	}
	return nil
}

func bucketOf(key v1alpha1.AlertKey) string { return strconv.Itoa(key.Bucket(alertBuckets)) }

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
	found, err := v.list(ctx, v.cached, source, key, client.MatchingFields{indexAlert: bucketOf(key)},
		client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list Incidents in the cache: %w", err)
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
		labels := client.MatchingLabels{v1alpha1.LabelSource: source.Name, v1alpha1.LabelAlert: key.Label()}
		if found, err = v.list(ctx, v.live, source, key, labels); err != nil {
			return nil, fmt.Errorf("list Incidents: %w", err)
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

// list is the latest Incident of an alert key among those that the options select, nil if there is none.
func (v view) list(
	ctx context.Context, from client.Reader, source types.NamespacedName, key v1alpha1.AlertKey, options ...client.ListOption,
) (*v1alpha1.Incident, error) {
	var list v1alpha1.IncidentList
	if err := from.List(ctx, &list, append(options, client.InNamespace(source.Namespace))...); err != nil {
		return nil, err
	}
	var found *v1alpha1.Incident
	for i := range list.Items {
		listed := &list.Items[i].Spec
		if listed.SourceRef.Name != source.Name || listed.AlertKey != key {
			continue
		}
		if found == nil || listed.Number > found.Spec.Number {
			found = &list.Items[i]
		}
	}
	return found, nil
}

func (v view) remember(source types.NamespacedName, key v1alpha1.AlertKey, written *v1alpha1.Incident) {
	v.recent.Add(Key{source, key}, written, recentMemory)
}

func (v view) forget(source types.NamespacedName, key v1alpha1.AlertKey) {
	v.recent.Remove(Key{source, key})
}
