package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// plainNamespace has what plain clients create: the operator does not watch it.
const plainNamespace = "plain"

// plainConcurrency is how many plain clients write at once.
const plainConcurrency = 32

// plainly does something at full concurrency for a while, and tells how often a second.
func plainly(ctx context.Context, during time.Duration, do func(ctx context.Context, number int) error) (aSecond float64, err error) {
	timed, cancel := context.WithTimeout(ctx, during)
	defer cancel()
	var next, done atomic.Int64
	errs := make([]error, plainConcurrency)
	var writing sync.WaitGroup
	began := time.Now()
	for i := range plainConcurrency {
		writing.Go(func() {
			for timed.Err() == nil {
				if errs[i] = do(ctx, int(next.Add(1))-1); errs[i] != nil {
					return
				}
				done.Add(1)
			}
		})
	}
	writing.Wait()
	return float64(done.Load()) / time.Since(began).Seconds(), errors.Join(errs...)
}

// plainCreates creates Incidents as the operator does, without it.
func plainCreates(ctx context.Context, c client.Client, like *v1alpha1.Incident, during time.Duration) (aSecond float64, err error) {
	run := time.Now().UnixNano()
	return plainly(ctx, during, func(ctx context.Context, number int) error {
		incident := &v1alpha1.Incident{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: plainNamespace, Name: fmt.Sprintf("plain-%d-%d", run, number), Labels: like.Labels,
				OwnerReferences: like.OwnerReferences,
			},
			Spec: *like.Spec.DeepCopy(),
		}
		if err := c.Create(ctx, incident); err != nil {
			return fmt.Errorf("plain create: %w", err)
		}
		return nil
	})
}

// plainUpdates updates Incidents, each by one client at a time, as often as it can.
func plainUpdates(ctx context.Context, c client.Client, incidents []v1alpha1.Incident, during time.Duration) (aSecond float64, err error) {
	locks := make([]sync.Mutex, len(incidents))
	return plainly(ctx, during, func(ctx context.Context, number int) error {
		i := number % len(incidents)
		locks[i].Lock()
		defer locks[i].Unlock()
		incidents[i].Spec.SignalCount++
		if err := c.Update(ctx, &incidents[i]); err != nil {
			return fmt.Errorf("plain update: %w", err)
		}
		return nil
	})
}
