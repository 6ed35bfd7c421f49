package resync

import (
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// view is what there is to judge an issue by.
type view struct {
	source *v1alpha1.AlertSource
	// latest is the alert's latest Incident, or its stub; nil if there is none.
	latest *v1alpha1.Incident
	// asked is the moment that Sentry's answer speaks of, by the operator's clock, and sent is what a webhook of that moment would
	// bear: Sentry's time, unless Sentry's clock is ahead.
	asked, sent time.Time
	// now is the operator's time.
	now time.Time
}

// isOpen tells whether the latest Incident is unresolved.
func (v view) isOpen() bool { return v.latest != nil && isOpen(v.latest, v.now) }

func isOpen(incident *v1alpha1.Incident, now time.Time) bool {
	if lifecycle.IsStub(incident) {
		return false
	}
	status, _ := lifecycle.Fold(&incident.Spec, now)
	return status.State != v1alpha1.StateResolved
}

// isEndedByOthers tells whether a responder, or silence, resolved an Incident.
func isEndedByOthers(incident *v1alpha1.Incident) bool {
	by := lifecycle.EndedBy(incident)
	return by != "" && by != v1alpha1.BySentry
}

// endOf is when an Incident was resolved, as its status, or its stub, says; zero if it was not.
func endOf(incident *v1alpha1.Incident) time.Time {
	cycles := incident.Status.Cycles
	if len(cycles) == 0 || cycles[len(cycles)-1].ResolvedAt == nil {
		return time.Time{}
	}
	return cycles[len(cycles)-1].ResolvedAt.Time
}

// isSettled tells whether nothing of the alert arrived so shortly before the answer that one of them may outdo the other.
func (v view) isSettled() bool {
	if v.latest == nil {
		return true
	}
	last := lifecycle.LastArrived(v.latest)
	if last.IsZero() {
		last = endOf(v.latest)
	}
	return !v.asked.Before(last.Add(lifecycle.Settling))
}
