package alertsource

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	labelManagedBy = "app.kubernetes.io/managed-by"
	managedBy      = "itoc360-operator"
)

// ownership says whose a webhook Secret is.
type ownership int

const (
	// ownedByOther: a foreigner's, never to be touched.
	ownedByOther ownership = iota
	// ownedByEarlier: it was made for an earlier source of the same name, or orphaned by it; its token may still stand
	// in Sentry, so it is adopted.
	ownedByEarlier
	ownedBySource
)

func ownershipOf(secret *corev1.Secret, source *v1alpha1.AlertSource) ownership {
	owner := metav1.GetControllerOf(secret)
	switch {
	case owner == nil && hasLabels(secret, source):
		return ownedByEarlier
	case owner == nil || !v1alpha1.IsSourceNamed(*owner, source.Name):
		return ownedByOther
	case owner.UID == source.UID:
		return ownedBySource
	default:
		return ownedByEarlier
	}
}

func hasLabels(secret *corev1.Secret, source *v1alpha1.AlertSource) bool {
	return secret.Labels[labelManagedBy] == managedBy && secret.Labels[v1alpha1.LabelSource] == source.Name
}

// own makes a source the owner of its Secret, in place of an earlier source of its name.
func own(secret *corev1.Secret, source *v1alpha1.AlertSource) {
	if secret.Labels == nil {
		secret.Labels = map[string]string{}
	}
	secret.Labels[labelManagedBy] = managedBy
	secret.Labels[v1alpha1.LabelSource] = source.Name
	if ownershipOf(secret, source) == ownedBySource {
		return
	}
	owners := []metav1.OwnerReference{source.OwnerReference()}
	for _, owner := range secret.OwnerReferences {
		if !v1alpha1.IsSourceNamed(owner, source.Name) {
			owners = append(owners, owner)
		}
	}
	secret.OwnerReferences = owners
}
