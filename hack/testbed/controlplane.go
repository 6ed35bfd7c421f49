package testbed

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
)

// ControlPlane is a control plane that the tests of a package share, each in a namespace of its own. The first test that
// needs it starts it: a run of those that need none, such as a fuzzing worker's, starts none.
type ControlPlane struct {
	// AddIndexes registers the indexes of caches that Lists of its Client may use; nil for none.
	AddIndexes func(context.Context, client.FieldIndexer) error

	once  sync.Once
	plane *controlplane.ControlPlane
	err   error

	connect sync.Once
	client  client.WithWatch
}

// Get is the running control plane.
func (c *ControlPlane) Get(t testing.TB) *controlplane.ControlPlane {
	t.Helper()
	c.once.Do(func() { c.plane, c.err = controlplane.Start(t.Context(), controlplane.Options{}) })
	Must(t, c.err)
	return c.plane
}

// Client reads and writes as an administrator, without a cache. Lists may use the indexes.
func (c *ControlPlane) Client(t testing.TB) client.WithWatch {
	t.Helper()
	c.connect.Do(func() {
		with := &indexed{NewClient(t, c.Get(t).Config), map[string]client.IndexerFunc{}}
		if c.AddIndexes != nil {
			Must(t, c.AddIndexes(t.Context(), with))
		}
		c.client = with
	})
	return c.client
}

// Run runs a package's tests, stops the control plane if one was started, and gives the exit code.
func (c *ControlPlane) Run(m *testing.M) int {
	ctrl.SetLogger(klog.Background())
	code := m.Run()
	if c.plane == nil {
		return code
	}
	if err := c.plane.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}
