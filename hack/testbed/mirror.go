package testbed

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// Mirror is a client that reads Incidents as from a cache, by its indexes and with stubs, in which what it writes is at once: then a
// test need not wait for watches. All else it reads once, until it is told to forget that. It is for one namespace, whose Incidents nobody
// else writes.
type Mirror struct {
	client.Client

	indexes map[string]client.IndexerFunc

	mu     sync.Mutex
	known  map[string]*v1alpha1.Incident
	others map[string]client.Object
}

// NewMirror makes a Mirror of what is there.
func NewMirror(t testing.TB, live client.Client, namespace string, addIndexes ...func(context.Context, client.FieldIndexer) error) *Mirror {
	t.Helper()
	m := &Mirror{Client: live, indexes: map[string]client.IndexerFunc{}, known: map[string]*v1alpha1.Incident{}}
	m.Forget()
	for _, add := range addIndexes {
		Must(t, add(t.Context(), m))
	}
	var list v1alpha1.IncidentList
	Must(t, live.List(t.Context(), &list, client.InNamespace(namespace)))
	for i := range list.Items {
		m.keep(&list.Items[i])
	}
	return m
}

// IndexField implements client.FieldIndexer.
func (m *Mirror) IndexField(_ context.Context, _ client.Object, field string, values client.IndexerFunc) error {
	m.indexes[field] = values
	return nil
}

// Incidents are all of them, whole ones and stubs.
func (m *Mirror) Incidents() []*v1alpha1.Incident {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []*v1alpha1.Incident
	for _, incident := range m.known {
		all = append(all, incident)
	}
	return all
}

func (m *Mirror) keep(incident *v1alpha1.Incident) {
	kept, _ := lifecycle.Transform(incident.DeepCopy())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known[incident.Name] = kept.(*v1alpha1.Incident)
}

// note takes note of a write.
func (m *Mirror) note(object client.Object, err error) error {
	if incident, ok := object.(*v1alpha1.Incident); ok && err == nil {
		m.keep(incident)
	}
	return err
}

// Get implements client.Reader.
func (m *Mirror) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	into, ok := object.(*v1alpha1.Incident)
	if !ok {
		return m.getOther(ctx, key, object, options...)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[key.Name] == nil {
		return apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("incidents").GroupResource(), key.Name)
	}
	m.known[key.Name].DeepCopyInto(into)
	return nil
}

// Forget makes it read anew what is no Incident.
func (m *Mirror) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.others = map[string]client.Object{}
}

// getOther reads what is no Incident.
func (m *Mirror) getOther(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	name := fmt.Sprintf("%T %s", object, key)
	m.mu.Lock()
	known := m.others[name]
	m.mu.Unlock()
	if known != nil {
		reflect.ValueOf(object).Elem().Set(reflect.ValueOf(known.DeepCopyObject()).Elem())
		return nil
	}
	if err := m.Client.Get(ctx, key, object, options...); err != nil {
		return err
	}
	kept, isObject := object.DeepCopyObject().(client.Object)
	m.mu.Lock()
	defer m.mu.Unlock()
	if isObject {
		m.others[name] = kept
	}
	return nil
}

// List implements client.Reader.
func (m *Mirror) List(ctx context.Context, list client.ObjectList, given ...client.ListOption) error {
	into, ok := list.(*v1alpha1.IncidentList)
	if !ok {
		return m.Client.List(ctx, list, given...)
	}
	var options client.ListOptions
	options.ApplyOptions(given)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, incident := range m.known {
		if options.FieldSelector != nil {
			wanted := options.FieldSelector.Requirements()[0]
			if !slices.Contains(m.indexes[wanted.Field](incident), wanted.Value) {
				continue
			}
		}
		into.Items = append(into.Items, *incident)
	}
	return nil
}

// Create implements client.Writer.
func (m *Mirror) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	return m.note(object, m.Client.Create(ctx, object, options...))
}

// Update implements client.Writer.
func (m *Mirror) Update(ctx context.Context, object client.Object, options ...client.UpdateOption) error {
	return m.note(object, m.Client.Update(ctx, object, options...))
}

// Patch implements client.Writer.
func (m *Mirror) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	return m.note(object, m.Client.Patch(ctx, object, patch, options...))
}

// Delete implements client.Writer.
func (m *Mirror) Delete(ctx context.Context, object client.Object, options ...client.DeleteOption) error {
	err := m.Client.Delete(ctx, object, options...)
	if err == nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.known, object.GetName())
	}
	return err
}

// Status implements client.StatusClient.
func (m *Mirror) Status() client.SubResourceWriter { return mirroredStatus{m.Client.Status(), m} }

type mirroredStatus struct {
	client.SubResourceWriter
	mirror *Mirror
}

// Apply implements client.SubResourceWriter.
func (s mirroredStatus) Apply(
	ctx context.Context, object runtime.ApplyConfiguration, options ...client.SubResourceApplyOption,
) error {
	defer s.mirror.Forget()
	return s.SubResourceWriter.Apply(ctx, object, options...)
}

// Patch implements client.SubResourceWriter.
func (s mirroredStatus) Patch(
	ctx context.Context, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption,
) error {
	return s.mirror.note(object, s.SubResourceWriter.Patch(ctx, object, patch, options...))
}
