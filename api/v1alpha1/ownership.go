package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// OwnerReference makes the source the controller of what belongs to it. It does not block the source's deletion: that
// would need a permission on finalizers, for nothing.
func (s *AlertSource) OwnerReference() metav1.OwnerReference {
	controller := true
	return metav1.OwnerReference{
		APIVersion: GroupVersion.String(),
		Kind:       KindAlertSource,
		Name:       s.Name,
		UID:        s.UID,
		Controller: &controller,
	}
}

// IsSourceNamed tells whether an owner is an AlertSource of a name: this one, or an earlier one that had its name.
func IsSourceNamed(owner metav1.OwnerReference, name string) bool {
	group, err := schema.ParseGroupVersion(owner.APIVersion)
	return err == nil && group.Group == GroupVersion.Group && owner.Kind == KindAlertSource && owner.Name == name
}
