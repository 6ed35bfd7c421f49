package testbed

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"gomodules.xyz/jsonpatch/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/edit"
)

// FieldNewer is a field that a newer version of the operator has in each part of an Incident, after ExtendIncidents.
const FieldNewer = "newer"

// ExtendIncidents brings the CRD of Incidents up to date, as a rolling upgrade does while the replicas are still of this version: spec,
// issue, response, status, and the elements of signals, cycles and notifications get a field more.
func ExtendIncidents(t testing.TB, c client.Client) {
	t.Helper()
	crd := &unstructured.Unstructured{}
	crd.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	crd.SetName("incidents." + v1alpha1.GroupVersion.Group)
	const root = "/spec/versions/0/schema/openAPIV3Schema/properties/"
	var operations []jsonpatch.Operation
	for _, part := range []string{
		"spec", "spec/properties/issue", "spec/properties/response", "spec/properties/signals/items",
		"status", "status/properties/cycles/items", "status/properties/notifications/items",
	} {
		operations = append(operations, edit.Add(root+part+"/properties/"+FieldNewer, map[string]string{"type": "string"}))
	}
	patch, err := edit.Encode(operations)
	Must(t, err)
	Must(t, c.Patch(t.Context(), crd, client.RawPatch(types.JSONPatchType, patch)))
}

// RawIncident is an Incident as the API server holds it, the fields that this version does not know included.
func RawIncident(t testing.TB, c client.Client, name types.NamespacedName) *unstructured.Unstructured {
	t.Helper()
	raw := &unstructured.Unstructured{}
	raw.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Incident"))
	Must(t, c.Get(t.Context(), name, raw))
	return raw
}

// SetNewer sets the field that this version does not know in a part of an Incident, named by a JSON pointer, as soon as the API server
// keeps it.
func SetNewer(t testing.TB, c client.Client, name types.NamespacedName, subresource, pointer, value string) {
	t.Helper()
	patch, err := edit.Encode([]jsonpatch.Operation{edit.Add(pointer+"/"+FieldNewer, value), edit.Test(pointer+"/"+FieldNewer, value)})
	Must(t, err)
	Eventually(t, "the API server keeps "+pointer+"/"+FieldNewer, func(ctx context.Context) bool {
		raw := &unstructured.Unstructured{}
		raw.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Incident"))
		raw.SetNamespace(name.Namespace)
		raw.SetName(name.Name)
		var err error
		if subresource == "" {
			err = c.Patch(ctx, raw, client.RawPatch(types.JSONPatchType, patch))
		} else {
			err = c.SubResource(subresource).Patch(ctx, raw, client.RawPatch(types.JSONPatchType, patch))
		}
		Must(t, err)
		return Newer(raw, pointer) == value
	})
}

// Newer is that field in a part of an Incident; empty if it is not there.
func Newer(raw *unstructured.Unstructured, pointer string) string {
	var part any = raw.Object
	for _, name := range splitPointer(pointer) {
		switch known := part.(type) {
		case map[string]any:
			part = known[name]
		case []any:
			part = elementOf(known, name)
		}
	}
	object, _ := part.(map[string]any)
	value, _ := object[FieldNewer].(string)
	return value
}

func splitPointer(pointer string) []string {
	return strings.Split(strings.TrimPrefix(pointer, "/"), "/")
}

func elementOf(list []any, place string) any {
	if i, err := strconv.Atoi(place); err == nil && i < len(list) {
		return list[i]
	}
	return nil
}
