package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"gomodules.xyz/jsonpatch/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// FieldManager is the intake's name in managedFields.
const FieldManager = "itoc360-operator-intake"

// errStale is for a write that rests on an Incident as it no longer is.
var errStale = errors.New("the Incident has changed")

// isRetryable tells whether another try can help: the Incident has changed, or the API server is busy or away. What it
// refuses as invalid or forbidden stays refused.
func isRetryable(err error) bool {
	return !apierrors.IsInvalid(err) && !apierrors.IsForbidden(err) && !apierrors.IsBadRequest(err) && !errors.Is(err, errForeign)
}

// writer writes Incidents, each write under a lock.
type writer struct {
	client client.Client
	// now is the API server's time, by which Incidents are recorded.
	now func() time.Time
}

// create makes a new Incident. Its name is the lock: there is one at most.
func (w writer) create(ctx context.Context, spec *v1alpha1.IncidentSpec, source *v1alpha1.AlertSource) (*v1alpha1.Incident, error) {
	incident := &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{
			Name:            v1alpha1.IncidentName(source.Name, spec.AlertKey, spec.Number),
			Namespace:       source.Namespace,
			Labels:          labelsOf(source, spec.AlertKey),
			OwnerReferences: []metav1.OwnerReference{source.OwnerReference()},
		},
		Spec: *spec,
	}
	incident.Spec.RecordedAt = ptr.To(metav1.NewTime(w.now().UTC().Truncate(time.Second)))
	err := w.client.Create(ctx, incident, client.FieldOwner(FieldManager))
	return incident, counted("create", err)
}

// patch replaces an Incident's spec if its generation is still the one seen; status writes do not change that.
func (w writer) patch(ctx context.Context, seen *v1alpha1.Incident, spec *v1alpha1.IncidentSpec) (*v1alpha1.Incident, error) {
	return w.apply(ctx, seen,
		jsonpatch.NewOperation("test", "/metadata/generation", seen.Generation),
		jsonpatch.NewOperation("replace", "/spec", spec))
}

// adopt makes a source the owner of an Incident that an earlier source of its name owned, or nobody does.
func (w writer) adopt(ctx context.Context, seen *v1alpha1.Incident, source *v1alpha1.AlertSource) (*v1alpha1.Incident, error) {
	labels := maps.Clone(seen.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, labelsOf(source, seen.Spec.AlertKey))
	return w.apply(ctx, seen,
		jsonpatch.NewOperation("test", "/metadata/generation", seen.Generation),
		jsonpatch.NewOperation("add", "/metadata/labels", labels),
		jsonpatch.NewOperation("add", "/metadata/ownerReferences", []metav1.OwnerReference{source.OwnerReference()}))
}

func (w writer) apply(ctx context.Context, seen *v1alpha1.Incident, operations ...jsonpatch.Operation) (*v1alpha1.Incident, error) {
	operations = append([]jsonpatch.Operation{jsonpatch.NewOperation("test", "/metadata/uid", seen.UID)}, operations...)
	patch, err := json.Marshal(operations)
	if err != nil {
		return nil, fmt.Errorf("encode the patch: %w", err)
	}
	incident := &v1alpha1.Incident{ObjectMeta: metav1.ObjectMeta{Name: seen.Name, Namespace: seen.Namespace}}
	err = w.client.Patch(ctx, incident, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(FieldManager))
	if apierrors.IsNotFound(err) || isFailedTest(err) {
		err = fmt.Errorf("patch Incident %s/%s: %w", seen.Namespace, seen.Name, errStale)
	}
	return incident, counted("patch", err)
}

// isFailedTest tells a failed test operation from a refusal by validation: both are 422, only the latter has causes.
func isFailedTest(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details == nil || len(details.Causes) == 0
}

func counted(verb string, err error) error {
	switch {
	case err == nil:
		writesTotal.WithLabelValues(verb, "written").Inc()
	case errors.Is(err, errStale), apierrors.IsAlreadyExists(err):
		writesTotal.WithLabelValues(verb, "stale").Inc()
	default:
		writesTotal.WithLabelValues(verb, "failed").Inc()
	}
	return err
}

func labelsOf(source *v1alpha1.AlertSource, key v1alpha1.AlertKey) map[string]string {
	return map[string]string{v1alpha1.LabelSource: source.Name, v1alpha1.LabelAlert: key.Label()}
}

// isLeftTo tells whether a source is to take over an Incident. A source that is being deleted is not: what it leaves behind
// on purpose (--cascade=orphan) would go with it. Nor is an Incident that is being deleted taken over.
func isLeftTo(source *v1alpha1.AlertSource, incident *v1alpha1.Incident) bool {
	return source.DeletionTimestamp.IsZero() && incident.DeletionTimestamp.IsZero() && !isOwned(incident, source)
}

func isOwned(incident *v1alpha1.Incident, source *v1alpha1.AlertSource) bool {
	owner := metav1.GetControllerOf(incident)
	return owner != nil && owner.UID == source.UID
}
