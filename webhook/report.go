package webhook

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// report is what this process knows of a source since it started.
type report struct {
	// uid tells a source from a later one of its name.
	uid        types.UID
	lastSignal time.Time
	signature  *metav1.Condition
	projects   []string
	changed    bool
}

// addedTo is the whole of what intakes tell of a source: what they told before, and what this one knows. What is left
// out is removed from the status.
func (r report) addedTo(source *v1alpha1.AlertSource) v1alpha1.AlertSourceStatus {
	status := v1alpha1.AlertSourceStatus{
		LastSignalTime:  source.Status.LastSignalTime,
		IgnoredProjects: union(unlisted(source, source.Status.IgnoredProjects), unlisted(source, r.projects)),
		Conditions:      r.conditions(source),
	}
	if last := r.lastSignal.Truncate(time.Second); last.After(ptr.Deref(status.LastSignalTime, metav1.Time{}).Time) {
		status.LastSignalTime = ptr.To(metav1.NewTime(last))
	}
	return status
}

// conditions are SignatureVerified, if that is the intake's to say: without a client secret it is the controller's, as
// it is until the first delivery.
func (r report) conditions(source *v1alpha1.AlertSource) []metav1.Condition {
	was := meta.FindStatusCondition(source.Status.Conditions, v1alpha1.ConditionSignatureVerified)
	switch {
	case !isSigned(source):
		return nil
	case r.signature != nil:
		return []metav1.Condition{sinceBefore(*r.signature, was)}
	case was != nil && slices.Contains(intakeReasons, was.Reason):
		return []metav1.Condition{*was}
	default:
		return nil
	}
}

// intakeReasons are the reasons of SignatureVerified that an intake gives.
var intakeReasons = []string{
	v1alpha1.ReasonVerified, v1alpha1.ReasonSignatureMismatch, v1alpha1.ReasonClientSecretUnreadable,
}

// sinceBefore keeps the time since when a condition has its status.
func sinceBefore(condition metav1.Condition, was *metav1.Condition) metav1.Condition {
	if was != nil && was.Status == condition.Status {
		condition.LastTransitionTime = was.LastTransitionTime
	}
	return condition
}

// unlisted are the projects that a source's allow-list still turns away.
func unlisted(source *v1alpha1.AlertSource, projects []string) []string {
	return slices.DeleteFunc(slices.Clone(projects), func(project string) bool {
		return isListed(source, []string{project})
	})
}

// union is a list with what it lacks of another, up to the bound of ignoredProjects.
func union(list, more []string) []string {
	list = slices.Clone(list)
	for _, one := range more {
		if len(list) < maxIgnoredProjects && !slices.Contains(list, one) {
			list = append(list, one)
		}
	}
	return list
}
