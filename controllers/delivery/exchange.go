package delivery

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
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
	patch, err := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}).Data(incident)
	if err != nil {
		return nil, fmt.Errorf("encode the patch: %w", err)
	}
	// A new object: what the answer leaves out would otherwise stay.
	written := &v1alpha1.Incident{ObjectMeta: metav1.ObjectMeta{Namespace: incident.Namespace, Name: incident.Name}}
	if err := d.Client.Status().Patch(ctx, written, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return nil, fmt.Errorf("patch status: %w", err)
	}
	return written, nil
}
