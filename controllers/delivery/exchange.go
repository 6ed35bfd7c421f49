package delivery

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
)

const (
	// writeTimeout bounds one exchange with the API server.
	writeTimeout = 5 * time.Second
	// retryPause is the pause after an exchange with the API server that failed.
	retryPause = 200 * time.Millisecond
	// atOnce is the shortest delay.
	atOnce = time.Millisecond
)

// readAfter reads an Incident after a write that failed, until it succeeds; nil if the Incident is gone or the context ends.
func (d *Dispatcher) readAfter(ctx context.Context, err error, name types.NamespacedName) (incident *v1alpha1.Incident) {
	for err != nil {
		pause := d.afterError(ctx, err, "Could not record what became of a message")
		if pause == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		incident, err = d.read(ctx, name, d.APIReader)
	}
	return incident
}

// afterError is when to try again after an exchange with the API server that failed.
func (d *Dispatcher) afterError(ctx context.Context, err error, what string) (again time.Duration) {
	switch {
	case apierrors.IsNotFound(err):
		return 0
	case apierrors.IsConflict(err):
		return atOnce
	default:
		log.FromContext(ctx).Error(err, what)
		return retryPause
	}
}

func (d *Dispatcher) read(ctx context.Context, name types.NamespacedName, from client.Reader) (*v1alpha1.Incident, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	incident := &v1alpha1.Incident{}
	if err := from.Get(ctx, name, incident); err != nil {
		return nil, fmt.Errorf("get incident: %w", err)
	}
	return incident, nil
}

// write patches the status of an Incident, provided that it is still the one that was read, and gives what is there then.
func (d *Dispatcher) write(ctx context.Context, before, incident *v1alpha1.Incident) (*v1alpha1.Incident, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return loop.PatchStatus(ctx, d.Client, before, incident)
}
