package controllers

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// startCache is a cache as the operator has it, of one namespace.
func startCache(t *testing.T, namespace string) cache.Cache {
	t.Helper()
	cached, err := cache.New(control.Get(t).Config, cache.Options{
		Scheme: testbed.Scheme(t), DefaultTransform: lifecycle.Transform,
		DefaultNamespaces: map[string]cache.Config{namespace: {}},
	})
	testbed.Must(t, err)
	testbed.Must(t, loop.AddIndexes(t.Context(), cached))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- cached.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		testbed.Must(t, <-ended)
	})
	if !cached.WaitForCacheSync(ctx) {
		t.Fatal("the cache does not get ready")
	}
	return cached
}

// settle writes the status of an Incident that is resolved, and of whose end nobody is to be told.
func settle(t *testing.T, incident *v1alpha1.Incident) {
	t.Helper()
	incident.Status = v1alpha1.IncidentStatus{
		ObservedGeneration: incident.Generation, State: v1alpha1.StateResolved,
		Cycles: []v1alpha1.Cycle{{
			OpenedAt: testbed.MicroAt(0), ResolvedAt: ptr.To(testbed.MicroAt(time.Minute)),
		}},
	}
	testbed.Must(t, control.Client(t).Status().Update(t.Context(), incident))
}

func TestRetentionKnowsEachIncidentAndTheOthersThoseThatAreNotSettled(t *testing.T) {
	live := control.Client(t)
	source := types.NamespacedName{Namespace: testbed.Namespace(t, live), Name: "payments"}
	neighbour := types.NamespacedName{Namespace: source.Namespace, Name: "checkout"}
	var all, open []string
	for number := range 60 {
		key := v1alpha1.IssueKey(strconv.Itoa(number))
		incident := testbed.NewIncident(source, key, 1, testbed.SignalAt(0, v1alpha1.SignalAlert, v1alpha1.EffectOpened))
		testbed.Must(t, live.Create(t.Context(), incident))
		all = append(all, incident.Name)
		if number%10 == 0 {
			open = append(open, incident.Name)
			continue
		}
		settle(t, incident)
	}
	other := testbed.NewIncident(neighbour, v1alpha1.IssueKey("1"), 1, testbed.SignalAt(0, v1alpha1.SignalAlert, v1alpha1.EffectOpened))
	testbed.Must(t, live.Create(t.Context(), other))
	cached := startCache(t, source.Namespace)
	// What settles while the cache watches is no longer among those that are not.
	last := &v1alpha1.Incident{}
	testbed.Must(t, live.Get(t.Context(), client.ObjectKey{Namespace: source.Namespace, Name: open[0]}, last))
	settle(t, last)
	open = open[1:]
	testbed.Eventually(t, "the cache knows those that are open", func(ctx context.Context) bool {
		found, err := loop.Incidents(ctx, cached, source)
		testbed.Must(t, err)
		return slices.Equal(namesOf(found), slices.Sorted(slices.Values(open)))
	})
	inAll, err := loop.IncidentsIn(t.Context(), cached, source.Namespace)
	testbed.Must(t, err)
	if want := append(slices.Clone(open), other.Name); !slices.Equal(namesOf(inAll), slices.Sorted(slices.Values(want))) {
		t.Errorf("the namespace has %q, want %q", namesOf(inAll), want)
	}
	kept, err := loop.Kept(t.Context(), cached, source)
	testbed.Must(t, err)
	var names []string
	for i := range kept {
		names = append(names, kept[i].Name.Name)
		if isOpen := slices.Contains(open, kept[i].Name.Name); isOpen != (kept[i].Resolved == nil) {
			t.Errorf("retention takes %s to be resolved at %v", kept[i].Name, kept[i].Resolved)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, slices.Sorted(slices.Values(all))) {
		t.Errorf("retention knows %q, want %q", names, all)
	}
}

func namesOf(incidents []v1alpha1.Incident) []string {
	var names []string
	for i := range incidents {
		names = append(names, incidents[i].Name)
	}
	slices.Sort(names)
	return names
}
