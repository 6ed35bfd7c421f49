package loop

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ChangeFinalizer adds a finalizer to an object or takes it off, as controllerutil does, if that changes anything. The list is
// replaced as a whole: the lock keeps those that others put there meanwhile.
func ChangeFinalizer(
	ctx context.Context, c client.Client, object client.Object, finalizer string, change func(client.Object, string) (changed bool),
) error {
	before, isObject := object.DeepCopyObject().(client.Object)
	if !isObject || !change(object, finalizer) {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := c.Patch(ctx, object, patch); err != nil {
		return fmt.Errorf("patch finalizers: %w", err)
	}
	return nil
}
