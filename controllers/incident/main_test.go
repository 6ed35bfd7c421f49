package incident

import (
	"os"
	"testing"

	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/hack/testbed"
)

var control testbed.ControlPlane

// live reads and writes without a cache.
func live(t testing.TB) client.WithWatch {
	t.Helper()
	return control.Client(t)
}

func TestMain(m *testing.M) {
	ctrl.SetLogger(klog.Background())
	os.Exit(control.Run(m))
}
