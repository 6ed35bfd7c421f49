package term

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// countingInformer counts its listeners.
type countingInformer struct {
	cache.Informer

	listeners int
}

func (i *countingInformer) AddEventHandler(toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	i.listeners++
	return nil, nil
}

func (i *countingInformer) AddEventHandlerWithResyncPeriod(
	handler toolscache.ResourceEventHandler, _ time.Duration,
) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.AddEventHandler(handler)
}

func (i *countingInformer) AddEventHandlerWithOptions(
	handler toolscache.ResourceEventHandler, _ toolscache.HandlerOptions,
) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.AddEventHandler(handler)
}

func (i *countingInformer) RemoveEventHandler(toolscache.ResourceEventHandlerRegistration) error {
	i.listeners--
	return nil
}

type countingCache struct {
	cache.Cache

	informer *countingInformer
}

func (c countingCache) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return c.informer, nil
}

func TestATermLeavesNoListenersBehind(t *testing.T) {
	counted := &countingInformer{}
	borrowed := &borrowedCache{Cache: countingCache{informer: counted}}
	informer, err := borrowed.GetInformer(t.Context(), &corev1.ConfigMap{})
	testbed.Must(t, err)
	listener := toolscache.ResourceEventHandlerFuncs{}
	for _, add := range []func() (toolscache.ResourceEventHandlerRegistration, error){
		func() (toolscache.ResourceEventHandlerRegistration, error) { return informer.AddEventHandler(listener) },
		func() (toolscache.ResourceEventHandlerRegistration, error) {
			return informer.AddEventHandlerWithResyncPeriod(listener, time.Hour)
		},
		func() (toolscache.ResourceEventHandlerRegistration, error) {
			return informer.AddEventHandlerWithOptions(listener, toolscache.HandlerOptions{})
		},
	} {
		_, err := add()
		testbed.Must(t, err)
	}
	if counted.listeners != 3 {
		t.Fatalf("%d listeners, want 3", counted.listeners)
	}
	borrowed.release()
	if counted.listeners != 0 {
		t.Errorf("%d listeners are left", counted.listeners)
	}
	if _, err := informer.AddEventHandler(listener); err == nil || counted.listeners != 0 {
		t.Errorf("a late listener gives %v and leaves %d", err, counted.listeners)
	}
}
