package term

import (
	"os"
	"testing"

	"github.com/itoc360/itoc360-operator/hack/testbed"
)

var control testbed.ControlPlane

func TestMain(m *testing.M) { os.Exit(control.Run(m)) }
