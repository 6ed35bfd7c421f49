package loop

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
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

// Incidents reads the Incidents of one source that are not settled. They are not copied out of the cache: nobody may change them.
func Incidents(ctx context.Context, reader client.Reader, source client.ObjectKey) ([]v1alpha1.Incident, error) {
	return IncidentsIn(ctx, reader, source.Namespace, client.MatchingFields{IndexIncidentSource: source.Name})
}

// IncidentsIn reads the Incidents of a namespace that are not settled, which the cache knows as stubs. They are not copied out
// of the cache: nobody may change them.
func IncidentsIn(
	ctx context.Context, reader client.Reader, namespace string, options ...client.ListOption,
) ([]v1alpha1.Incident, error) {
	all, err := list(ctx, reader, namespace, options...)
	return slices.DeleteFunc(all, func(incident v1alpha1.Incident) bool { return lifecycle.IsStub(&incident) }), err
}

// Kept reads what retention must know of all Incidents of one source.
func Kept(ctx context.Context, reader client.Reader, source client.ObjectKey) ([]lifecycle.Kept, error) {
	all, err := list(ctx, reader, source.Namespace, client.MatchingFields{IndexIncidentSource: source.Name})
	kept := make([]lifecycle.Kept, len(all))
	for i := range all {
		kept[i] = lifecycle.KeptOf(&all[i])
	}
	return kept, err
}

func list(ctx context.Context, reader client.Reader, namespace string, options ...client.ListOption) ([]v1alpha1.Incident, error) {
	var found v1alpha1.IncidentList
	if err := reader.List(ctx, &found, append(options, client.InNamespace(namespace), client.UnsafeDisableDeepCopy)...); err != nil {
		return nil, fmt.Errorf("list incidents in %s: %w", namespace, err)
	}
	return found.Items, nil
}

// IsUnresolved tells whether an Incident is not resolved, as far as its status knows.
func IsUnresolved(incident *v1alpha1.Incident) bool {
	return incident.Status.State != v1alpha1.StateResolved
}
