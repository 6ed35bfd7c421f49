package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/devcluster/process"
)

const (
	// readyDeadline is how long the operator may take until it is ready.
	readyDeadline = time.Minute
	// pollInterval is how often one looks whether what one waits for is there.
	pollInterval = 100 * time.Millisecond
	// stopGrace is how long the operator may take to finish.
	stopGrace = 20 * time.Second
	// operatorBinary is what "make build" makes.
	operatorBinary = "bin/itoc360-operator"
)

// operatorOptions says how the operator is run.
type operatorOptions struct {
	// intake is the address where it listens for webhooks.
	intake string
	// log is the file that gets what it logs.
	log string
}

// operator is the operator as a process on this machine.
type operator struct {
	*process.Process
	probes string
}

// startOperator runs the operator with a token of its own ServiceAccount, so that it can do what config/rbac allows it
// and nothing else, and returns when it is ready. An operator that did not get ready is returned along with the error.
func startOperator(ctx context.Context, plane *controlplane.ControlPlane, options operatorOptions) (*operator, error) {
	path, err := operatorPath()
	if err != nil {
		return nil, err
	}
	config, err := plane.ServiceAccount(ctx, systemNamespace, serviceAccount)
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(plane.Folder(), "operator.kubeconfig")
	if err := controlplane.WriteKubeconfig(kubeconfig, config); err != nil {
		return nil, err
	}
	o := &operator{}
	if o.probes, err = controlplane.FreeAddress(); err != nil {
		return nil, err
	}
	o.Process, err = process.Start(process.Command{
		Path: path,
		Args: []string{
			"--intake-bind-address=" + options.intake,
			"--external-url=" + externalURL(options.intake),
			"--health-probe-bind-address=" + o.probes,
			"--metrics-bind-address=127.0.0.1:0",
			"--leader-elect=false",
			// There is no load balancer that would have to notice first.
			"--shutdown-delay=0s",
		},
		Env: []string{"KUBECONFIG=" + kubeconfig, "POD_NAMESPACE=" + systemNamespace, "POD_NAME=dev"},
		Log: options.log,
	})
	if err != nil {
		return nil, err
	}
	err = o.waitReady(ctx)
	return o, err
}

func operatorPath() (string, error) {
	root, err := controlplane.Root()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, operatorBinary)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s is not there; run: make build", operatorBinary)
	}
	return path, nil
}

func (o *operator) waitReady(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, pollInterval, readyDeadline, true, func(ctx context.Context) (bool, error) {
		select {
		case <-o.Done():
			return false, o.Ended()
		default:
			return o.isReady(ctx), nil
		}
	})
	if wait.Interrupted(err) {
		return fmt.Errorf("wait for the operator to be ready: %w", err)
	}
	return err
}

func (o *operator) isReady(ctx context.Context) bool {
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

// stop lets the operator finish what it accepted. One that never started is no error, nor one that has ended.
func (o *operator) stop() error { return o.Stop(stopGrace) }
