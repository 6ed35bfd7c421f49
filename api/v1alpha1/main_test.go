package v1alpha1_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// control is the control plane that all tests of this package share; each has a namespace of its own. A run of those
// that need none starts none.
var control struct {
	sync.Once
	*controlplane.ControlPlane
	err error
}

func cluster(t testing.TB) *controlplane.ControlPlane {
	t.Helper()
	control.Do(start)
	testbed.Must(t, control.err)
	return control.ControlPlane
}

// start takes no test's context, for the control plane outlives the test that needs it first.
func start() {
	control.ControlPlane, control.err = controlplane.Start(context.Background(), controlplane.Options{})
}

func TestMain(m *testing.M) {
	ctrl.SetLogger(klog.Background())
	code := m.Run()
	if control.ControlPlane != nil {
		if err := control.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// kubectl runs kubectl as an administrator and returns what it printed.
func kubectl(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := cluster(t).Kubectl(t.Context(), arguments...)
	testbed.Must(t, err)
	return output
}
