package alertsource

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// deleteSource deletes the source and lets its grace pass.
func (t *sourceTest) deleteSource() {
	t.Helper()
	testbed.Must(t, control.Client(t).Delete(t.Context(), t.source()))
	t.clock.SetTime(t.source().DeletionTimestamp.Add(deletionGrace + timestampPrecision))
	t.look()
	if err := control.Client(t).Get(t.Context(), t.key, &v1alpha1.AlertSource{}); !apierrors.IsNotFound(err) {
		t.Fatalf("the source is still there: %v", err)
	}
}

func TestADeletedSourceIsKeptForTenSeconds(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	if finalizers := test.source().Finalizers; !slices.Equal(finalizers, []string{"itoc360.io/intake"}) {
		t.Fatalf("the finalizers are %q", finalizers)
	}
	testbed.Must(t, control.Client(t).Delete(t.Context(), test.source()))
	deleted := test.source().DeletionTimestamp.Time
	test.clock.SetTime(deleted)
	result := test.reconcile()
	if result.RequeueAfter < 10*time.Second || result.RequeueAfter > 11*time.Second {
		t.Errorf("a source just deleted gives %+v", result)
	}
	test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonTerminating, v1alpha1.ConditionReconciling)
	test.clock.SetTime(deleted.Add(10 * time.Second))
	if result := test.look(); result.RequeueAfter != time.Second {
		t.Errorf("a source that may have been deleted nine seconds ago gives %+v", result)
	}
	test.source()
	test.clock.SetTime(deleted.Add(11 * time.Second))
	if result := test.look(); result != (ctrl.Result{}) {
		t.Errorf("a source that is released gives %+v", result)
	}
	if err := control.Client(t).Get(t.Context(), test.key, &v1alpha1.AlertSource{}); !apierrors.IsNotFound(err) {
		t.Errorf("it is still there: %v", err)
	}
	if result := test.look(); result != (ctrl.Result{}) {
		t.Errorf("a source that is gone gives %+v", result)
	}
}

func TestASourceThatIsBeingDeletedMakesNothing(t *testing.T) {
	test := newSourceTest(t, func(source *v1alpha1.AlertSource) { source.Finalizers = []string{"example.com/wait"} })
	testbed.Must(t, control.Client(t).Delete(t.Context(), test.source()))
	test.clock.SetTime(test.source().DeletionTimestamp.Add(time.Hour))
	for range 2 {
		if result := test.look(); result != (ctrl.Result{}) {
			t.Errorf("a source that somebody else keeps gives %+v", result)
		}
	}
	test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonTerminating, v1alpha1.ConditionReconciling)
	if err := control.Client(t).Get(t.Context(), test.secretKey(), &corev1.Secret{}); !apierrors.IsNotFound(err) {
		t.Errorf("the webhook Secret was made: %v", err)
	}
	testbed.ExpectEvents(t, test.recorder)
}

func TestASourceThatCannotBeToldOfIsLetGoAllTheSame(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	test.reconciler.Client = interceptor.NewClient(control.Client(t), interceptor.Funcs{SubResourceApply: func(
		context.Context, client.Client, string, runtime.ApplyConfiguration, ...client.SubResourceApplyOption,
	) error {
		return apierrors.NewBadRequest("no status today")
	}})
	test.deleteSource()
}

func TestAFinalizerOfSomebodyElsesIsNotLost(t *testing.T) {
	test := newSourceTest(t)
	stale := test.source()
	test.updateSource(func(source *v1alpha1.AlertSource) { source.Finalizers = []string{"example.com/wait"} })
	if result, err := loop.Again(test.reconciler.hold(t.Context(), stale)); err != nil || result.RequeueAfter != loop.Soon {
		t.Errorf("a write on an old view gives %+v, %v; want another look soon", result, err)
	}
	test.reconcile()
	if finalizers := test.source().Finalizers; !slices.Equal(finalizers, []string{"example.com/wait", "itoc360.io/intake"}) {
		t.Errorf("the finalizers are %q", finalizers)
	}
}

func TestADeletedSourceWaitsUntilTheChannelsHaveHeard(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*v1alpha1.AlertSource)
		after  time.Duration
		gone   bool
	}{
		"while a page is open":    {func(*v1alpha1.AlertSource) {}, loop.CloseWithin - time.Second, false},
		"for two minutes at most": {func(*v1alpha1.AlertSource) {}, loop.CloseWithin, true},
		"not if it orphans": {
			func(s *v1alpha1.AlertSource) { s.Finalizers = append(s.Finalizers, "orphan") }, deletionGrace + timestampPrecision, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			test := newSourceTest(t, c.change)
			test.reconcile()
			testbed.CreateToldIncident(t, control.Client(t), test.key, "slack")
			testbed.Must(t, control.Client(t).Delete(t.Context(), test.source()))
			test.clock.SetTime(test.source().DeletionTimestamp.Add(c.after))
			test.look()
			source := &v1alpha1.AlertSource{}
			err := control.Client(t).Get(t.Context(), test.key, source)
			if gone := apierrors.IsNotFound(err) || !slices.Contains(source.Finalizers, v1alpha1.SourceFinalizer); gone != c.gone {
				t.Errorf("it is let go: %t", gone)
			}
		})
	}
}
