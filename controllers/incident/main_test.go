package incident

import (
	"os"
	"testing"

	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

var control = testbed.ControlPlane{AddIndexes: loop.AddIndexes}

func TestMain(m *testing.M) { os.Exit(control.Run(m)) }
