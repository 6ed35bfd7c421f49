package webhook_test

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// aLife is an alert and its resolve, which Sentry sent within the same second: of equal times, the later arrival is the newer.
func aLife() []lifecycle.Heard {
	life := []lifecycle.Heard{heard(v1alpha1.SignalAlert, 1), heard(v1alpha1.SignalResolve, 1)}
	life[0].Signal.Action, life[1].Signal.Action = "created", "resolved"
	return life
}

func expectOneLife(t *testing.T, source *testbed.Source) {
	t.Helper()
	incidents := source.Incidents(t)
	if len(incidents) != 1 || incidents[0].Spec.SignalCount != 2 || source.Story(t) != "1 Resolved High" {
		t.Errorf("ended as %q, with %d signals", source.Story(t), incidents[0].Spec.SignalCount)
	}
}

func TestWhatWasRecordedIsNotRecordedAgainWhereTheAnswerIsLost(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	lose := func(err error) error {
		if err != nil {
			return err
		}
		return apierrors.NewTimeoutError("the answer is lost", 1)
	}
	t.Run("to a create", func(t *testing.T) {
		source := testbed.NewSource(t, served.client)
		served.knows(t, source)
		isLost := false
		store := storeWith(t, served, interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
				err := c.Create(ctx, object, options...)
				if isLost {
					return err
				}
				isLost = true
				return lose(err)
			},
		})
		outcomes := record(t, store, source, aLife()...)
		if outcomes[0].Result() != "opened" || outcomes[1].Result() != "resolved" {
			t.Errorf("answered %+v", outcomes)
		}
		expectOneLife(t, source)
	})
	t.Run("to a patch", func(t *testing.T) {
		source := testbed.NewSource(t, served.client)
		served.knows(t, source)
		isLost := false
		store := storeWith(t, served, interceptor.Funcs{
			Patch: func(
				ctx context.Context, c client.WithWatch, object client.Object, how client.Patch, options ...client.PatchOption,
			) error {
				err := c.Patch(ctx, object, how, options...)
				if isLost {
					return err
				}
				isLost = true
				return lose(err)
			},
		})
		life := aLife()
		record(t, store, source, life[0])
		record(t, store, source, life[1])
		if !isLost {
			t.Error("no answer was lost")
		}
		expectOneLife(t, source)
	})
}

func TestWhatIsReplayedWhenTheNextIncidentIsOpenChangesNothing(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	life := aLife()
	again := heard(v1alpha1.SignalAlert, 3)
	again.Signal.Action = "unresolved"
	record(t, storeWith(t, served, interceptor.Funcs{}), source, append(life, again)...)
	for _, replayed := range [][]lifecycle.Heard{life, life[:1], life[1:], {life[0], life[1], again}} {
		record(t, storeWith(t, served, interceptor.Funcs{}), source, replayed...)
	}
	incidents := source.Incidents(t)
	if len(incidents) != 2 || incidents[0].Spec.SignalCount != 2 || incidents[1].Spec.SignalCount != 1 {
		t.Errorf("ended as %q: %+v", source.Story(t), incidents)
	}
}

func TestWhatIsReplayedAfterItWasRecordedChangesNothing(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	life := aLife()
	record(t, storeWith(t, served, interceptor.Funcs{}), source, life...)
	for range 2 {
		for _, replayed := range [][]lifecycle.Heard{life, life[:1], life[1:]} {
			record(t, storeWith(t, served, interceptor.Funcs{}), source, replayed...)
		}
	}
	expectOneLife(t, source)
}
