package loop

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// PoliciesOf are the policies, in the namespace of a channel, that tell it, directly or while somebody is on call.
func PoliciesOf(ctx context.Context, reader client.Reader, channel client.ObjectKey) ([]client.ObjectKey, error) {
	schedules, err := SchedulesWith(ctx, reader, channel)
	if err != nil {
		return nil, err
	}
	return policies(ctx, reader, channel.Namespace, func(spec v1alpha1.EscalationPolicySpec) bool {
		return slices.Contains(ChannelsOf(spec), channel.Name) || slices.ContainsFunc(schedules, func(schedule client.ObjectKey) bool {
			return slices.Contains(SchedulesOf(spec), schedule.Name)
		})
	})
}

// PoliciesBy are the policies, in the namespace of a schedule, that name it.
func PoliciesBy(ctx context.Context, reader client.Reader, schedule client.ObjectKey) ([]client.ObjectKey, error) {
	return policies(ctx, reader, schedule.Namespace, func(spec v1alpha1.EscalationPolicySpec) bool {
		return slices.Contains(SchedulesOf(spec), schedule.Name)
	})
}

func policies(
	ctx context.Context, reader client.Reader, namespace string, are func(v1alpha1.EscalationPolicySpec) bool,
) ([]client.ObjectKey, error) {
	var list v1alpha1.EscalationPolicyList
	if err := reader.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list policies: %w", err)
	}
	var names []client.ObjectKey
	for i := range list.Items {
		if are(list.Items[i].Spec) {
			names = append(names, client.ObjectKeyFromObject(&list.Items[i]))
		}
	}
	return names, nil
}

// SchedulesWith are the schedules, in the namespace of a channel, with a member whom it reaches.
func SchedulesWith(ctx context.Context, reader client.Reader, channel client.ObjectKey) ([]client.ObjectKey, error) {
	var list v1alpha1.OnCallScheduleList
	if err := reader.List(ctx, &list, client.InNamespace(channel.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list schedules: %w", err)
	}
	var names []client.ObjectKey
	for i := range list.Items {
		isReached := func(member v1alpha1.OnCallMember) bool { return member.ChannelRef.Name == channel.Name }
		if slices.ContainsFunc(list.Items[i].Spec.Members, isReached) {
			names = append(names, client.ObjectKeyFromObject(&list.Items[i]))
		}
	}
	return names, nil
}

// ChannelsOf are the names of the channels that a policy names, each once, in the order of the steps.
func ChannelsOf(spec v1alpha1.EscalationPolicySpec) []string {
	return recipients(spec, func(recipient v1alpha1.Recipient) string {
		if recipient.ChannelRef == nil {
			return ""
		}
		return recipient.ChannelRef.Name
	})
}

// SchedulesOf are the names of a policy's schedules, each once, in the order of the steps.
func SchedulesOf(spec v1alpha1.EscalationPolicySpec) []string {
	return recipients(spec, func(recipient v1alpha1.Recipient) string {
		if recipient.ScheduleRef == nil {
			return ""
		}
		return recipient.ScheduleRef.Name
	})
}

func recipients(spec v1alpha1.EscalationPolicySpec, nameOf func(v1alpha1.Recipient) string) []string {
	var names []string
	for _, step := range spec.Steps {
		for _, recipient := range step.Notify {
			if name := nameOf(recipient); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// ChannelsReady says what is wrong with some channels of a namespace; no Reason: nothing.
func ChannelsReady(ctx context.Context, reader client.Reader, namespace string, names []string) (obstacle metav1.Condition, err error) {
	var missing, unready []string
	for _, name := range names {
		channel := &v1alpha1.NotificationChannel{}
		err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, channel)
		switch is := ConditionOf(channel.Status.Conditions, v1alpha1.ConditionReady); {
		case apierrors.IsNotFound(err):
			missing = append(missing, name)
		case err != nil:
			return obstacle, fmt.Errorf("get channel %s: %w", name, err)
		case is.Status != metav1.ConditionTrue:
			unready = append(unready, name)
		}
	}
	switch {
	case len(missing) > 0:
		obstacle.Reason = v1alpha1.ReasonChannelMissing
		obstacle.Message = "These NotificationChannels are not there: " + strings.Join(missing, ", ")
	case len(unready) > 0:
		obstacle.Reason = v1alpha1.ReasonChannelNotReady
		obstacle.Message = "These NotificationChannels are not ready: " + strings.Join(unready, ", ")
	}
	return obstacle, nil
}

// SourcesOf are the sources, in the namespace of a policy, that page by it.
func SourcesOf(ctx context.Context, reader client.Reader, policy client.ObjectKey) ([]client.ObjectKey, error) {
	var list v1alpha1.AlertSourceList
	if err := reader.List(ctx, &list, client.InNamespace(policy.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	var names []client.ObjectKey
	for i := range list.Items {
		if ref := list.Items[i].Spec.EscalationPolicyRef; ref != nil && ref.Name == policy.Name {
			names = append(names, client.ObjectKeyFromObject(&list.Items[i]))
		}
	}
	return names, nil
}
