package incident

import (
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

func keep(maxAge time.Duration, maxResolved int32) func(*v1alpha1.AlertSource) {
	return func(source *v1alpha1.AlertSource) {
		source.Spec.Incidents.Retention = v1alpha1.Retention{MaxAge: metav1.Duration{Duration: maxAge}, MaxResolved: ptr.To(maxResolved)}
	}
}

// retain runs the retention of a source at a time.
func (t *incidentTest) retain(now time.Duration) ctrl.Result {
	t.Helper()
	t.clock.SetTime(testbed.At(now))
	retention := &Retention{Client: control.Client(t), Clock: t.clock}
	result, err := retention.Reconcile(t.Context(), ctrl.Request{NamespacedName: t.source})
	testbed.Must(t.T, err)
	return result
}

// expectKept fails the test unless exactly these Incidents are left.
func (t *incidentTest) expectKept(names ...string) {
	t.Helper()
	incidents, err := loop.Incidents(t.Context(), control.Client(t), t.source)
	testbed.Must(t.T, err)
	var kept []string
	for _, incident := range incidents {
		kept = append(kept, incident.Name)
	}
	slices.Sort(kept)
	if !slices.Equal(kept, names) {
		t.Errorf("kept are %q, want %q", kept, names)
	}
}

func TestRetentionByAgeDeletesWhatWasResolvedLongEnoughAgo(t *testing.T) {
	test := newIncidents(t, keep(2*time.Hour, 1000))
	test.create(1, opened(0), resolved(time.Minute))
	test.create(2, opened(2*time.Minute), resolved(time.Hour))
	test.create(3, opened(2*time.Hour))
	test.reconcileAll()
	if result := test.retain(time.Hour); result.RequeueAfter != time.Hour+time.Minute {
		t.Errorf("what is due in 1h1m gives %+v", result)
	}
	test.expectKept("payments-42-1", "payments-42-2", "payments-42-3")
	if result := test.retain(2*time.Hour + time.Minute); result.RequeueAfter != 59*time.Minute {
		t.Errorf("what is due in 59m gives %+v", result)
	}
	test.expectKept("payments-42-2", "payments-42-3")
	if result := test.retain(100 * 24 * time.Hour); result != (ctrl.Result{}) {
		t.Errorf("when only an open one is left, it gives %+v", result)
	}
	test.expectKept("payments-42-3")
}

func TestRetentionByCountKeepsEachResolvedOneForAnHour(t *testing.T) {
	test := newIncidents(t, keep(1000*time.Hour, 1))
	test.create(1, opened(0), resolved(time.Minute))
	test.create(2, opened(2*time.Minute), resolved(3*time.Minute))
	test.createFor(v1alpha1.MetricKey("7"), 1, opened(0), resolved(5*time.Minute))
	test.reconcileAll()
	test.retain(time.Hour)
	test.expectKept("payments-42-1", "payments-42-2", "payments-m7-1")
	test.retain(time.Hour + 2*time.Minute)
	test.expectKept("payments-42-2", "payments-m7-1")
	test.retain(time.Hour + 10*time.Minute)
	test.expectKept("payments-m7-1")
}

func TestATestNotificationIsGoneAfterAnHour(t *testing.T) {
	test := newIncidents(t, keep(1000*time.Hour, 1000))
	incident := test.create(1, opened(0))
	test.update(incident, func(spec *v1alpha1.IncidentSpec) { spec.Test = true })
	test.reconcileAll()
	created := incident.CreationTimestamp.Sub(testbed.Start)
	if result := test.retain(created + 59*time.Minute); result.RequeueAfter != time.Minute {
		t.Errorf("a test of 59m gives %+v", result)
	}
	test.expectKept("payments-42-1")
	test.retain(created + time.Hour)
	test.expectKept()
}

func TestRetentionOfASourceThatIsGoneDeletesNothing(t *testing.T) {
	test := newIncidents(t, nil)
	test.create(1, opened(0), resolved(time.Minute))
	test.reconcileAll()
	if result := test.retain(10000 * time.Hour); result != (ctrl.Result{}) {
		t.Errorf("it gives %+v", result)
	}
	test.expectKept("payments-42-1")
}

func TestAnIncidentThatChangedMeanwhileIsNotDeletedNorAreItsFollowers(t *testing.T) {
	test := newIncidents(t, keep(2*time.Hour, 1000))
	first := test.create(1, opened(0), resolved(time.Minute))
	second := test.create(2, opened(2*time.Minute), resolved(3*time.Minute))
	test.reconcileAll()
	test.read(first)
	test.read(second)
	judged := []*lifecycle.Kept{ptr.To(lifecycle.KeptOf(first)), ptr.To(lifecycle.KeptOf(second))}
	test.hear(first, reopened(4*time.Minute))
	retention := &Retention{Client: control.Client(t), Clock: test.clock}
	if deleted, err := retention.deleteAll(t.Context(), judged); deleted != 0 || !apierrors.IsConflict(err) {
		t.Errorf("deleted %d, %v; want a conflict", deleted, err)
	}
	test.expectKept("payments-42-1", "payments-42-2")
	if err := control.Client(t).Get(t.Context(), client.ObjectKeyFromObject(first), first); err != nil {
		t.Error(err)
	}
}
