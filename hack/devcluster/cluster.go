package main

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
)

// What config/rbac makes, and as which the operator runs.
const (
	systemNamespace = "itoc360-system"
	serviceAccount  = "itoc360-operator"
)

// cluster is a control plane with the operator on it.
type cluster struct {
	*controlplane.ControlPlane
	operator *operator
}

// startCluster starts everything; what it started is stopped by stop, whether or not there is an error.
func startCluster(ctx context.Context, out *terminal, options operatorOptions) (*cluster, error) {
	c := &cluster{}
	out.progress("Starting etcd, kube-apiserver and kube-controller-manager (about 15 seconds)")
	plane, err := controlplane.Start(ctx, controlplane.Options{GarbageCollector: true})
	if err != nil {
		return c, err
	}
	c.ControlPlane = plane
	out.progress("Applying the namespace %s, config/rbac and config/policy", systemNamespace)
	if err := plane.InstallAccess(ctx); err != nil {
		return c, err
	}
	out.progress("Starting the operator under its ServiceAccount %s/%s", systemNamespace, serviceAccount)
	c.operator, err = startOperator(ctx, plane, options)
	return c, err
}

// stop ends everything, the operator first and in order.
func (c *cluster) stop() error {
	var err error
	if c.operator != nil {
		err = c.operator.stop()
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
