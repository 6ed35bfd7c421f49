package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/devcluster/operator"
)

const (
	// operatorBinary is what "make build" makes.
	operatorBinary = "bin/itoc360-operator"
	// stopGrace is how long the operator may take to finish what it accepted.
	stopGrace = 20 * time.Second
)

// cluster is a control plane with the operator on it.
type cluster struct {
	*controlplane.ControlPlane
	operator *operator.Operator
}

// startCluster starts everything, with an operator that listens at an address and logs into a file, and further flags of
// its own; what it started is stopped by stop, whether or not there is an error.
func startCluster(ctx context.Context, out *terminal, intake, log string, flags ...string) (*cluster, error) {
	c := &cluster{}
	path, err := operatorPath()
	if err != nil {
		return c, err
	}
	out.progress("Starting etcd, kube-apiserver and kube-controller-manager (about 15 seconds)")
	plane, err := controlplane.Start(ctx, controlplane.Options{GarbageCollector: true})
	if err != nil {
		return c, err
	}
	c.ControlPlane = plane
	out.progress("Applying the namespace %s, config/rbac and config/policy", operator.Namespace)
	if err := plane.InstallAccess(ctx); err != nil {
		return c, err
	}
	out.progress("Starting the operator under its ServiceAccount %s/%s", operator.Namespace, operator.ServiceAccount)
	c.operator, err = operator.Start(ctx, plane, operator.Options{
		Path: path, Replica: "dev", Intake: intake, Log: log,
		// There is no load balancer that would have to notice first.
		Args: append([]string{"--external-url=" + externalURL(intake), "--leader-elect=false", "--shutdown-delay=0s"}, flags...),
	})
	return c, err
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

// stop ends everything, the operator first and in order.
func (c *cluster) stop() error {
	var err error
	if c.operator != nil {
		err = c.operator.Stop(stopGrace)
	}
	if c.ControlPlane != nil {
		err = errors.Join(err, c.Stop())
	}
	return err
}

// client reads and writes the API server directly, without a cache.
func (c *cluster) client() (client.Client, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("make scheme: %w", err)
	}
	reader, err := client.New(c.Config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	return reader, nil
}
