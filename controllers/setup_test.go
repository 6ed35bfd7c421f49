package controllers

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestTheControllersWorkInEachTerm(t *testing.T) {
	directory := &fakeDirectory{changed: make(chan event.TypedGenericEvent[*v1alpha1.AlertSource])}
	office := newOffice(t, true, func(mgr ctrl.Manager) error {
		return Setup(mgr, Options{Directory: directory, Silence: &fakeSilence{}, ExternalURL: "https://alerts.example.com"})
	})
	source := client.ObjectKey{Namespace: newNamespace(t), Name: "payments"}
	secret := client.ObjectKey{Namespace: source.Namespace, Name: "payments-webhook"}
	incidents := newIncidentTest(t, source)
	must(t, live.Create(t.Context(), newSource(source, nil)))
	for number := int32(1); number <= 2; number++ {
		incident := incidents.createFor(v1alpha1.IssueKey("42"), number, opened(0))
		eventually(t, "the Incident has its status", func(ctx context.Context) bool {
			return live.Get(ctx, client.ObjectKeyFromObject(incident), incident) == nil && len(incident.Status.Cycles) == 1
		})
		eventually(t, "the source is ready and counts", func(ctx context.Context) bool {
			got := &v1alpha1.AlertSource{}
			return live.Get(ctx, source, got) == nil && ptr.Deref(got.Status.OpenIncidents, 0) == number &&
				conditionOf(got.Status.Conditions, v1alpha1.ConditionReady).Status == metav1.ConditionTrue
		})
		must(t, live.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name}}))
		directory.changed <- event.TypedGenericEvent[*v1alpha1.AlertSource]{Object: newSource(source, nil)}
		eventually(t, "the Secret is made anew", func(ctx context.Context) bool {
			return live.Get(ctx, secret, &corev1.Secret{}) == nil
		})
		if number == 1 {
			office.steal()
		}
	}
	eventually(t, "the Events are there", func(ctx context.Context) bool {
		list := &corev1.EventList{}
		return live.List(ctx, list, client.InNamespace(source.Namespace)) == nil && len(list.Items) >= 3
	})
}

func TestAnIncidentsStandingWakesItsSource(t *testing.T) {
	open := &v1alpha1.Incident{}
	resolved := &v1alpha1.Incident{Status: v1alpha1.IncidentStatus{State: v1alpha1.StateResolved}}
	test := &v1alpha1.Incident{Spec: v1alpha1.IncidentSpec{Test: true}}
	for name, c := range map[string]struct {
		before, after client.Object
		want          bool
	}{
		"resolved":                {open, resolved, true},
		"reopened":                {resolved, open, true},
		"recognized as a test":    {open, test, true},
		"a status like before":    {open, open, false},
		"something quite another": {&corev1.Secret{}, open, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := changedStanding(c.before, c.after); got != c.want {
				t.Errorf("wakes its source: %t, want %t", got, c.want)
			}
		})
	}
}

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
	informer, err := borrowed.GetInformer(t.Context(), &v1alpha1.Incident{})
	must(t, err)
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
		must(t, err)
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
