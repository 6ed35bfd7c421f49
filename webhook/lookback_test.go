package webhook_test

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// storeThatLooksBackInVain is a store that somebody overtakes at its first write. The first time that it asks
// afterwards, the API server is not there.
func storeThatLooksBackInVain(t *testing.T, served *intake, rival func()) *store.Store {
	t.Helper()
	rival = once(rival)
	hasWritten, hasFailed := false, false
	direct := testbed.NewClient(t, cluster(t).Config)
	faulty := interceptor.NewClient(direct, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			rival()
			err := c.Create(ctx, object, options...)
			hasWritten = hasWritten || err == nil
			return err
		},
		Patch: func(
			ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption,
		) error {
			rival()
			err := c.Patch(ctx, object, patch, options...)
			hasWritten = hasWritten || err == nil
			return err
		},
		Get: func(
			ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption,
		) error {
			if hasWritten && !hasFailed {
				hasFailed = true
				return apierrors.NewServiceUnavailable("the API server is being rolled over")
			}
			return c.Get(ctx, key, object, options...)
		},
	})
	t.Cleanup(func() {
		if !hasFailed {
			t.Error("nothing was asked after the write: the test shows nothing")
		}
	})
	return store.New(faulty, served.cache, faulty, served.Directory, clock.RealClock{})
}

func TestANextIncidentCatchesUpAlthoughTheAPIServerIsAwayForAMoment(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.tell(t, source, []chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}})
	store := storeThatLooksBackInVain(t, served, func() { served.tell(t, source, []chapter{{issue("resolved", 6), "updated"}}) })
	if outcome := record(t, store, source, heard(v1alpha1.SignalAlert, 4))[0]; outcome.Err != nil {
		t.Errorf("the alert ended as %+v", outcome)
	}
	if got := source.Story(t); got != "1 Resolved High, 2 Resolved High" {
		t.Errorf("ended as %q", got)
	}
}

func TestAResolveFindsARivalsIncidentAlthoughTheAPIServerIsAwayForAMoment(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.tell(t, source, []chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}})
	store := storeThatLooksBackInVain(t, served, func() {
		// The intake's own write and the rival's are to one Incident each: neither lock sees the other.
		served.tell(t, source, []chapter{{issue("unresolved", 4), "opened"}})
	})
	if outcome := record(t, store, source, heard(v1alpha1.SignalResolve, 5))[0]; outcome.Effect != v1alpha1.EffectResolved {
		t.Errorf("the resolve ended as %+v", outcome)
	}
	if got := source.Story(t); got != "1 Resolved High, 2 Resolved High" {
		t.Errorf("ended as %q", got)
	}
}

func TestANextIncidentCatchesUpAlthoughTheAnswerToItsCreateIsLost(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.tell(t, source, []chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}})
	rival := once(func() { served.tell(t, source, []chapter{{issue("resolved", 6), "updated"}}) })
	isLost := false
	store := storeWith(t, served, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			rival()
			if err := c.Create(ctx, object, options...); err != nil || isLost {
				return err
			}
			isLost = true
			return apierrors.NewTimeoutError("the answer is lost", 1)
		},
	})
	if outcome := record(t, store, source, heard(v1alpha1.SignalAlert, 4))[0]; outcome.Err != nil {
		t.Errorf("the alert ended as %+v", outcome)
	}
	if got := source.Story(t); got != "1 Resolved High, 2 Resolved High" {
		t.Errorf("ended as %q", got)
	}
}
