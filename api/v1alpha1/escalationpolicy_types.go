package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// EscalationPolicy says who is told of an Incident, and when, until somebody answers.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=escp,categories=itoc360
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type EscalationPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the platform team wants of this policy. Changes hold at once, also for runs under way.
	// +required
	Spec EscalationPolicySpec `json:"spec"`
	// status is what the operator found.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status EscalationPolicyStatus `json:"status,omitzero"`
}

// EscalationPolicyList is a list of EscalationPolicies.
//
// +kubebuilder:object:root=true
type EscalationPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []EscalationPolicy `json:"items"`
}

// EscalationPolicySpec says who is told, and when.
//
// +kubebuilder:validation:XValidation:rule="!has(self.repeat) || self.steps.all(step, duration(step.after) < duration(self.repeat.every))",message="repeat.every must be longer than the after of each step, so that one round is over before the next one begins"
type EscalationPolicySpec struct {
	// steps are taken one after another while nobody answers. A step whose channels have all failed, for good or for two
	// minutes, brings the next one forward.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.map(step, duration(step.after)).isSorted()",message="steps stand in the order of their after, the earliest first"
	Steps []EscalationStep `json:"steps"`
	// repeat takes all steps again while nobody answers. Default: they are taken once.
	// +optional
	Repeat *Repeat `json:"repeat,omitempty"`
	// ackTimeout withdraws an acknowledgement that is older, which starts the steps anew. At least 1m; 0s: never.
	// Default: 0s.
	// +optional
	// +kubebuilder:default="0s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) == duration('0s') || (duration(self) >= duration('1m') && duration(self) <= duration('720h'))",message="ackTimeout is 0s (never) or a duration from 1m to 720h, such as 4h"
	AckTimeout metav1.Duration `json:"ackTimeout,omitzero"`
}

// EscalationStep tells some channels.
type EscalationStep struct {
	// name of the step. A step that is done is not done again in the same round, whatever else of it changes.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`
	// after is when the step is due, since the Incident opened, its acknowledgement was withdrawn or its snooze ended.
	// Default: 0s, at once.
	// +optional
	// +kubebuilder:default="0s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('24h')",message="after is a duration from 0s to 24h, such as 10m"
	After metav1.Duration `json:"after,omitzero"`
	// minPriority holds the step back while the Incident's priority is lower. Default: Low, for every Incident.
	// +optional
	// +kubebuilder:default=Low
	MinPriority Priority `json:"minPriority,omitempty"`
	// notify names whom to tell.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	// +kubebuilder:validation:XValidation:rule="self.all(one, !has(one.channelRef) || self.exists_one(other, has(other.channelRef) && other.channelRef.name == one.channelRef.name))",message="a step names each channel once"
	// +kubebuilder:validation:XValidation:rule="self.all(one, !has(one.scheduleRef) || self.exists_one(other, has(other.scheduleRef) && other.scheduleRef.name == one.scheduleRef.name))",message="a step names each schedule once"
	Notify []Recipient `json:"notify"`
}

// Recipient is who is told by a step.
//
// +kubebuilder:validation:XValidation:rule="has(self.channelRef) != has(self.scheduleRef)",message="a recipient is exactly one of channelRef and scheduleRef"
type Recipient struct {
	// channelRef names a NotificationChannel in the same namespace.
	// +optional
	ChannelRef *ChannelReference `json:"channelRef,omitempty"`
	// scheduleRef names an OnCallSchedule in the same namespace: whoever is on call when the step is taken.
	// +optional
	ScheduleRef *ScheduleReference `json:"scheduleRef,omitempty"`
}

// ChannelReference names a NotificationChannel in the same namespace.
type ChannelReference struct {
	// name of the NotificationChannel.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// PolicyReference names an EscalationPolicy in the same namespace.
type PolicyReference struct {
	// name of the EscalationPolicy.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// Repeat says how often the steps are taken again.
type Repeat struct {
	// times the steps are taken again after the first round.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	Times int32 `json:"times"`
	// every is the time from the beginning of one round to that of the next.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('48h')",message="every is a duration from 1m to 48h, such as 30m"
	Every metav1.Duration `json:"every"`
}

// EscalationPolicyStatus is what the operator found.
type EscalationPolicyStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of; -1 before the first look.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Reconciling and Stalled, as kstatus defines them. A policy is ready when its channels are.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
