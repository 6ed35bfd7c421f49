package lifecycle

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// restoredAfter is how much later than it was recorded an Incident must have been created to count as restored.
const restoredAfter = 5 * time.Minute

// RestoredAt is when an Incident was restored from a backup; zero if it was not. Both times are the API server's.
func RestoredAt(incident *v1alpha1.Incident) time.Time {
	recorded := incident.Spec.RecordedAt
	if recorded == nil || incident.CreationTimestamp.Sub(recorded.Time) <= restoredAfter {
		return time.Time{}
	}
	return incident.CreationTimestamp.Time
}

// isQuiet tells whether a cycle was opened quietly, or its Incident restored, and nothing that Sentry said since tells that it
// still goes on.
func isQuiet(spec *v1alpha1.IncidentSpec, restored time.Time) bool {
	cycle := lastCycle(spec.Signals)
	if restored.IsZero() && !cycle[0].Quiet {
		return false
	}
	return newest(cycle, func(s v1alpha1.Signal) bool {
		return isRunning(s) && isFromSentry(s) && !s.Quiet && !s.ReceivedAt.Time.Before(restored)
	}) < 0
}

// IsQuiet tells whether nobody is paged of an unresolved Incident because nothing says that it is news.
func IsQuiet(incident *v1alpha1.Incident) bool { return isQuiet(&incident.Spec, RestoredAt(incident)) }

// wakes tells whether a signal says of a quiet cycle that it goes on. That somebody was assigned, or archived it, does not.
func wakes(signal v1alpha1.Signal, restored time.Time) bool {
	return isAlert(signal) && !signal.Quiet && signal.Action != actionAssigned && signal.Action != actionArchived &&
		!signal.ReceivedAt.Time.Before(restored)
}

// isRunning tells whether a signal starts a run of the escalation policy.
func isRunning(s v1alpha1.Signal) bool {
	return isOpening(s) || s.Effect == v1alpha1.EffectUnacknowledged || s.Effect == v1alpha1.EffectWoken
}

// runOf is the run that an Incident is in. What began it is the newest of what the signals and the snooze tell or, where a
// responder took a response back, of which no trace is left, this look at it.
func runOf(s Situation) v1alpha1.EscalationRun {
	cause := causeOf(s)
	last := s.Was.Escalation
	switch {
	case last == nil:
		return v1alpha1.EscalationRun{Run: 1, Cause: metav1.NewMicroTime(cause), StartedAt: metav1.NewMicroTime(earlier(cause, s.Now))}
	case cause.After(last.Cause.Time), len(s.Is.Cycles) > len(s.Was.Cycles):
		// What reopened may have arrived before what began the last run, and have been recorded after it.
		next := later(cause, last.Cause.Add(time.Microsecond))
		return v1alpha1.EscalationRun{
			Run: last.Run + 1, Cause: metav1.NewMicroTime(next), StartedAt: metav1.NewMicroTime(earlier(cause, s.Now)),
		}
	case isHeld(s.Was.State) && s.Is.State == v1alpha1.StateOpen:
		return v1alpha1.EscalationRun{
			Run: last.Run + 1, Cause: metav1.NewMicroTime(later(s.Now, last.Cause.Time)), StartedAt: metav1.NewMicroTime(s.Now),
		}
	default:
		return *last
	}
}

// causeOf is when the newest run began, by the operator's clock, as far as the spec tells.
func causeOf(s Situation) time.Time {
	cycle := lastCycle(s.Spec.Signals)
	cause := cycle[0].ReceivedAt.Time
	for _, signal := range cycle {
		if isRunning(signal) {
			cause = later(cause, signal.ReceivedAt.Time)
		}
	}
	response := s.Spec.Response
	isOver := s.Is.State == v1alpha1.StateResolved
	if response != nil && response.SnoozedUntil != nil && !isOver && !response.SnoozedUntil.After(s.Now) {
		cause = later(cause, response.SnoozedUntil.Time)
	}
	return cause.Truncate(time.Microsecond)
}
