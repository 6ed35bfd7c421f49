package lifecycle

import (
	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// Stub replaces an Incident that is settled by what is left of it in a cache: who it is, since when and by whom it is resolved, and the
// responses of which Sentry may have to be told. That
// takes a tenth of the memory, and most Incidents are settled. A stub can be neither folded nor written: whoever wants more of
// it reads it live.
func Stub(incident *v1alpha1.Incident) *v1alpha1.Incident {
	if IsStub(incident) || !isSettled(incident) {
		return incident
	}
	last := incident.Status.Cycles[len(incident.Status.Cycles)-1]
	var response *v1alpha1.Response
	var written []v1alpha1.WriteRecord
	if len(Unwritten(incident)) > 0 {
		response, written = incident.Spec.Response, incident.Status.WriteBack
	}
	return &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: incident.Namespace, Name: incident.Name, UID: incident.UID, ResourceVersion: incident.ResourceVersion,
			Generation: incident.Generation, CreationTimestamp: incident.CreationTimestamp,
		},
		Spec: v1alpha1.IncidentSpec{
			SourceRef: incident.Spec.SourceRef, AlertKey: incident.Spec.AlertKey, Number: incident.Spec.Number, Test: incident.Spec.Test,
			Issue: v1alpha1.Issue{Status: shared(incident.Spec.Issue.Status)}, Response: response,
		},
		Status: v1alpha1.IncidentStatus{
			ObservedGeneration: incident.Status.ObservedGeneration, State: incident.Status.State,
			Cycles:    []v1alpha1.Cycle{{ResolvedAt: last.ResolvedAt, ResolvedBy: shared(last.ResolvedBy)}},
			WriteBack: written,
		},
	}
}

// shared is a text of which all stubs that have it share one copy, if it is one that most have.
func shared(text string) string {
	for _, usual := range []string{StatusResolved, StatusUnresolved, StatusArchived, v1alpha1.BySentry, v1alpha1.ByOperator} {
		if text == usual {
			return usual
		}
	}
	return text
}

// Transform is what a cache of Incidents makes of each, for informers: a stub of one that is settled, and none has managedFields.
func Transform(object any) (any, error) {
	incident, ok := object.(*v1alpha1.Incident)
	if !ok {
		return object, nil
	}
	incident.ManagedFields = nil
	return Stub(incident), nil
}

// IsStub tells a stub from an Incident, which always has a signal.
func IsStub(incident *v1alpha1.Incident) bool { return len(incident.Spec.Signals) == 0 }

// isSettled tells whether nothing is left to be done for an Incident but to delete it one day: it is resolved, whoever had to hear of
// that has, and nothing is tried again to be written to Sentry.
func isSettled(incident *v1alpha1.Incident) bool {
	_, isResolved := resolvedAt(incident)
	return isResolved && incident.Status.State == v1alpha1.StateResolved && incident.DeletionTimestamp == nil &&
		len(incident.Finalizers) == 0 && !hasPending(incident) && !IsWriting(incident)
}

// Kept is what retention must know of an Incident, or of its stub.
type Kept struct {
	Name            types.NamespacedName
	UID             types.UID
	ResourceVersion string
	AlertKey        v1alpha1.AlertKey
	Number          int32
	Test            bool
	Created         metav1.Time
	// Resolved is when it was last resolved, as its status says; nil while it is not, or its status does not speak of its spec yet,
	// or somebody, or Sentry, is still to be told.
	Resolved *metav1.MicroTime
	// Disputed is true if others than Sentry resolved it, and Sentry calls it unresolved.
	Disputed bool
}

// Sentry's words for the status of an issue.
const (
	StatusUnresolved = "unresolved"
	StatusResolved   = "resolved"
	StatusArchived   = "ignored"
)

// IsDisputed tells whether a responder, or silence, resolved an Incident of which Sentry did not say since that it is over, or
// archived; its stub tells too.
func IsDisputed(incident *v1alpha1.Incident) bool {
	by, status := EndedBy(incident), incident.Spec.Issue.Status
	return by != "" && by != v1alpha1.BySentry && status != StatusResolved &&
		status != StatusArchived && incident.Spec.AlertKey.IssueID() != "" && !incident.Spec.Test
}

// KeptOf is what retention must know of an Incident, or of its stub.
func KeptOf(incident *v1alpha1.Incident) Kept {
	kept := Kept{
		Name: types.NamespacedName{Namespace: incident.Namespace, Name: incident.Name}, UID: incident.UID,
		ResourceVersion: incident.ResourceVersion, AlertKey: incident.Spec.AlertKey, Number: incident.Spec.Number, Test: incident.Spec.Test,
		Created: incident.CreationTimestamp, Disputed: IsDisputed(incident),
	}
	if at, ok := resolvedAt(incident); ok && !hasPending(incident) && !IsWriting(incident) {
		kept.Resolved = &metav1.MicroTime{Time: at}
	}
	return kept
}
