// Package operator runs the operator as a process on this machine, with a token of its own ServiceAccount, so that it can
// do what config/rbac allows it and nothing else.
package operator

import (
	"context"
	"path/filepath"

	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/devcluster/process"
)

// Namespace and ServiceAccount are those of config/default.
const (
	Namespace      = "itoc360-system"
	ServiceAccount = "itoc360-operator"
)

// Options say how the operator is run.
type Options struct {
	// Path of the binary.
	Path string
	// Replica is its name among the replicas.
	Replica string
	// Intake is the address where it listens for webhooks.
	Intake string
	// Log is the file that gets what it logs.
	Log string
	// Args are further flags.
	Args []string
	// Env is added to its environment, as KEY=value.
	Env []string
}

// Operator is a running one.
type Operator struct {
	*process.Process
	// IsReady asks the probe that a kubelet asks.
	IsReady controlplane.Probe
}

// Start runs the operator and returns when it is ready. One that did not get ready is returned along with the error.
func Start(ctx context.Context, plane *controlplane.ControlPlane, options Options) (*Operator, error) {
	config, err := plane.ServiceAccount(ctx, Namespace, ServiceAccount)
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(plane.Folder(), options.Replica+".kubeconfig")
	if err := controlplane.WriteKubeconfig(kubeconfig, config); err != nil {
		return nil, err
	}
	probes, err := controlplane.FreeAddress()
	if err != nil {
		return nil, err
	}
	o := &Operator{IsReady: controlplane.AnswersOK("http://" + probes + "/readyz")}
	o.Process, err = process.Start(process.Command{
		Path: options.Path,
		Args: append([]string{
			"--intake-bind-address=" + options.Intake,
			"--health-probe-bind-address=" + probes,
			"--metrics-bind-address=127.0.0.1:0",
		}, options.Args...),
		Env: append([]string{
			"KUBECONFIG=" + kubeconfig, "POD_NAMESPACE=" + Namespace, "POD_NAME=" + options.Replica,
		}, options.Env...),
		Log: options.Log,
	})
	if err != nil {
		return nil, err
	}
	err = controlplane.WaitUntil(ctx, o.Process, o.IsReady)
	return o, err
}
