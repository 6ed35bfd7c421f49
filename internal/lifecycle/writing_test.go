package lifecycle_test

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// answered is an Incident that alice has acknowledged, and bob resolved.
func answered() *v1alpha1.Incident {
	at := metav1.Date(2026, 1, 31, 3, 4, 5, 0, time.UTC)
	later := metav1.NewTime(at.Add(time.Minute))
	incident := &v1alpha1.Incident{}
	incident.Spec.AlertKey = v1alpha1.IssueKey("42")
	incident.Spec.Signals = []v1alpha1.Signal{{Event: v1alpha1.SignalAlert, Effect: v1alpha1.EffectOpened}}
	incident.Spec.Response = &v1alpha1.Response{
		AcknowledgedBy: "alice", AcknowledgedAt: &at, SnoozedBy: "alice", SnoozedUntil: &later, ResolvedBy: "bob", ResolvedAt: &later,
	}
	incident.Status.State = v1alpha1.StateResolved
	incident.Status.Cycles = []v1alpha1.Cycle{{ResolvedAt: &metav1.MicroTime{Time: later.Time}, ResolvedBy: "bob"}}
	return incident
}

// recorded lets the writings of an Incident have come to an end.
func recorded(incident *v1alpha1.Incident, writings ...lifecycle.Writing) {
	for _, one := range writings {
		incident.Status.WriteBack = append(incident.Status.WriteBack, v1alpha1.WriteRecord{Kind: one.Kind, By: one.By, At: one.At})
	}
}

func kinds(writings []lifecycle.Writing) []v1alpha1.WriteKind {
	var kinds []v1alpha1.WriteKind
	for _, one := range writings {
		kinds = append(kinds, one.Kind)
	}
	return kinds
}

func TestWhatSentryMayBeToldOfAnIncident(t *testing.T) {
	const resolve, resolved, acknowledged = v1alpha1.WriteResolve, v1alpha1.WriteResolveComment, v1alpha1.WriteAcknowledgeComment
	for name, c := range map[string]struct {
		change func(*v1alpha1.Incident)
		want   []v1alpha1.WriteKind
	}{
		"all that people answered":   {func(*v1alpha1.Incident) {}, []v1alpha1.WriteKind{resolve, acknowledged, resolved}},
		"nothing without a response": {func(i *v1alpha1.Incident) { i.Spec.Response = nil }, nil},
		"nothing of a snooze": {func(i *v1alpha1.Incident) {
			i.Spec.Response = &v1alpha1.Response{SnoozedBy: "alice", SnoozedUntil: i.Spec.Response.SnoozedUntil}
		}, nil},
		"nothing of a test":         {func(i *v1alpha1.Incident) { i.Spec.Test = true }, nil},
		"nothing of a metric alert": {func(i *v1alpha1.Incident) { i.Spec.AlertKey = v1alpha1.MetricKey("42") }, nil},
		"nothing of the feed":       {func(i *v1alpha1.Incident) { i.Spec.AlertKey = v1alpha1.DeliveringKey }, nil},
		"what is not recorded": {func(i *v1alpha1.Incident) {
			recorded(i, lifecycle.Unwritten(i)[:2]...)
		}, []v1alpha1.WriteKind{resolved}},
		"another acknowledgement than was recorded": {func(i *v1alpha1.Incident) {
			recorded(i, lifecycle.Unwritten(i)...)
			i.Spec.Response.AcknowledgedAt = &metav1.Time{Time: i.Spec.Response.AcknowledgedAt.Add(time.Second)}
		}, []v1alpha1.WriteKind{acknowledged}},
		"an acknowledgement by another one than was recorded": {func(i *v1alpha1.Incident) {
			recorded(i, lifecycle.Unwritten(i)...)
			i.Spec.Response.AcknowledgedBy = "carol"
		}, []v1alpha1.WriteKind{acknowledged}},
	} {
		t.Run(name, func(t *testing.T) {
			incident := answered()
			c.change(incident)
			if got := kinds(lifecycle.Unwritten(incident)); !slices.Equal(got, c.want) {
				t.Errorf("it is %s, want %s", got, c.want)
			}
		})
	}
}

func TestAStubTellsWhatSentryMayBeToldAsItsIncidentDoes(t *testing.T) {
	incident := answered()
	all := lifecycle.Unwritten(incident)
	for count := range len(all) + 1 {
		incident := answered()
		recorded(incident, all[:count]...)
		stub := lifecycle.Stub(incident)
		if !lifecycle.IsStub(stub) {
			t.Fatal("it is no stub")
		}
		if got, want := lifecycle.Unwritten(stub), lifecycle.Unwritten(incident); !slices.EqualFunc(got, want, lifecycle.Writing.Same) {
			t.Errorf("of the stub, %v is to be told; of its Incident, %v", got, want)
		}
		if isKept := stub.Spec.Response != nil; isKept != (count < len(all)) {
			t.Errorf("after %d of %d records, the stub keeps the response: %t", count, len(all), isKept)
		}
	}
}

func TestWhatIsStillToBeWrittenIsNeitherSettledNorDeleted(t *testing.T) {
	for name, c := range map[string]struct {
		condition metav1.Condition
		want      bool
	}{
		"tried again": {metav1.Condition{Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonScopeMissing}, true},
		"dropped":     {metav1.Condition{Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonDropped}, false},
		"written":     {metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonWritten}, false},
	} {
		t.Run(name, func(t *testing.T) {
			incident := answered()
			c.condition.Type = v1alpha1.ConditionWrittenBack
			incident.Status.Conditions = []metav1.Condition{c.condition}
			if got := lifecycle.IsWriting(incident); got != c.want {
				t.Errorf("it is to be written: %t", got)
			}
			if isStub := lifecycle.IsStub(lifecycle.Stub(incident)); isStub == c.want {
				t.Errorf("it is settled: %t", isStub)
			}
			if mayGo := lifecycle.KeptOf(incident).Resolved != nil; mayGo == c.want {
				t.Errorf("it may be deleted: %t", mayGo)
			}
		})
	}
}
