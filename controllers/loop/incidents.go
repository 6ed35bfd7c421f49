package loop

import (
	"context"
	"fmt"
	"strconv"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

const (
	// indexUnsettled is the name of the index of the Incidents that are not settled, by the name of their source, and by anySource.
	indexUnsettled = "itoc360.io/unsettled"
	anySource      = "*"
	// indexChunk is the name of the index of all Incidents, by the name of their source and one of so many chunks. What a List returns
	// is copied once; of 100,000 Incidents at once that would be 70 MB.
	indexChunk = "itoc360.io/source-and-chunk"
	chunks     = 32
)

// AddIndexes registers the field indexes that the controllers look up by. It is called once, on the manager whose
// cache the controllers of every term use.
func AddIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for name, values := range map[string]func(*v1alpha1.Incident) []string{
		indexUnsettled: func(incident *v1alpha1.Incident) []string {
			if lifecycle.IsStub(incident) {
				return nil
			}
			return []string{incident.Spec.SourceRef.Name, anySource}
		},
		indexChunk: func(incident *v1alpha1.Incident) []string {
			return []string{chunkOf(incident.Spec.SourceRef.Name, incident.Spec.AlertKey.Bucket(chunks))}
		},
	} {
		err := indexer.IndexField(ctx, &v1alpha1.Incident{}, name, func(object client.Object) []string {
			return values(object.(*v1alpha1.Incident))
		})
		if err != nil {
			return fmt.Errorf("index incidents by %s: %w", name, err)
		}
	}
	return nil
}

// Incidents reads the Incidents of one source that are not settled. They are not copied out of the cache: nobody may change them.
func Incidents(ctx context.Context, reader client.Reader, source client.ObjectKey) ([]v1alpha1.Incident, error) {
	return list(ctx, reader, source.Namespace, indexUnsettled, source.Name)
}

// IncidentsIn reads the Incidents of a namespace that are not settled. They are not copied out of the cache: nobody may change them.
func IncidentsIn(ctx context.Context, reader client.Reader, namespace string) ([]v1alpha1.Incident, error) {
	return list(ctx, reader, namespace, indexUnsettled, anySource)
}

// Kept reads what retention must know of all Incidents of one source. Those of one alert are read at the same moment.
func Kept(ctx context.Context, reader client.Reader, source client.ObjectKey) ([]lifecycle.Kept, error) {
	var kept []lifecycle.Kept
	for number := range chunks {
		chunk, err := list(ctx, reader, source.Namespace, indexChunk, chunkOf(source.Name, number))
		if err != nil {
			return nil, err
		}
		for i := range chunk {
			kept = append(kept, lifecycle.KeptOf(&chunk[i]))
		}
	}
	return kept, nil
}

// Disputed are the alerts of one source whose newest Incident others than Sentry resolved, while Sentry does not say so.
func Disputed(ctx context.Context, reader client.Reader, source client.ObjectKey) ([]v1alpha1.AlertKey, error) {
	var disputed []v1alpha1.AlertKey
	for number := range chunks {
		chunk, err := list(ctx, reader, source.Namespace, indexChunk, chunkOf(source.Name, number))
		if err != nil {
			return nil, err
		}
		newest := map[v1alpha1.AlertKey]*v1alpha1.Incident{}
		for i := range chunk {
			one := &chunk[i].Spec
			if known := newest[one.AlertKey]; known == nil || known.Spec.Number < one.Number {
				newest[one.AlertKey] = &chunk[i]
			}
		}
		for key, incident := range newest {
			if lifecycle.IsDisputed(incident) {
				disputed = append(disputed, key)
			}
		}
	}
	return disputed, nil
}

func chunkOf(source string, number int) string { return source + "/" + strconv.Itoa(number) }

func list(ctx context.Context, reader client.Reader, namespace, index, value string) ([]v1alpha1.Incident, error) {
	var found v1alpha1.IncidentList
	err := reader.List(ctx, &found, client.InNamespace(namespace), client.MatchingFields{index: value}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list incidents in %s: %w", namespace, err)
	}
	return found.Items, nil
}

// IsUnresolved tells whether an Incident is not resolved, as far as its status knows.
func IsUnresolved(incident *v1alpha1.Incident) bool {
	return incident.Status.State != v1alpha1.StateResolved
}
