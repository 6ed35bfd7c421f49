package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// incidents lists those of a source by their alert keys.
func (w *world) incidents(ctx context.Context) (map[v1alpha1.AlertKey]*v1alpha1.Incident, error) {
	found := map[v1alpha1.AlertKey]*v1alpha1.Incident{}
	var list v1alpha1.IncidentList
	for {
		err := w.client.List(ctx, &list, client.InNamespace(namespace), client.Limit(2000), client.Continue(list.Continue),
			client.MatchingLabels{v1alpha1.LabelSource: sourceName})
		if err != nil {
			return nil, fmt.Errorf("list Incidents: %w", err)
		}
		for i := range list.Items {
			if list.Items[i].Spec.SourceRef.Name == sourceName {
				found[list.Items[i].Spec.AlertKey] = list.Items[i].DeepCopy()
			}
		}
		if list.Continue == "" {
			return found, nil
		}
	}
}

// allThere tells, at little cost, whether there can be an Incident of each issue. To look at all of them takes from what is
// measured.
func (w *world) allThere(ctx context.Context) error {
	list := metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("IncidentList"))
	if err := w.client.List(ctx, &list, client.InNamespace(namespace), client.Limit(1)); err != nil {
		return fmt.Errorf("count Incidents: %w", err)
	}
	found := len(list.Items) + int(ptr.Deref(list.RemainingItemCount, 0))
	if want := len(w.taken) + w.copied; found < want {
		return fmt.Errorf("there are %d Incidents of %d", found, want)
	}
	return nil
}

func (w *world) get(ctx context.Context, issue int) (*v1alpha1.Incident, error) {
	incident := &v1alpha1.Incident{}
	name := types.NamespacedName{
		Namespace: namespace, Name: v1alpha1.IncidentName(sourceName, v1alpha1.IssueKey(issueID(issue)), 1),
	}
	return incident, w.client.Get(ctx, name, incident)
}

// leastPause is how long eventually waits between two looks, unless they take long: the machine is for what is measured.
const leastPause = 200 * time.Millisecond

func eventually(ctx context.Context, patience time.Duration, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		began := time.Now()
		held, err := holds()
		if held {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(errors.New("gave up waiting"), err)
		case <-time.After(max(leastPause, 2*time.Since(began))):
		}
	}
}
