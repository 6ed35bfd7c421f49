package lifecycle

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// lived is an Incident that was opened, paged and resolved, changed as wanted.
func lived(changes ...func(*v1alpha1.Incident)) *v1alpha1.Incident {
	incident := made("1", 1, append([]func(*v1alpha1.Incident){over(10)}, changes...)...)
	incident.Namespace, incident.Name, incident.UID, incident.ResourceVersion = "team", "payments-1-1", "a uid", "7"
	incident.Spec.Signals = []v1alpha1.Signal{{Event: v1alpha1.SignalAlert}, {Event: v1alpha1.SignalResolve}}
	return &incident
}

func TestOnlyWhatIsSettledBecomesAStub(t *testing.T) {
	for name, test := range map[string]struct {
		incident *v1alpha1.Incident
		isStub   bool
	}{
		"resolved":                          {lived(), true},
		"a test, resolved":                  {lived(aTest), true},
		"open again":                        {lived(reopenedAt(20)), false},
		"somebody is still to be told":      {lived(untold), false},
		"its status is behind":              {lived(notYetFolded), false},
		"it is being deleted":               {lived(func(i *v1alpha1.Incident) { i.DeletionTimestamp = &metav1.Time{} }), false},
		"somebody waits with a finalizer":   {lived(func(i *v1alpha1.Incident) { i.Finalizers = []string{"wait"} }), false},
		"its status says that it is open":   {lived(func(i *v1alpha1.Incident) { i.Status.State = v1alpha1.StateOpen }), false},
		"nobody has concluded anything yet": {lived(func(i *v1alpha1.Incident) { i.Status = v1alpha1.IncidentStatus{} }), false},
	} {
		t.Run(name, func(t *testing.T) {
			before := test.incident.DeepCopy()
			stub := Stub(test.incident)
			if IsStub(stub) != test.isStub {
				t.Fatalf("it is a stub: %t", IsStub(stub))
			}
			if kept, want := KeptOf(stub), KeptOf(before); (kept.Resolved == nil) != (want.Resolved == nil) ||
				kept.Resolved != nil && !kept.Resolved.Equal(want.Resolved) {
				t.Errorf("retention knows that it was resolved at %v, not %v", kept.Resolved, want.Resolved)
			}
		})
	}
}

// An informer transforms what it first lists twice, and holds both until it is done.
func TestAStubIsItsOwnStub(t *testing.T) {
	stub := Stub(lived())
	if again := Stub(stub); again != stub {
		t.Errorf("another one was made of it: %v", again)
	}
}

func TestAnEndIsRepeatedForAWhile(t *testing.T) {
	incident := lived()
	if until := RepeatedUntil(incident); !until.IsZero() {
		t.Errorf("nobody was told, and it is repeated until %s", until)
	}
	incident.Status.Notifications = []v1alpha1.Notification{
		{Kind: v1alpha1.KindPage, State: v1alpha1.NotificationSent, ClosedAt: microAt(90)},
		{Kind: v1alpha1.KindResolved, State: v1alpha1.NotificationSent, ClosedAt: microAt(10)},
		{Kind: v1alpha1.KindResolved, State: v1alpha1.NotificationSent, ClosedAt: microAt(20)},
		{Kind: v1alpha1.KindResolved, State: v1alpha1.NotificationFailed, ClosedAt: microAt(50)},
	}
	if until := RepeatedUntil(incident); !until.Equal(at(20).Add(15 * time.Minute)) {
		t.Errorf("it is repeated until %s", until)
	}
}
