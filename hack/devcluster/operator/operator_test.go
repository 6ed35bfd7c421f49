package operator

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/itoc360/itoc360-operator/hack/devcluster/process"
)

func TestAnOperatorThatEndsAtOnceIsNotWaitedFor(t *testing.T) {
	child, err := process.Start(process.Command{
		Path: "/bin/sh", Args: []string{"-c", "echo no such flag; exit 2"}, Log: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	o := &Operator{Process: child, probes: "127.0.0.1:1"}
	if err := o.waitReady(t.Context()); err == nil || !strings.Contains(err.Error(), "no such flag") {
		t.Errorf("error: %v", err)
	}
	if err := o.Stop(0); err != nil {
		t.Errorf("stop: %v", err)
	}
}
