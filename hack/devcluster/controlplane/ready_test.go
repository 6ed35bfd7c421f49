package controlplane

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/itoc360/itoc360-operator/hack/devcluster/process"
)

func TestAPortThatSomebodyElseTookIsReasonToTryAgain(t *testing.T) {
	for name, start := range map[string]func(c *ControlPlane, taken string) error{
		"by anybody, before etcd": func(c *ControlPlane, taken string) error {
			c.etcdAddress = taken
			return c.startEtcd(t.Context())
		},
		"by another etcd": func(c *ControlPlane, _ string) error {
			c.etcdAddress = shared.etcdAddress
			if err := c.startEtcd(t.Context()); err != nil {
				return err
			}
			<-c.etcd.Done()
			return c.checkEtcd(t.Context())
		},
		"before the API server": func(c *ControlPlane, taken string) error {
			c.etcdAddress, c.address = shared.etcdAddress, taken
			return c.startAPIServer(t.Context())
		},
	} {
		t.Run(name, func(t *testing.T) {
			occupied, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer occupied.Close()
			c := &ControlPlane{}
			t.Cleanup(func() { _ = c.Stop() })
			if err := c.prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := start(c, occupied.Addr().String()); !errors.Is(err, errPortTaken) {
				t.Errorf("error: %v", err)
			}
		})
	}
}

func TestAProcessThatEndsIsNotWaitedForAndItsLogIsInTheError(t *testing.T) {
	child, err := process.Start(process.Command{
		Path: "/bin/sh", Args: []string{"-c", "echo unknown flag; exit 1"}, Log: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	err = WaitUntil(t.Context(), child, func(context.Context) bool { return false })
	if err == nil || errors.Is(err, errPortTaken) || !strings.Contains(err.Error(), "unknown flag") {
		t.Errorf("error: %v", err)
	}
}
