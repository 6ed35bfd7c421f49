// Package v1alpha1 is the vocabulary of the operator: the AlertSource that a platform team applies and the Incident
// that a Sentry webhook becomes.
//
// +kubebuilder:object:generate=true
// +groupName=itoc360.io
package v1alpha1
