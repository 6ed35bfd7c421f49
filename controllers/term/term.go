package term

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// termShutdown is how long a term waits for its workers. With the request that each of them may be in, it stays within
// the time between renew deadline and lease duration.
const termShutdown = 4 * time.Second

// term is one holding of the lease. It is begun by the elector, in a goroutine that may come late, and ended once.
type term struct {
	run    func(ctx context.Context) error
	resign func()

	mu     sync.Mutex
	ended  bool
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// begin runs the term until the lease is lost, it is ended, or it fails; after a failure somebody else may try.
func (t *term) begin(held context.Context) {
	ctx, ok := t.open(held)
	if !ok {
		return
	}
	t.err = t.run(ctx)
	close(t.done)
	t.resign()
}

func (t *term) open(held context.Context) (context.Context, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil, false
	}
	ctx, cancel := context.WithCancel(held)
	t.cancel, t.done = cancel, make(chan struct{})
	return ctx, true
}

// end ends the term, waits until its workers have returned, and keeps it from beginning if it has not begun.
func (t *term) end() error {
	t.mu.Lock()
	t.ended = true
	t.mu.Unlock()
	if t.done == nil {
		return nil
	}
	t.cancel()
	<-t.done
	return t.err
}

// runTerm runs the controllers, on a manager of their own that borrows cache and client of the outer one.
func runTerm(ctx context.Context, outer manager.Manager, setup func(ctrl.Manager) error) error {
	borrowed := &borrowedCache{Cache: outer.GetCache()}
	defer borrowed.release()
	inner, err := ctrl.NewManager(outer.GetConfig(), ctrl.Options{
		Scheme:                  outer.GetScheme(),
		Logger:                  outer.GetLogger(),
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress:  "0",
		PprofBindAddress:        "0",
		GracefulShutdownTimeout: ptr.To(termShutdown),
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) {
			return outer.GetRESTMapper(), nil
		},
		NewCache: func(*rest.Config, cache.Options) (cache.Cache, error) { return borrowed, nil },
		NewClient: func(*rest.Config, client.Options) (client.Client, error) {
			return outer.GetClient(), nil
		},
	})
	if err != nil {
		return fmt.Errorf("build manager of the term: %w", err)
	}
	if err := setup(inner); err != nil {
		return fmt.Errorf("set up controllers: %w", err)
	}
	if err := inner.Start(ctx); err != nil {
		return fmt.Errorf("run controllers: %w", err)
	}
	return nil
}
