package incident

import (
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// look reconciles an Incident that may be gone then.
func (t *incidentTest) look(incident *v1alpha1.Incident) (gone bool) {
	t.Helper()
	_, err := t.reconciler.Reconcile(t.Context(), requestOf(incident))
	testbed.Must(t.T, err)
	err = control.Client(t).Get(t.Context(), client.ObjectKeyFromObject(incident), incident)
	if !apierrors.IsNotFound(err) {
		testbed.Must(t.T, err)
	}
	return apierrors.IsNotFound(err)
}

func TestAnIncidentIsHeldWhileSomebodyNeedsToHearOfIt(t *testing.T) {
	test := newPaged(t)
	incident := test.create(1, opened(0))
	test.reconcile(incident)
	if !isHeld(incident) {
		t.Error("it is not held though a page is on its way")
	}
	test.take(incident)
	test.hear(incident, resolved(time.Minute))
	test.reconcile(incident)
	test.take(incident)
	if !isHeld(incident) {
		t.Error("it is not held until the end is told")
	}
	if result := test.reconcile(incident); !isHeld(incident) || result.RequeueAfter != 15*time.Minute {
		t.Errorf("it is held: %t, while its end is told again and again; %+v", isHeld(incident), result)
	}
	test.clock.SetTime(test.clock.Now().Add(15 * time.Minute))
	test.reconcile(incident)
	if isHeld(incident) {
		t.Error("it is held though all is told")
	}
}

func TestAnIncidentOfWhichNobodyIsToldIsNotHeld(t *testing.T) {
	test := newIncidents(t, func(*v1alpha1.AlertSource) {})
	incident := test.create(1, opened(0))
	test.reconcile(incident)
	if len(incident.Finalizers) != 0 {
		t.Errorf("its finalizers are %s", incident.Finalizers)
	}
}

func TestAnIncidentDeletedByHandIsClosedWhereItWasOpened(t *testing.T) {
	test := newPaged(t)
	incident := test.create(1, opened(0))
	test.reconcile(incident)
	test.take(incident)
	test.reconcile(incident)
	test.expectSends("slack")
	testbed.Must(t, control.Client(t).Delete(t.Context(), incident))
	if test.look(incident) {
		t.Fatal("it is gone before the end is told")
	}
	test.expectSends("slack")
	last := incident.Status.Notifications[len(incident.Status.Notifications)-1]
	if last.Kind != v1alpha1.KindResolved || last.State != v1alpha1.NotificationPending {
		t.Errorf("the ledger's last entry is %+v", last)
	}
	test.take(incident)
	if !test.look(incident) {
		t.Errorf("it is still there: %s", incident.Finalizers)
	}
}

func TestAnIncidentDeletedByHandWaitsForTwoMinutesAtMost(t *testing.T) {
	test := newPaged(t)
	incident := test.create(1, opened(0))
	test.reconcile(incident)
	test.take(incident)
	testbed.Must(t, control.Client(t).Delete(t.Context(), incident))
	test.read(incident)
	test.clock.SetTime(incident.DeletionTimestamp.Add(loop.CloseWithin - time.Second))
	if test.look(incident) {
		t.Fatal("it is gone a second too early")
	}
	test.clock.SetTime(incident.DeletionTimestamp.Add(loop.CloseWithin))
	if !test.look(incident) {
		t.Error("it is still there after two minutes")
	}
}

func TestWhatASourceThatIsBeingDeletedOpenedIsClosed(t *testing.T) {
	for name, c := range map[string]struct {
		options []client.DeleteOption
		want    []string
	}{
		"as usual":   {nil, []string{"slack"}},
		"orphaning":  {[]client.DeleteOption{client.PropagationPolicy(metav1.DeletePropagationOrphan)}, nil},
		"foreground": {[]client.DeleteOption{client.PropagationPolicy(metav1.DeletePropagationForeground)}, []string{"slack"}},
	} {
		t.Run(name, func(t *testing.T) {
			test := newPaged(t)
			source := &v1alpha1.AlertSource{}
			testbed.Must(t, control.Client(t).Get(t.Context(), test.source, source))
			source.Finalizers = []string{v1alpha1.SourceFinalizer}
			testbed.Must(t, control.Client(t).Update(t.Context(), source))
			incident := test.create(1, opened(0))
			test.reconcile(incident)
			test.take(incident)
			test.reconcile(incident)
			test.expectSends("slack")
			testbed.Must(t, control.Client(t).Delete(t.Context(), source, c.options...))
			test.look(incident)
			test.expectSends(c.want...)
		})
	}
}

func TestAChannelThatIsBeingDeletedHearsOfTheEndWhateverThePolicySays(t *testing.T) {
	test := newPaged(t)
	incident := test.create(1, opened(0))
	test.reconcile(incident)
	test.take(incident)
	test.reconcile(incident)
	test.expectSends("slack")
	policy := usualPolicy(test)
	testbed.Must(t, control.Client(t).Delete(t.Context(), policy))
	channel := &v1alpha1.NotificationChannel{}
	testbed.Must(t, control.Client(t).Get(t.Context(), test.named("slack"), channel))
	channel.Finalizers = []string{v1alpha1.NotificationsFinalizer}
	testbed.Must(t, control.Client(t).Update(t.Context(), channel))
	testbed.Must(t, control.Client(t).Delete(t.Context(), channel))
	testbed.Must(t, control.Client(t).Get(t.Context(), test.named("slack"), channel))
	if requests := test.reconciler.ofChannel(t.Context(), channel); len(requests) != 1 || requests[0] != requestOf(incident) {
		t.Errorf("the deletion concerns %v", requests)
	}
	test.reconcile(incident)
	test.expectSends("slack")
}
