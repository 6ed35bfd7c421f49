package loop

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// IndexIncidentSource finds Incidents by the name of their source. It is spelled as the API server's selectable field,
// so that the same List works with and without a cache.
const IndexIncidentSource = "spec.sourceRef.name"

// AddIndexes registers the field indexes that the controllers look up by. It is called once, on the manager whose
// cache the controllers of every term use.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	bySource := func(object client.Object) []string {
		incident, ok := object.(*v1alpha1.Incident)
		if !ok {
			return nil
		}
		return []string{incident.Spec.SourceRef.Name}
	}
	if err := indexer.IndexField(ctx, &v1alpha1.Incident{}, IndexIncidentSource, bySource); err != nil {
		return fmt.Errorf("index incidents by source: %w", err)
	}
	return nil
}

// Incidents reads the Incidents of one source. They are not copied out of the cache: nobody may change them.
func Incidents(ctx context.Context, reader client.Reader, source client.ObjectKey) ([]v1alpha1.Incident, error) {
	var list v1alpha1.IncidentList
	err := reader.List(ctx, &list, client.InNamespace(source.Namespace),
		client.MatchingFields{IndexIncidentSource: source.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list incidents of %s: %w", source, err)
	}
	return list.Items, nil
}

// IsUnresolved tells whether an Incident is not resolved, as far as its status knows.
func IsUnresolved(incident *v1alpha1.Incident) bool {
	return incident.Status.State != v1alpha1.StateResolved
}
