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

// plainNamespace has what plain clients create.
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

// plainCopy is an Incident like another one, in the plain clients' namespace.
func plainCopy(like *v1alpha1.Incident, name string) *v1alpha1.Incident {
	return &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: plainNamespace, Name: name, Labels: like.Labels, OwnerReferences: like.OwnerReferences,
		},
		Spec: *like.Spec.DeepCopy(),
	}
}

// plainCreates creates Incidents as the operator does, without it.
func plainCreates(ctx context.Context, c client.Client, like *v1alpha1.Incident, during time.Duration) (aSecond float64, err error) {
	run := time.Now().UnixNano()
	return plainly(ctx, during, func(ctx context.Context, number int) error {
		if err := c.Create(ctx, plainCopy(like, fmt.Sprintf("plain-%d-%d", run, number))); err != nil {
			return fmt.Errorf("plain create: %w", err)
		}
		return nil
	})
}

// plainUpdates updates so many Incidents, each by one client at a time, as often as it can.
func plainUpdates(
	ctx context.Context, c client.Client, like *v1alpha1.Incident, count int, during time.Duration,
) (aSecond float64, err error) {
	incidents := make([]*v1alpha1.Incident, count)
	for i := range incidents {
		incidents[i] = plainCopy(like, fmt.Sprintf("updated-%d", i))
		if err := c.Create(ctx, incidents[i]); err != nil {
			return 0, fmt.Errorf("plain create: %w", err)
		}
	}
	locks := make([]sync.Mutex, count)
	return plainly(ctx, during, func(ctx context.Context, number int) error {
		i := number % count
		locks[i].Lock()
		defer locks[i].Unlock()
		incidents[i].Spec.SignalCount++
		if err := c.Update(ctx, incidents[i]); err != nil {
			return fmt.Errorf("plain update: %w", err)
		}
		return nil
	})
}

// plainlyAt creates so many Incidents a second, whether or not those before are done, and tells how long each took.
func plainlyAt(ctx context.Context, c client.Client, like *v1alpha1.Incident, rate int, during time.Duration) (posts, error) {
	run := time.Now().UnixNano()
	all := make([]post, rate*int(during.Seconds()))
	errs := make([]error, len(all))
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	var creating sync.WaitGroup
	began := time.Now()
	for number := range all {
		select {
		case <-ctx.Done():
			creating.Wait()
			return posts{}, ctx.Err()
		case <-ticker.C:
		}
		creating.Go(func() {
			all[number].at = time.Now()
			errs[number] = c.Create(ctx, plainCopy(like, fmt.Sprintf("paced-%d-%d", run, number)))
			all[number].took = time.Since(all[number].at)
		})
	}
	creating.Wait()
	return posts{all, time.Since(began)}, errors.Join(errs...)
}
