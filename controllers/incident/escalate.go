package incident

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// Dispatcher has channels told what is pending for them in an Incident's ledger.
type Dispatcher interface {
	Enqueue(channel types.NamespacedName, incident *v1alpha1.Incident)
}

// +kubebuilder:rbac:groups=itoc360.io,resources=escalationpolicies;notificationchannels;oncallschedules,verbs=get;list;watch

// planOf is how the people of a source are paged; the source is nil if it is not there.
func (r *Reconciler) planOf(
	ctx context.Context, incident *v1alpha1.Incident, source *v1alpha1.AlertSource,
) (lifecycle.Plan, error) {
	var plan lifecycle.Plan
	var channels []string
	switch policy, err := r.policyOf(ctx, source); {
	case source == nil:
		plan.Obstacle = v1alpha1.ReasonSourceMissing
	case source.Spec.EscalationPolicyRef == nil:
		plan.Obstacle = v1alpha1.ReasonNoPolicy
	case apierrors.IsNotFound(err):
		plan.Obstacle = v1alpha1.ReasonPolicyMissing
	case err != nil:
		return plan, fmt.Errorf("get policy: %w", err)
	default:
		plan.Policy = &policy.Spec
		if plan.OnCall, err = r.onCall(ctx, policy); err != nil {
			return plan, err
		}
		channels = loop.ChannelsOf(policy.Spec)
		for _, duty := range plan.OnCall {
			channels = append(channels, duty.Channel)
		}
	}
	for _, entry := range incident.Status.Notifications {
		if !slices.Contains(channels, entry.Channel) {
			channels = append(channels, entry.Channel)
		}
	}
	plan.Closing = isClosing(incident, source)
	var err error
	plan.Missing, plan.Leaving, err = r.absent(ctx, incident.Namespace, channels)
	return plan, err
}

// onCall is who is on call by a policy's schedules. What is wrong with one shows there; nobody is on call by it.
func (r *Reconciler) onCall(ctx context.Context, policy *v1alpha1.EscalationPolicy) (map[string]lifecycle.Duty, error) {
	duties := map[string]lifecycle.Duty{}
	for _, name := range loop.SchedulesOf(policy.Spec) {
		schedule := &v1alpha1.OnCallSchedule{}
		err := r.Client.Get(ctx, client.ObjectKey{Namespace: policy.Namespace, Name: name}, schedule)
		switch {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("get schedule %s: %w", name, err)
		}
		if duty, err := lifecycle.OnDuty(&schedule.Spec, r.Clock.Now()); err == nil {
			duties[name] = duty
		}
	}
	return duties, nil
}

func (r *Reconciler) policyOf(ctx context.Context, source *v1alpha1.AlertSource) (*v1alpha1.EscalationPolicy, error) {
	if source == nil || source.Spec.EscalationPolicyRef == nil {
		return nil, nil
	}
	policy := &v1alpha1.EscalationPolicy{}
	name := client.ObjectKey{Namespace: source.Namespace, Name: source.Spec.EscalationPolicyRef.Name}
	return policy, r.Client.Get(ctx, name, policy)
}

// absent are those of the channels that are not there, and those that are being deleted.
func (r *Reconciler) absent(ctx context.Context, namespace string, channels []string) (missing, leaving map[string]bool, err error) {
	missing, leaving = map[string]bool{}, map[string]bool{}
	for _, name := range channels {
		channel := &v1alpha1.NotificationChannel{}
		err := r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, channel)
		if client.IgnoreNotFound(err) != nil {
			return nil, nil, fmt.Errorf("get channel %s: %w", name, err)
		}
		missing[name], leaving[name] = err != nil, channel.DeletionTimestamp != nil
	}
	return missing, leaving, nil
}

// pendingChannels are the channels for which something is pending.
func pendingChannels(entries []v1alpha1.Notification) []string {
	var names []string
	for _, entry := range entries {
		if entry.State == v1alpha1.NotificationPending && !slices.Contains(names, entry.Channel) {
			names = append(names, entry.Channel)
		}
	}
	return names
}

// dispatch has the channels told what is pending.
func (r *Reconciler) dispatch(incident *v1alpha1.Incident) {
	for _, name := range pendingChannels(incident.Status.Notifications) {
		r.Dispatcher.Enqueue(types.NamespacedName{Namespace: incident.Namespace, Name: name}, incident)
	}
}

// escalate adds to a status what follows for those who are on call, and says when to look again.
func escalate(
	incident *v1alpha1.Incident, was v1alpha1.IncidentStatus, status *v1alpha1.IncidentStatus, plan lifecycle.Plan, now time.Time,
) (next time.Time) {
	escalation := lifecycle.Escalate(lifecycle.Situation{
		Spec: &incident.Spec, Was: was, Is: *status, Restored: lifecycle.RestoredAt(incident), Plan: plan, Now: now,
	})
	status.Escalation, status.Notifications = escalation.Run, escalation.Notifications
	loop.Stamp(&escalation.Notified, was.Conditions, incident.Generation, now)
	status.Conditions = append(status.Conditions, escalation.Notified)
	return escalation.Next
}

// tellTimeout tells the inbox of an acknowledgement that has timed out, and says when to look again (zero: never).
func (r *Reconciler) tellTimeout(
	ctx context.Context, incident *v1alpha1.Incident, source *v1alpha1.AlertSource, plan lifecycle.Plan, now time.Time,
) (time.Time, error) {
	if source == nil || source.DeletionTimestamp != nil || plan.Policy == nil {
		return time.Time{}, nil
	}
	timeout := plan.Policy.AckTimeout.Duration
	due := lifecycle.AcknowledgementEnds(incident.Status, timeout)
	if due.IsZero() || due.After(now) {
		return due, nil
	}
	name := client.ObjectKeyFromObject(source)
	acknowledged := lifecycle.AcknowledgementOf(&incident.Spec)
	if err := r.Inbox.RecordAcknowledgementTimeout(ctx, name, incident.Spec.AlertKey, acknowledged); err != nil {
		return time.Time{}, fmt.Errorf("record acknowledgement timeout: %w", err)
	}
	return now.Add(inboxRetry), nil
}

// outcomesDiffer tells whether the ledger's entries stand otherwise than before. Claims, and what this controller itself
// adds, make no difference.
func outcomesDiffer(was, is []v1alpha1.Notification) bool {
	for i := range min(len(was), len(is)) {
		if was[i].State != is[i].State || was[i].Reason != is[i].Reason {
			return true
		}
	}
	return false
}

// notifiedOf is the Notified condition of a status.
func notifiedOf(status v1alpha1.IncidentStatus) metav1.Condition {
	return loop.ConditionOf(status.Conditions, v1alpha1.ConditionNotified)
}
