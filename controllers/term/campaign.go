// Package term makes leadership a term inside the process: replicas campaign for the lease, the one that wins it builds
// the controllers anew, on the caches and the client of the manager around it, and losing the lease ends those
// controllers, never the process.
package term

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/itoc360/itoc360-operator/internal/panics"
)

// The customary times of a lease.
const (
	defaultLeaseDuration = 15 * time.Second
	defaultRenewDeadline = 10 * time.Second
	defaultRetryPeriod   = 2 * time.Second
)

// Campaign runs the controllers whenever this process is the leader. Losing the lease ends a term, never the process:
// the caches and the intake of the outer manager go on, and the next campaign begins.
type Campaign struct {
	// Outer is the manager whose caches and client the controllers use; it elects nobody itself.
	Outer manager.Manager
	// Setup registers the controllers with the manager of one term.
	Setup func(ctrl.Manager) error
	// LeaderElect is false where this process is the only one: then there is one term without end.
	LeaderElect bool
	// Namespace and LeaseName name the Lease.
	Namespace, LeaseName string
	// Identity tells this process from the other replicas.
	Identity string
	// LeaseDuration is how long others wait for a leader that no longer renews. Default: 15s.
	LeaseDuration time.Duration
	// RenewDeadline is how long the leader tries to renew before it ends its term; less than LeaseDuration, so that
	// its workers have the difference to stop. Default: 10s.
	RenewDeadline time.Duration
	// RetryPeriod lies between two tries. Default: 2s.
	RetryPeriod time.Duration
}

var (
	_ manager.Runnable               = (*Campaign)(nil)
	_ manager.LeaderElectionRunnable = (*Campaign)(nil)
)

// NeedLeaderElection is false: the campaign is what elects.
func (c *Campaign) NeedLeaderElection() bool { return false }

// Start campaigns until the context ends. A term that fails is logged and followed by another, after a pause.
func (c *Campaign) Start(ctx context.Context) error {
	logger := c.logger()
	ctx = klog.NewContext(ctx, logger)
	pause := firstPause()
	for ctx.Err() == nil {
		err := panics.CatchError(logger, "leadership", func() error { return c.serve(ctx) })
		if err == nil || ctx.Err() != nil {
			pause = firstPause()
			continue
		}
		logger.Error(err, "The controllers' term failed, another follows")
		pauseFor(ctx, pause.Step())
	}
	return nil
}

// firstPause is what a failed term is followed by; each further failure in a row doubles it, up to a minute.
func firstPause() *wait.Backoff {
	return &wait.Backoff{Duration: time.Second, Factor: 2, Jitter: 0.1, Steps: 10, Cap: time.Minute}
}

func pauseFor(ctx context.Context, pause time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
}

// serve is one term, with the campaign for it.
func (c *Campaign) serve(ctx context.Context) error {
	run := func(ctx context.Context) error {
		return panics.CatchError(c.logger(), "leadership", func() error { return runTerm(ctx, c.Outer, c.Setup) })
	}
	if !c.LeaderElect {
		return run(ctx)
	}
	lock, err := c.leaseLock()
	if err != nil {
		return err
	}
	office, resign := context.WithCancel(ctx)
	defer resign()
	term := &term{run: run, resign: resign}
	elector, err := leaderelection.NewLeaderElector(c.electionConfig(lock, term))
	if err != nil {
		return fmt.Errorf("prepare campaign: %w", err)
	}
	elector.Run(office)
	// Whatever ended the campaign: the term is over first, and only then is the lease given up.
	err = term.end()
	c.release(context.WithoutCancel(ctx), lock)
	return err
}

// leaseLock is the Lease, by a client of its own: its time-out is shorter than the time left for renewing, so that one
// request that hangs does not cost the office.
func (c *Campaign) leaseLock() (*resourcelock.LeaseLock, error) {
	config := rest.CopyConfig(c.Outer.GetConfig())
	config.Timeout = c.renewDeadline() / 2
	leases, err := coordinationv1.NewForConfig(rest.AddUserAgent(config, "leader-election"))
	if err != nil {
		return nil, fmt.Errorf("build client for leases: %w", err)
	}
	return &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: c.Namespace, Name: c.LeaseName},
		Client:     leases,
		LockConfig: resourcelock.ResourceLockConfig{Identity: c.Identity},
	}, nil
}

// electionConfig leaves ReleaseOnCancel off: the elector would release before it ends the term, and after a lost lease
// it would try to for so long that the next leader could begin before this one's term is over.
func (c *Campaign) electionConfig(lock resourcelock.Interface, term *term) leaderelection.LeaderElectionConfig {
	logger := c.logger()
	return leaderelection.LeaderElectionConfig{
		Name:          c.LeaseName,
		Lock:          lock,
		LeaseDuration: cmp.Or(c.LeaseDuration, defaultLeaseDuration),
		RenewDeadline: c.renewDeadline(),
		RetryPeriod:   cmp.Or(c.RetryPeriod, defaultRetryPeriod),
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(held context.Context) {
				logger.Info("Won the lease, the controllers' term begins", "identity", c.Identity)
				term.begin(held)
				logger.Info("The controllers' term is over", "identity", c.Identity)
			},
			OnStoppedLeading: func() { logger.Info("Holding the lease no longer", "identity", c.Identity) },
		},
	}
}

// release gives the lease up, if it is still held, so that another replica need not wait until it expires.
func (c *Campaign) release(ctx context.Context, lock resourcelock.Interface) {
	ctx, cancel := context.WithTimeout(ctx, c.renewDeadline()/2)
	defer cancel()
	record, _, err := lock.Get(ctx)
	if err != nil || record.HolderIdentity != lock.Identity() {
		return
	}
	record.HolderIdentity = ""
	record.LeaseDurationSeconds = 1
	if err := lock.Update(ctx, *record); err != nil {
		c.logger().Info("The lease could not be given up, it will expire", "reason", err.Error())
	}
}

func (c *Campaign) renewDeadline() time.Duration {
	return cmp.Or(c.RenewDeadline, defaultRenewDeadline)
}

func (c *Campaign) logger() logr.Logger {
	return c.Outer.GetLogger().WithName("leadership").WithValues("lease", klog.KRef(c.Namespace, c.LeaseName))
}
