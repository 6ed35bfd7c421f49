package lifecycle

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	// failedAfter is when a page that has not arrived counts as failed for its step, though it is still being tried.
	failedAfter = 2 * time.Minute
	// giveUpAfter is when a notification that has not arrived is not tried any more.
	giveUpAfter = 24 * time.Hour
	// mostOverdue is how much overdue a page counts at most, so that one that was long held up is not given up at once.
	mostOverdue = time.Hour
)

// Situation is all that Escalate judges by.
type Situation struct {
	// Spec of the Incident.
	Spec *v1alpha1.IncidentSpec
	// Was is its status as it was last written, with the run and the ledger.
	Was v1alpha1.IncidentStatus
	// Is is the status that Fold concludes now.
	Is v1alpha1.IncidentStatus
	// Restored is when the Incident was restored from a backup; zero if it was not.
	Restored time.Time
	// Plan is how people are paged.
	Plan Plan
	// Now is the time, in microseconds, as the ledger has it.
	Now time.Time
}

// Plan is how the people of a source are paged.
type Plan struct {
	// Policy of the source; nil if there is none.
	Policy *v1alpha1.EscalationPolicySpec
	// Obstacle says why there is no policy: NoPolicy, PolicyMissing or SourceMissing.
	Obstacle string
	// Missing are the channels of the policy and of the ledger that are not there.
	Missing map[string]bool
	// Leaving are those of them that are being deleted: what was opened there is closed.
	Leaving map[string]bool
	// OnCall is who is on call, by the policy's schedules that are there.
	OnCall map[string]Duty
	// Closing is true if the Incident or its source is being deleted: what was opened anywhere is closed.
	Closing bool
}

// Escalation is what follows from a Situation.
type Escalation struct {
	// Run that the Incident is in; nil for a test notification.
	Run *v1alpha1.EscalationRun
	// Notifications are the whole ledger, with what is due added.
	Notifications []v1alpha1.Notification
	// Notified is the condition of that type, without times and generation.
	Notified metav1.Condition
	// Next is when time alone changes the answer; zero: never.
	Next time.Time
}

// Escalate says what is due of an Incident now. It only adds to the ledger and closes what need not be sent any more;
// what is to be sent is whatever is Pending then. It rests on timestamps alone, so that after a restart the next look goes
// on where the last one stood.
func Escalate(s Situation) Escalation {
	if s.Spec.Test {
		l := &ledger{Situation: s, entries: slices.Clone(s.Was.Notifications), run: ptr.Deref(s.Was.Escalation, v1alpha1.EscalationRun{})}
		l.supersede(isNoEnd, "a test notification pages nobody")
		// Whoever was paged before it turned out to be one hears that it is over.
		l.Plan.Closing = true
		l.tellResolved()
		return Escalation{Run: s.Was.Escalation, Notifications: l.entries, Notified: l.notified(false)}
	}
	l := &ledger{Situation: s, entries: slices.Clone(s.Was.Notifications), run: runOf(s)}
	quiet := isQuiet(s.Spec, s.Restored)
	l.giveUp()
	l.supersedeOlder()
	l.supersede(l.isOver, "the cycle is over")
	if s.Plan.Closing {
		l.supersede(isNoEnd, "the Incident or its source is being deleted")
	}
	l.tellResolved()
	switch {
	case s.Plan.Closing:
	case s.Is.State == v1alpha1.StateResolved:
	case isHeld(s.Is.State):
		l.supersede(isPage, "somebody has answered")
		l.tellHeld()
	case quiet:
		l.supersede(isPage, "nothing says that it still goes on")
	case s.Plan.Policy != nil:
		l.page(*s.Plan.Policy)
		l.nameRisen()
	}
	l.tellLeaving()
	l.supersedeOlder()
	l.waitForPending()
	l.prune()
	return Escalation{Run: &l.run, Notifications: l.entries, Notified: l.notified(quiet), Next: l.next}
}

