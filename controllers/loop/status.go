package loop

import (
	"context"
	"fmt"

	"gomodules.xyz/jsonpatch/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/edit"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// PatchStatus brings an Incident's status from what was read to what it is to be, and returns the Incident as it is then. It is a
// conflict if anything was written since the read. Only what differs is touched: the fields of newer versions survive, those of
// the ledger's entries included.
func PatchStatus(ctx context.Context, c client.Client, before, after *v1alpha1.Incident) (*v1alpha1.Incident, error) {
	operations := []jsonpatch.Operation{
		edit.Test("/metadata/uid", before.UID), edit.Test("/metadata/resourceVersion", before.ResourceVersion),
	}
	patch, err := edit.Encode(append(operations, lifecycle.StatusEdits(before.Status, after.Status)...))
	if err != nil {
		return nil, err
	}
	// A new object: what the answer leaves out would otherwise stay.
	written := &v1alpha1.Incident{ObjectMeta: metav1.ObjectMeta{Namespace: before.Namespace, Name: before.Name}}
	err = c.Status().Patch(ctx, written, client.RawPatch(types.JSONPatchType, patch))
	if edit.IsFailedTest(err) {
		err = apierrors.NewConflict(v1alpha1.GroupVersion.WithResource("incidents").GroupResource(), before.Name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("patch status: %w", err)
	}
	return written, nil
}
