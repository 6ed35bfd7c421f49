package testbed

import (
	"context"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Holder is who holds a lease; empty if nobody does.
func Holder(ctx context.Context, c client.Reader, name types.NamespacedName) string {
	lease := &coordinationv1.Lease{}
	if err := c.Get(ctx, name, lease); err != nil {
		return ""
	}
	return ptr.Deref(lease.Spec.HolderIdentity, "")
}

// StealLease gives a lease to somebody who never renews it.
func StealLease(t testing.TB, c client.Client, name types.NamespacedName) {
	t.Helper()
	Eventually(t, "steal the lease", func(ctx context.Context) bool {
		lease := &coordinationv1.Lease{}
		if err := c.Get(ctx, name, lease); err != nil {
			return false
		}
		lease.Spec.HolderIdentity, lease.Spec.LeaseDurationSeconds = ptr.To("thief"), ptr.To[int32](4)
		lease.Spec.RenewTime = ptr.To(metav1.NowMicro())
		return c.Update(ctx, lease) == nil
	})
}
