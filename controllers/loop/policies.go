package loop

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// PoliciesOf are the policies, in the namespace of a channel, that tell it.
func PoliciesOf(ctx context.Context, reader client.Reader, channel client.ObjectKey) ([]client.ObjectKey, error) {
	var list v1alpha1.EscalationPolicyList
	if err := reader.List(ctx, &list, client.InNamespace(channel.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list policies: %w", err)
	}
	var names []client.ObjectKey
	for i := range list.Items {
		if slices.Contains(ChannelsOf(list.Items[i].Spec), channel.Name) {
			names = append(names, client.ObjectKeyFromObject(&list.Items[i]))
		}
	}
	return names, nil
}

// ChannelsOf are the names of a policy's channels, each once, in the order of the steps.
func ChannelsOf(spec v1alpha1.EscalationPolicySpec) []string {
	var names []string
	for _, step := range spec.Steps {
		for _, recipient := range step.Notify {
			if name := recipient.ChannelRef.Name; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
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
