package lifecycle

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// notified is the condition that tells whether people were paged in the current cycle, and if not, why.
func (l *ledger) notified(quiet bool) metav1.Condition {
	reason, message := l.why(quiet)
	status := metav1.ConditionFalse
	if reason == v1alpha1.ReasonNotified {
		status = metav1.ConditionTrue
	}
	return metav1.Condition{Type: v1alpha1.ConditionNotified, Status: status, Reason: reason, Message: message}
}

func (l *ledger) why(quiet bool) (reason, message string) {
	told := l.told(l.cycle())
	isOpen := l.Is.State == v1alpha1.StateOpen
	obstacle, explained := l.obstacle()
	switch {
	case l.Spec.Test:
		return v1alpha1.ReasonTest, "A test notification pages nobody"
	case l.Plan.Obstacle == v1alpha1.ReasonNoPolicy && len(told) == 0:
		return v1alpha1.ReasonNoPolicy, "The source names no escalationPolicyRef, so nobody is paged"
	case isOpen && obstacle != "" && (obstacle != v1alpha1.ReasonNobodyOnCall || len(told) == 0 && !quiet):
		return obstacle, explained
	case len(told) > 0:
		return v1alpha1.ReasonNotified, "Paged through " + strings.Join(told, ", ")
	case !isOpen:
		return v1alpha1.ReasonNotNeeded, "Somebody answered, or it was over, before anybody was paged"
	case quiet:
		return v1alpha1.ReasonPreexisting, l.whyQuiet() + "; nobody is paged until Sentry tells that it still goes on"
	default:
		return l.unsent()
	}
}

// whyQuiet is why nobody is paged of a cycle that was not news.
func (l *ledger) whyQuiet() string {
	if lastCycle(l.Spec.Signals)[0].Quiet {
		return "It was there before the operator looked"
	}
	return "Restored from a backup"
}

// obstacle says what keeps people from being paged that is not there; empty: nothing.
func (l *ledger) obstacle() (reason, message string) {
	missing, unmanned := l.missing(), l.unmanned()
	switch {
	case l.Plan.Obstacle == v1alpha1.ReasonPolicyMissing:
		return l.Plan.Obstacle, "The EscalationPolicy that the source names is not there, so nobody is paged"
	case l.Plan.Obstacle == v1alpha1.ReasonSourceMissing:
		return l.Plan.Obstacle, "The source is not there, so nobody is paged"
	case len(missing) > 0:
		return v1alpha1.ReasonChannelMissing,
			"These NotificationChannels are not there, messages to them wait: " + strings.Join(missing, ", ")
	case unmanned != "":
		return v1alpha1.ReasonNobodyOnCall, "The OnCallSchedule " + unmanned + " names nobody who is on call, or is not there"
	default:
		return "", ""
	}
}

// unsent says how far the first page is.
func (l *ledger) unsent() (reason, message string) {
	reason, message = v1alpha1.ReasonNotDue, "No step of the policy is due, or none fits the priority"
	for _, entry := range l.entries {
		switch {
		case !isPage(entry) || entry.Cycle != l.cycle() || entry.State == v1alpha1.NotificationSuperseded:
		case entry.State == v1alpha1.NotificationFailed, entry.Reason != "":
			return v1alpha1.ReasonSendingFailed, "No page has arrived so far; " + entry.Channel + ": " + entry.Error
		default:
			reason, message = v1alpha1.ReasonSending, "The first page is on its way to "+entry.Channel
		}
	}
	return reason, message
}

// unmanned names a schedule of a due step by which nobody is on call; empty: there is none.
func (l *ledger) unmanned() string {
	if l.Plan.Policy == nil {
		return ""
	}
	for _, step := range l.Plan.Policy.Steps {
		isDue := !l.run.StartedAt.Add(step.After.Duration).After(l.Now) && rank(l.Spec.Priority) >= rank(step.MinPriority)
		for _, recipient := range step.Notify {
			if ref := recipient.ScheduleRef; isDue && ref != nil && l.Plan.OnCall[ref.Name].Channel == "" {
				return ref.Name
			}
		}
	}
	return ""
}

// missing are the channels for which something waits that are not there.
func (l *ledger) missing() []string {
	var names []string
	for _, entry := range l.entries {
		if entry.State == v1alpha1.NotificationPending && l.Plan.Missing[entry.Channel] && !slices.Contains(names, entry.Channel) {
			names = append(names, entry.Channel)
		}
	}
	return names
}
