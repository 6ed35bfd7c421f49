package controllers

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	labelManagedBy = "app.kubernetes.io/managed-by"
	managedBy      = "itoc360-operator"
	kindOfSource   = "AlertSource"
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
	case owner == nil || !isSourceNamed(*owner, source.Name):
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

func isSourceNamed(owner metav1.OwnerReference, name string) bool {
	group, err := schema.ParseGroupVersion(owner.APIVersion)
	return err == nil && group.Group == v1alpha1.GroupVersion.Group && owner.Kind == kindOfSource && owner.Name == name
}

// own makes a source the owner of its Secret, in place of an earlier source of its name. It does not block the
// source's deletion: that would need a permission on finalizers, for nothing.
func own(secret *corev1.Secret, source *v1alpha1.AlertSource) {
	if secret.Labels == nil {
		secret.Labels = map[string]string{}
	}
	secret.Labels[labelManagedBy] = managedBy
	secret.Labels[v1alpha1.LabelSource] = source.Name
	if ownershipOf(secret, source) == ownedBySource {
		return
	}
	owners := []metav1.OwnerReference{{
		APIVersion: v1alpha1.GroupVersion.String(),
		Kind:       kindOfSource,
		Name:       source.Name,
		UID:        source.UID,
		Controller: ptr.To(true),
	}}
	for _, owner := range secret.OwnerReferences {
		if !isSourceNamed(owner, source.Name) {
			owners = append(owners, owner)
		}
	}
	secret.OwnerReferences = owners
}
