package channel

import (
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// look reconciles a channel, and tells whether it is gone then.
func (t *channelTest) look() (gone bool, result ctrl.Result) {
	t.Helper()
	result, err := t.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: t.name})
	testbed.Must(t.T, err)
	err = control.Client(t).Get(t.Context(), t.name, &v1alpha1.NotificationChannel{})
	return apierrors.IsNotFound(err), result
}

func TestAChannelStaysUntilWhatWasOpenedThereIsClosed(t *testing.T) {
	for name, closes := range map[string]bool{"closed": true, "never closed": false} {
		t.Run(name, func(t *testing.T) {
			test := newChannelTest(t)
			test.create(testbed.NewSlackChannel(test.name))
			test.look()
			incident := testbed.CreateToldIncident(t, control.Client(t), test.name, test.name.Name)
			testbed.Must(t, control.Client(t).Delete(t.Context(), test.read()))
			deleted := test.read().DeletionTimestamp.Time
			clock := clocktesting.NewFakePassiveClock(deleted.Add(deletionGrace - time.Second))
			test.reconciler.Clock = clock
			if gone, result := test.look(); gone || result.RequeueAfter != time.Second {
				t.Fatalf("it is gone: %t, the next look is after %s", gone, result.RequeueAfter)
			}
			if closes {
				told := incident.Status.Notifications[0]
				told.Kind, told.Sequence = v1alpha1.KindResolved, 1
				incident.Status.Notifications = append(incident.Status.Notifications, told)
				testbed.Must(t, control.Client(t).Status().Update(t.Context(), incident))
			} else {
				clock.SetTime(deleted.Add(deletionGrace))
			}
			if gone, _ := test.look(); !gone {
				t.Error("it is still there")
			}
		})
	}
}
