package store

import (
	"context"
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	// indexAlert is the name of the index of Incidents by their alert key, a few of which share each value.
	indexAlert = "itoc360.io/alert-bucket"
	// alertBuckets is how many values it has: with 100,000 Incidents six share each.
	alertBuckets = 1 << 14
)

// AddIndex registers the index that a cache finds an alert's Incidents by. It also makes the cache of a follower hold them.
func AddIndex(ctx context.Context, indexer client.FieldIndexer) error {
	err := indexer.IndexField(ctx, &v1alpha1.Incident{}, indexAlert, func(object client.Object) []string {
		return []string{bucketOf(object.(*v1alpha1.Incident).Spec.AlertKey)}
	})
	if err != nil {
		return fmt.Errorf("index Incidents by alert: %w", err)
	}
	return nil
}

func bucketOf(key v1alpha1.AlertKey) string { return strconv.Itoa(key.Bucket(alertBuckets)) }

// latestCached is the latest Incident of an alert key in a cache that has the index, or its stub; nil if there is none. It is not copied
// out of the cache: nobody may change it.
func latestCached(
	ctx context.Context, cached client.Reader, source types.NamespacedName, key v1alpha1.AlertKey,
) (*v1alpha1.Incident, error) {
	return list(ctx, cached, source, key, client.MatchingFields{indexAlert: bucketOf(key)}, client.UnsafeDisableDeepCopy)
}

// latestLive is the latest Incident of an alert key as the API server lists it, nil if there is none.
func latestLive(
	ctx context.Context, live client.Reader, source types.NamespacedName, key v1alpha1.AlertKey,
) (*v1alpha1.Incident, error) {
	return list(ctx, live, source, key, client.MatchingLabels{v1alpha1.LabelSource: source.Name, v1alpha1.LabelAlert: key.Label()})
}

func list(
	ctx context.Context, from client.Reader, source types.NamespacedName, key v1alpha1.AlertKey, options ...client.ListOption,
) (*v1alpha1.Incident, error) {
	var listed v1alpha1.IncidentList
	if err := from.List(ctx, &listed, append(options, client.InNamespace(source.Namespace))...); err != nil {
		return nil, fmt.Errorf("list Incidents of %s: %w", key, err)
	}
	var found *v1alpha1.Incident
	for i := range listed.Items {
		spec := &listed.Items[i].Spec
		if spec.SourceRef.Name == source.Name && spec.AlertKey == key && (found == nil || spec.Number > found.Spec.Number) {
			found = &listed.Items[i]
		}
	}
	return found, nil
}