// page adds what is due of the policy's steps, from the round on that is under way.
func (l *ledger) page(policy v1alpha1.EscalationPolicySpec) {
	start := l.run.StartedAt.Time
	rounds := int32(0)
	var every time.Duration
	if policy.Repeat != nil {
		rounds, every = policy.Repeat.Times, policy.Repeat.Every.Duration
	}
	for round := l.lastRound(); round <= rounds; round++ {
		l.takeSteps(policy.Steps, round, start.Add(time.Duration(round)*every))
	}
}

// takeSteps adds what is due in one round.
func (l *ledger) takeSteps(steps []v1alpha1.EscalationStep, round int32, begins time.Time) {
	brought := false
	for _, step := range steps {
		if rank(l.Spec.Priority) < rank(step.MinPriority) {
			continue
		}
		due := begins.Add(step.After.Duration)
		if !l.isDone(round, step.Name) {
			switch {
			case !due.After(l.Now):
				due = l.notBeforeRise(step, due)
			case brought:
				due = l.Now
			default:
				l.wake(due)
				return
			}
			due = later(due, l.Now.Add(-mostOverdue))
			for _, channel := range l.channelsOf(step) {
				l.addPage(round, step.Name, channel, due)
			}
		}
		brought = l.hasFailed(round, step.Name)
	}
}

// channelsOf are the channels that a step tells now, each once: those that it names, and those of whoever is on call.
func (l *ledger) channelsOf(step v1alpha1.EscalationStep) []string {
	var channels []string
	for _, recipient := range step.Notify {
		var channel string
		switch {
		case recipient.ChannelRef != nil:
			channel = recipient.ChannelRef.Name
		case recipient.ScheduleRef != nil:
			duty := l.Plan.OnCall[recipient.ScheduleRef.Name]
			if channel = duty.Channel; channel == "" {
				l.wake(duty.Until)
			}
		}
		if channel != "" && !l.Plan.Leaving[channel] && !slices.Contains(channels, channel) {
			channels = append(channels, channel)
		}
	}
	return channels
}

// notBeforeRise is when a step was due that a lower priority may have held back: not before the last thing was heard.
func (l *ledger) notBeforeRise(step v1alpha1.EscalationStep, due time.Time) time.Time {
	last := lastArrived(l.Spec.Signals)
	if last < 0 || rank(step.MinPriority) <= rank(v1alpha1.PriorityLow) {
		return due
	}
	return earlier(later(due, l.Spec.Signals[last].ReceivedAt.Time), l.Now)
}

// hasFailed tells whether a step that is done has reached nobody: all its channels failed, for good, until somebody mends
// them, or for failedAfter.
func (l *ledger) hasFailed(round int32, step string) bool {
	failed := true
	for _, entry := range l.entries {
		if !isPage(entry) || entry.Run != l.run.Run || entry.Loop != round || entry.Step != step {
			continue
		}
		late := entry.DueAt.Add(failedAfter)
		switch {
		case entry.State == v1alpha1.NotificationFailed:
		case entry.State != v1alpha1.NotificationPending:
			failed = false
		case isBroken(entry.Reason):
		case entry.Attempts > 0 && !late.After(l.Now):
		default:
			failed = false
			if entry.Attempts > 0 {
				l.wake(late)
			}
		}
	}
	return failed
}

// AcknowledgementEnds is when an acknowledgement times out that nothing but time takes back; zero if there is none.
func AcknowledgementEnds(status v1alpha1.IncidentStatus, timeout time.Duration) time.Time {
	if status.State != v1alpha1.StateAcknowledged || timeout <= 0 {
		return time.Time{}
	}
	return status.Cycles[len(status.Cycles)-1].AcknowledgedAt.Add(timeout)
}

// rank orders priorities. One that nobody set holds nothing back.
func rank(priority v1alpha1.Priority) int {
	return slices.Index([]v1alpha1.Priority{
		v1alpha1.PriorityLow, v1alpha1.PriorityMedium, v1alpha1.PriorityHigh, v1alpha1.PriorityCritical,
	}, priority)
}

func isHeld(state v1alpha1.IncidentState) bool {
	return state == v1alpha1.StateAcknowledged || state == v1alpha1.StateSnoozed
}

func isPage(entry v1alpha1.Notification) bool { return entry.Kind == v1alpha1.KindPage }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
