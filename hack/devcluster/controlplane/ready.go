package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/itoc360/itoc360-operator/hack/devcluster/process"
)

const (
	// startDeadline is how long one process may take until it is ready; on a busy machine it is a matter of ten seconds.
	startDeadline = 2 * time.Minute
	// probeInterval is how often it is asked.
	probeInterval = 50 * time.Millisecond
	// probeTimeout is how long one answer may take.
	probeTimeout = 5 * time.Second
)

// errPortTaken is what a process ends with if somebody else took its port first.
var errPortTaken = errors.New("port taken by another process")

// Probe tells whether something is ready.
type Probe func(context.Context) bool

// WaitUntil returns when the probe succeeds, or with an error once the process ends or the deadline is over.
func WaitUntil(ctx context.Context, child *process.Process, ready Probe) error {
	err := wait.PollUntilContextTimeout(ctx, probeInterval, startDeadline, true, func(ctx context.Context) (bool, error) {
		select {
		case <-child.Done():
			return false, endedEarly(child)
		default:
		}
		ctx, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		return ready(ctx), nil
	})
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("wait for %s: %w", child.Name(), context.Cause(ctx))
	case wait.Interrupted(err):
		return fmt.Errorf("%s is not ready after %s; the last lines of its log:\n%s", child.Name(), startDeadline, child.Tail(15))
	default:
		return err
	}
}

func endedEarly(child *process.Process) error {
	err := child.Ended()
	if strings.Contains(err.Error(), "address already in use") {
		return fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return err
}

// AnswersOK is ready when a URL answers 200.
func AnswersOK(url string) Probe {
	return func(ctx context.Context) bool {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
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
}

// isReady asks the API server for more than its readiness, which says nothing of the namespaces made after it.
func (c *ControlPlane) isReady() Probe {
	return func(ctx context.Context) bool {
		return c.found(ctx, "/readyz") && c.found(ctx, "/api/v1/namespaces/default") &&
			c.found(ctx, "/api/v1/namespaces/kube-system")
	}
}

// hasDefaultServiceAccount is true once controllers have begun to work.
func (c *ControlPlane) hasDefaultServiceAccount() Probe {
	return func(ctx context.Context) bool {
		return c.found(ctx, "/api/v1/namespaces/default/serviceaccounts/default")
	}
}

func (c *ControlPlane) found(ctx context.Context, path string) bool {
	clients, err := kubernetes.NewForConfig(c.Config)
	return err == nil && clients.RESTClient().Get().AbsPath(path).Do(ctx).Error() == nil
}
