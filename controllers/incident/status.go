package incident

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// conclude replaces an Incident's status by what its spec means now, with the ledger brought up to date, and says when that
// changes by time alone.
func conclude(incident *v1alpha1.Incident, plan lifecycle.Plan, now time.Time) (next time.Time) {
	was := incident.Status
	status, next := lifecycle.Fold(&incident.Spec, now)
	status.ObservedGeneration = incident.Generation
	isAhead := incident.Spec.Response != nil && incident.Spec.Response.AcknowledgedAt != nil &&
		incident.Spec.Response.AcknowledgedAt.After(now)
	steady(was.Cycles, status.Cycles, isAhead || was.ObservedGeneration == incident.Generation)
	for i := range status.Conditions {
		condition := &status.Conditions[i]
		condition.ObservedGeneration = incident.Generation
		condition.LastTransitionTime = transition(*condition, status.Cycles).Rfc3339Copy()
	}
	due := escalate(incident, was, &status, plan, now)
	// These are of the controller that writes to Sentry, and whatever else a newer version concludes.
	status.WriteBack = was.WriteBack
	for _, condition := range was.Conditions {
		if loop.ConditionOf(status.Conditions, condition.Type).Type == "" {
			status.Conditions = append(status.Conditions, condition)
		}
	}
	incident.Status = status
	if next.IsZero() || (!due.IsZero() && due.Before(next)) {
		next = due
	}
	return next
}

// steady keeps the times of what responders dated ahead of now: it counts as of the first look at it, and must not move with every
// further look. A resolve by hand cannot be changed; the acknowledgement is known to be the same if isSame.
func steady(was, cycles []v1alpha1.Cycle, isSame bool) {
	if len(was) == 0 || len(was) != len(cycles) {
		return
	}
	earlier, current := was[len(was)-1], &cycles[len(cycles)-1]
	if isSame {
		current.AcknowledgedAt = earliest(earlier.AcknowledgedAt, current.AcknowledgedAt)
	}
	if isSame || earlier.ResolvedBy == current.ResolvedBy {
		current.ResolvedAt = earliest(earlier.ResolvedAt, current.ResolvedAt)
	}
}

func earliest(was, at *metav1.MicroTime) *metav1.MicroTime {
	if was != nil && at != nil && was.Before(at) {
		return was
	}
	return at
}

// transition is the time of the fact that a true condition tells of.
func transition(condition metav1.Condition, cycles []v1alpha1.Cycle) *metav1.Time {
	last := cycles[len(cycles)-1]
	switch {
	case condition.Type == v1alpha1.ConditionAcknowledged && last.AcknowledgedAt != nil:
		return ptr.To(metav1.NewTime(last.AcknowledgedAt.Time))
	case condition.Type == v1alpha1.ConditionResolved && last.ResolvedAt != nil:
		return ptr.To(metav1.NewTime(last.ResolvedAt.Time))
	default:
		return &condition.LastTransitionTime
	}
}

// announceIncident tells in Events what is new in an Incident's status, in the order in which it happened.
func announceIncident(recorder events.EventRecorder, incident *v1alpha1.Incident, was v1alpha1.IncidentStatus) {
	for i, cycle := range incident.Status.Cycles {
		var before v1alpha1.Cycle
		known := i < len(was.Cycles)
		if known {
			before = was.Cycles[i]
		}
		if !known {
			announceOpening(recorder, incident, i)
		}
		announceCycle(recorder, incident, before, cycle, i == len(incident.Status.Cycles)-1)
	}
	snoozed := incident.Status.State == v1alpha1.StateSnoozed
	switch {
	case snoozed && was.State != v1alpha1.StateSnoozed:
		eventSnoozed(recorder, incident, ptr.Deref(incident.Spec.Response, v1alpha1.Response{}))
	case !snoozed && was.State == v1alpha1.StateSnoozed && loop.IsUnresolved(incident):
		eventSnoozeEnded(recorder, incident)
	}
	announceNotified(recorder, incident, notifiedOf(was), notifiedOf(incident.Status))
}

// announceNotified tells when people are paged for the first time in a cycle, and what keeps them from being paged.
func announceNotified(recorder events.EventRecorder, incident *v1alpha1.Incident, was, is metav1.Condition) {
	if was.Reason == is.Reason {
		return
	}
	switch is.Reason {
	case v1alpha1.ReasonNotified:
		eventNotified(recorder, incident, is)
	case v1alpha1.ReasonPolicyMissing, v1alpha1.ReasonChannelMissing, v1alpha1.ReasonSendingFailed, v1alpha1.ReasonNobodyOnCall:
		obstaclesTotal.WithLabelValues(is.Reason).Inc()
		eventNotNotified(recorder, incident, is)
	}
}

func announceOpening(recorder events.EventRecorder, incident *v1alpha1.Incident, index int) {
	switch {
	case index > 0:
		eventReopened(recorder, incident, index+1)
	case incident.Spec.Test:
		eventTestNotification(recorder, incident)
	default:
		eventOpened(recorder, incident)
	}
}

// announceCycle tells what is new in one cycle. The conditions tell more, but only of the last one.
func announceCycle(recorder events.EventRecorder, incident *v1alpha1.Incident, was, is v1alpha1.Cycle, last bool) {
	conditions := incident.Status.Conditions
	switch {
	case was.AcknowledgedAt == nil && is.AcknowledgedAt != nil:
		message := "Acknowledged"
		if last {
			message = loop.ConditionOf(conditions, v1alpha1.ConditionAcknowledged).Message
		}
		eventAcknowledged(recorder, incident, message)
	case was.AcknowledgedAt != nil && is.AcknowledgedAt == nil:
		eventAcknowledgementGone(recorder, incident)
	}
	if was.ResolvedAt != nil || is.ResolvedAt == nil {
		return
	}
	if resolved := loop.ConditionOf(conditions, v1alpha1.ConditionResolved); last {
		eventResolved(recorder, incident, resolved.Reason, resolved.Message)
		return
	}
	eventResolved(recorder, incident, v1alpha1.ReasonResolvedBySentry, "Resolved by "+is.ResolvedBy)
}
