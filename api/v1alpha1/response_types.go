package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Response is what responders want of an Incident. A time ahead of now counts as now, except snoozedUntil.
//
// +kubebuilder:validation:XValidation:rule="has(self.acknowledgedBy) == has(self.acknowledgedAt)",message="acknowledgedBy and acknowledgedAt go together, such as {acknowledgedBy: alice, acknowledgedAt: 2026-01-31T03:04:05Z}"
// +kubebuilder:validation:XValidation:rule="has(self.snoozedBy) == has(self.snoozedUntil)",message="snoozedBy and snoozedUntil go together, such as {snoozedBy: alice, snoozedUntil: 2026-01-31T07:00:00Z}"
// +kubebuilder:validation:XValidation:rule="has(self.resolvedBy) == has(self.resolvedAt)",message="resolvedBy and resolvedAt go together, such as {resolvedBy: alice, resolvedAt: 2026-01-31T03:04:05Z}"
type Response struct {
	// The operator writes these times anew, in UTC, where the year must still have four digits. Hence their bounds.

	// acknowledgedBy is the Kubernetes user name of who acknowledged.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	AcknowledgedBy string `json:"acknowledgedBy,omitempty"`
	// acknowledgedAt is when.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= timestamp('2000-01-01T00:00:00Z') && self < timestamp('3000-01-01T00:00:00Z')",message="not a time of this millennium: write one such as 2026-01-31T03:04:05Z"
	AcknowledgedAt *metav1.Time `json:"acknowledgedAt,omitempty"`
	// snoozedBy is the Kubernetes user name of who snoozed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SnoozedBy string `json:"snoozedBy,omitempty"`
	// snoozedUntil is when the snooze ends.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= timestamp('2000-01-01T00:00:00Z') && self < timestamp('3000-01-01T00:00:00Z')",message="not a time of this millennium: write one such as 2026-01-31T03:04:05Z"
	SnoozedUntil *metav1.Time `json:"snoozedUntil,omitempty"`
	// resolvedBy is the Kubernetes user name of who resolved by hand. Such an Incident is never reopened: a newer Alert
	// opens the next one. It cannot be taken back.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ResolvedBy string `json:"resolvedBy,omitempty"`
	// resolvedAt is when; an Alert that arrives later opens the next Incident.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self >= timestamp('2000-01-01T00:00:00Z') && self < timestamp('3000-01-01T00:00:00Z')",message="not a time of this millennium: write one such as 2026-01-31T03:04:05Z"
	ResolvedAt *metav1.Time `json:"resolvedAt,omitempty"`
}
