package controlplane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/itoc360/itoc360-operator/hack/devcluster/process"
)

// Options says what a control plane has besides etcd, the API server and this project's CRDs.
type Options struct {
	// GarbageCollector runs kube-controller-manager, for what belongs to others to be deleted with them, for namespaces
	// to end, and for aggregated ClusterRoles. Default: false, which starts faster.
	GarbageCollector bool
}

// ControlPlane is a running control plane.
type ControlPlane struct {
	// Config is that of an administrator, without a limit of requests. Copy it before changing it.
	Config *rest.Config

	root, folder         string
	etcdAddress, address string
	stop                 sync.Once
	stopped              error

	lock                       sync.Mutex
	etcd, apiServer, collector *process.Process
	proxies                    []*Proxy
}

// startAttempts is how often a control plane is started, if meanwhile somebody else takes the ports found for it.
const startAttempts = 3

// Start starts a control plane, from the binaries that KUBEBUILDER_ASSETS or "make control-plane" provides. It returns
// when everything is ready, and leaves nothing running when it fails. It must be stopped.
func Start(ctx context.Context, options Options) (*ControlPlane, error) {
	var err error
	for range startAttempts {
		c := &ControlPlane{}
		if err = c.start(ctx, options); err == nil {
			return c, nil
		}
		err = errors.Join(err, c.Stop())
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	return nil, fmt.Errorf("start control plane: %w", err)
}

func (c *ControlPlane) start(ctx context.Context, options Options) error {
	for _, step := range []func(context.Context) error{
		c.prepare, c.startEtcd, c.startAPIServer, c.checkEtcd, c.installCRDs,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if !options.GarbageCollector {
		return nil
	}
	// After the CRDs: what it finds later it begins to watch only half a minute later.
	return c.startControllerManager(ctx)
}

func (c *ControlPlane) startEtcd(ctx context.Context) (err error) {
	if c.etcd, err = c.run(etcdBinary, c.etcdArguments()); err != nil {
		return err
	}
	return WaitUntil(ctx, c.etcd, AnswersOK("http://"+c.etcdAddress+"/health"))
}

func (c *ControlPlane) startAPIServer(ctx context.Context) (err error) {
	if c.apiServer, err = c.run(apiServerBinary, c.apiServerArguments()); err != nil {
		return err
	}
	return WaitUntil(ctx, c.apiServer, c.isReady())
}

// checkEtcd makes sure that it was our etcd that answered: one that finds its port taken by another etcd takes a moment to
// end.
func (c *ControlPlane) checkEtcd(context.Context) error {
	select {
	case <-c.etcd.Done():
		return endedEarly(c.etcd)
	default:
		return nil
	}
}

func (c *ControlPlane) startControllerManager(ctx context.Context) (err error) {
	if c.collector, err = c.run(controllerManagerBinary, c.controllerManagerArguments()); err != nil {
		return err
	}
	return WaitUntil(ctx, c.collector, c.hasDefaultServiceAccount())
}

func (c *ControlPlane) installCRDs(context.Context) error {
	_, err := envtest.InstallCRDs(c.Config, envtest.CRDInstallOptions{
		Paths:              []string{filepath.Join(c.root, "config", "crd", "bases")},
		ErrorIfPathMissing: true,
		MaxTime:            startDeadline,
	})
	if err != nil {
		return fmt.Errorf("install CRDs: %w", err)
	}
	return nil
}

func (c *ControlPlane) run(binary string, arguments []string) (*process.Process, error) {
	path, err := binaryPath(c.root, binary)
	if err != nil {
		return nil, err
	}
	return process.Start(process.Command{Path: path, Args: arguments, Log: c.path(binary + ".log")})
}

// Folder is a temporary folder that is removed when the control plane stops.
func (c *ControlPlane) Folder() string { return c.folder }

func (c *ControlPlane) path(name string) string { return filepath.Join(c.folder, name) }

// Stop ends everything that Start started, a half-started or hanging control plane too, and removes its folder. Nothing
// of it is worth saving, so it is killed. Later calls do nothing.
func (c *ControlPlane) Stop() error {
	c.stop.Do(func() {
		c.lock.Lock()
		defer c.lock.Unlock()
		for _, proxy := range c.proxies {
			c.stopped = errors.Join(c.stopped, proxy.Close())
		}
		for _, child := range []*process.Process{c.collector, c.apiServer, c.etcd} {
			if child != nil {
				c.stopped = errors.Join(c.stopped, child.Stop(0))
			}
		}
		if c.folder != "" {
			c.stopped = errors.Join(c.stopped, os.RemoveAll(c.folder))
		}
	})
	return c.stopped
}
