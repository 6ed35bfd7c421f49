package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"gomodules.xyz/jsonpatch/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/edit"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// FieldManager is the intake's name in managedFields.
const FieldManager = "itoc360-operator-intake"

// errStale is for a write that rests on an Incident as it no longer is.
var errStale = errors.New("the Incident has changed")

// Refusal says why a write would be refused again at once; empty if another try may help.
type Refusal string

// Why a write is refused.
const (
	// RefusedInvalid: what is to be written is at fault.
	RefusedInvalid Refusal = v1alpha1.ReasonInvalid
	// RefusedForbidden: a quota, missing rights, or a namespace that is being deleted.
	RefusedForbidden Refusal = v1alpha1.ReasonForbidden
	// RefusedForeign: an Incident of another alert has the name.
	RefusedForeign Refusal = v1alpha1.ReasonNameTaken
)

// RefusalOf returns why a write was refused; empty for any other error: the Incident has changed, or the API server is busy or away.
func RefusalOf(err error) Refusal {
	switch {
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return RefusedInvalid
	case apierrors.IsForbidden(err):
		return RefusedForbidden
	case errors.Is(err, errForeign):
		return RefusedForeign
	default:
		return ""
	}
}

func isRetryable(err error) bool { return RefusalOf(err) == "" }

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

// patch brings an Incident's spec to what Route decided, if its generation is still the one seen; status writes do not change
// that. Only what Route changed is touched: the rest is what responders, or newer versions, wrote.
func (w writer) patch(ctx context.Context, seen *v1alpha1.Incident, spec *v1alpha1.IncidentSpec) (*v1alpha1.Incident, error) {
	return w.apply(ctx, seen, edit.Test("/metadata/generation", seen.Generation), lifecycle.SpecEdits(&seen.Spec, spec))
}

// adopt makes a source the owner of an Incident that an earlier source of its name owned, or nobody does. The generation does not
// cover labels and owners, so nothing at all may have been written meanwhile.
func (w writer) adopt(ctx context.Context, seen *v1alpha1.Incident, source *v1alpha1.AlertSource) (*v1alpha1.Incident, error) {
	var operations []jsonpatch.Operation
	if len(seen.Labels) == 0 {
		operations = append(operations, edit.Add("/metadata/labels", map[string]string{}))
	}
	labels := labelsOf(source, seen.Spec.AlertKey)
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		operations = append(operations, edit.Add("/metadata/labels/"+edit.Key(name), labels[name]))
	}
	if len(seen.OwnerReferences) == 0 {
		operations = append(operations, edit.Add("/metadata/ownerReferences", []metav1.OwnerReference{}))
	}
	owner := source.OwnerReference()
	for place, known := range slices.Backward(seen.OwnerReferences) {
		switch {
		case v1alpha1.IsSourceNamed(known, source.Name):
			operations = append(operations, edit.Remove("/metadata/ownerReferences/"+strconv.Itoa(place)))
		case ptr.Deref(known.Controller, false):
			// An object has one controller at most.
			owner.Controller = nil
		}
	}
	operations = append(operations, edit.Add("/metadata/ownerReferences/-", owner))
	return w.apply(ctx, seen, edit.Test("/metadata/resourceVersion", seen.ResourceVersion), operations)
}

func (w writer) apply(
	ctx context.Context, seen *v1alpha1.Incident, lock jsonpatch.Operation, operations []jsonpatch.Operation,
) (*v1alpha1.Incident, error) {
	patch, err := edit.Encode(append([]jsonpatch.Operation{edit.Test("/metadata/uid", seen.UID), lock}, operations...))
	if err != nil {
		return nil, err
	}
	incident := &v1alpha1.Incident{ObjectMeta: metav1.ObjectMeta{Name: seen.Name, Namespace: seen.Namespace}}
	err = w.client.Patch(ctx, incident, client.RawPatch(types.JSONPatchType, patch), client.FieldOwner(FieldManager))
	if apierrors.IsNotFound(err) || edit.IsFailedTest(err) {
		err = fmt.Errorf("patch Incident %s/%s: %w", seen.Namespace, seen.Name, errStale)
	}
	return incident, counted("patch", err)
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
	return slices.ContainsFunc(incident.OwnerReferences, func(owner metav1.OwnerReference) bool { return owner.UID == source.UID })
}
