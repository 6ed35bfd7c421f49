package lifecycle

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// Writing is one thing of what a responder did that Sentry may be told.
type Writing struct {
	Kind v1alpha1.WriteKind
	// By is the responder's user name, At the time of the response.
	By string
	At metav1.Time
}

// Same tells whether two are the same thing of the same response.
func (w Writing) Same(other Writing) bool {
	return w.Kind == other.Kind && w.By == other.By && w.At.Unix() == other.At.Unix()
}

// Unwritten is what Sentry may be told of an Incident, or of its stub, and was not recorded as done: first what changes the issue. Of a
// test and of what is no issue it is told nothing.
func Unwritten(incident *v1alpha1.Incident) []Writing {
	response := incident.Spec.Response
	if response == nil || incident.Spec.Test || incident.Spec.AlertKey.IssueID() == "" {
		return nil
	}
	var unwritten []Writing
	add := func(kind v1alpha1.WriteKind, by string, at *metav1.Time) {
		if at == nil {
			return
		}
		if one := (Writing{kind, by, at.Rfc3339Copy()}); !isRecorded(incident.Status.WriteBack, one) {
			unwritten = append(unwritten, one)
		}
	}
	add(v1alpha1.WriteResolve, response.ResolvedBy, response.ResolvedAt)
	add(v1alpha1.WriteAcknowledgeComment, response.AcknowledgedBy, response.AcknowledgedAt)
	add(v1alpha1.WriteResolveComment, response.ResolvedBy, response.ResolvedAt)
	return unwritten
}

func isRecorded(records []v1alpha1.WriteRecord, writing Writing) bool {
	return slices.ContainsFunc(records, func(record v1alpha1.WriteRecord) bool {
		return writing.Same(Writing{record.Kind, record.By, record.At})
	})
}

// IsWriting tells whether something is to be written to Sentry that could not be written so far, and is tried again.
func IsWriting(incident *v1alpha1.Incident) bool {
	for _, condition := range incident.Status.Conditions {
		if condition.Type == v1alpha1.ConditionWrittenBack {
			return condition.Status == metav1.ConditionFalse && condition.Reason != v1alpha1.ReasonDropped
		}
	}
	return false
}
