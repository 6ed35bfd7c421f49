package incident

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

func TestAStubIsNotQueued(t *testing.T) {
	incident := &v1alpha1.Incident{
		Spec: v1alpha1.IncidentSpec{Signals: []v1alpha1.Signal{{Event: v1alpha1.SignalResolve}}},
		Status: v1alpha1.IncidentStatus{
			State:  v1alpha1.StateResolved,
			Cycles: []v1alpha1.Cycle{{ResolvedAt: &metav1.MicroTime{Time: time.Unix(1, 0)}}},
		},
	}
	if !whole().Create(event.CreateEvent{Object: incident}) {
		t.Error("an Incident that is no stub is not queued")
	}
	stub := lifecycle.Stub(incident)
	if !lifecycle.IsStub(stub) {
		t.Fatalf("%v is no stub", stub)
	}
	if whole().Create(event.CreateEvent{Object: stub}) {
		t.Error("a stub is queued")
	}
}
