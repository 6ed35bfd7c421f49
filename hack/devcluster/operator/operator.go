// Package operator runs the operator as a process on this machine, with a token of its own ServiceAccount, so that it can
// do what config/rbac allows it and nothing else.
package operator

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/devcluster/process"
)

// Namespace and ServiceAccount are those of config/default.
const (
	Namespace      = "itoc360-system"
	ServiceAccount = "itoc360-operator"
)

const (
	// readyDeadline is how long the operator may take until it is ready.
	readyDeadline = time.Minute
	// pollInterval is how often one looks whether it is.
	pollInterval = 100 * time.Millisecond
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

	probes string
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
	o := &Operator{}
	if o.probes, err = controlplane.FreeAddress(); err != nil {
		return nil, err
	}
	o.Process, err = process.Start(process.Command{
		Path: options.Path,
		Args: append([]string{
			"--intake-bind-address=" + options.Intake,
			"--health-probe-bind-address=" + o.probes,
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
	err = o.waitReady(ctx)
	return o, err
}

func (o *Operator) waitReady(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, pollInterval, readyDeadline, true, func(ctx context.Context) (bool, error) {
		select {
		case <-o.Done():
			return false, o.Ended()
		default:
			return o.IsReady(ctx), nil
		}
	})
	if wait.Interrupted(err) {
		return fmt.Errorf("wait for the operator to be ready: %w", err)
	}
	return err
}

// IsReady asks the probe that a kubelet asks.
func (o *Operator) IsReady(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.probes+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}
