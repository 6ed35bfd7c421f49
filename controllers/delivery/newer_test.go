package delivery

import (
	"testing"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/incident"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// During a rolling upgrade a leader of this version goes on with a ledger that a newer one began.
func TestALedgerKeepsTheFieldsOfANewerVersion(t *testing.T) {
	test := newDeliveryTest(t)
	testbed.ExtendIncidents(t, control.Client(t))
	name := test.incident(1, page("slack"), page("pager", func(entry *v1alpha1.Notification) { entry.Step = "on-call" }))
	pointers := []string{"/status", "/status/cycles/0", "/status/notifications/0", "/status/notifications/1"}
	for _, pointer := range pointers {
		testbed.SetNewer(t, control.Client(t), name, "status", pointer, "of "+pointer)
	}
	// The claim and the outcome of a send, the end of the cycle, and what follows from it.
	test.tell("slack", name, func(v1alpha1.Notification) bool { return isSent(test.ledger(t.Context(), name)[0]) })
	resolved := &v1alpha1.Incident{}
	testbed.Must(t, control.Client(t).Get(t.Context(), name, resolved))
	before := resolved.DeepCopy()
	resolved.Spec.Signals = append(resolved.Spec.Signals,
		testbed.SignalAt(time.Second, v1alpha1.SignalResolve, v1alpha1.EffectResolved))
	testbed.Must(t, control.Client(t).Patch(t.Context(), resolved, client.MergeFrom(before)))
	reconciler := &incident.Reconciler{
		Client: control.Client(t), Recorder: events.NewFakeRecorder(100), Clock: clock.RealClock{}, Dispatcher: test.dispatcher,
	}
	_, err := reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: name})
	testbed.Must(t, err)
	entries := test.ledger(t.Context(), name)
	if len(entries) != 3 || entries[1].State != v1alpha1.NotificationSuperseded || entries[2].Kind != v1alpha1.KindResolved {
		t.Fatalf("the ledger is %+v", entries)
	}
	raw := testbed.RawIncident(t, control.Client(t), name)
	for _, pointer := range pointers {
		if got := testbed.Newer(raw, pointer); got != "of "+pointer {
			t.Errorf("%s has %q", pointer, got)
		}
	}
}
