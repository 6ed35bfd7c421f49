package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion is the API group and version of every kind in this package.
	GroupVersion = schema.GroupVersion{Group: "itoc360.io", Version: "v1alpha1"}

	// SchemeBuilder collects the functions that register this package's kinds.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme registers this package's kinds in a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&AlertSource{}, &AlertSourceList{}, &Incident{}, &IncidentList{},
		&EscalationPolicy{}, &EscalationPolicyList{}, &NotificationChannel{}, &NotificationChannelList{},
		&OnCallSchedule{}, &OnCallScheduleList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
