package v1alpha1_test

import (
	"os"
	"testing"

	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

var control testbed.ControlPlane

func cluster(t testing.TB) *controlplane.ControlPlane {
	t.Helper()
	return control.Get(t)
}

func TestMain(m *testing.M) { os.Exit(control.Run(m)) }

// kubectl runs kubectl as an administrator and returns what it printed.
func kubectl(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := cluster(t).Kubectl(t.Context(), arguments...)
	testbed.Must(t, err)
	return output
}
