package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// The bounds of an Incident.
const (
	// MaxSignals is how many signals an Incident keeps.
	MaxSignals = 20
	// MaxCycles is how many cycles one Incident has; the next Alert opens the next Incident.
	MaxCycles = 8
)

// Incident is one alert's way from opened to resolved, named and numbered so that no alert has two unresolved ones.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=inc,categories=itoc360
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:selectablefield:JSONPath=`.spec.sourceRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.issue.id`
// +kubebuilder:selectablefield:JSONPath=`.spec.priority`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Priority",type=string,JSONPath=`.spec.priority`
// +kubebuilder:printcolumn:name="Number",type=integer,JSONPath=`.spec.number`
// +kubebuilder:printcolumn:name="Issue",type=string,JSONPath=`.spec.issue.shortID`
// +kubebuilder:printcolumn:name="Title",type=string,JSONPath=`.spec.issue.title`
// +kubebuilder:printcolumn:name="Assignee",type=string,JSONPath=`.spec.issue.assignee`
// +kubebuilder:printcolumn:name="Signals",type=integer,JSONPath=`.spec.signalCount`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Incident struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec holds the facts: what the intake heard and what responders want.
	// +required
	Spec IncidentSpec `json:"spec"`
	// status holds the conclusions, all of them rebuildable from spec.
	// +optional
	// +kubebuilder:default={"state":"Open","observedGeneration":-1}
	Status IncidentStatus `json:"status,omitzero"`
}

// IncidentList is a list of Incidents.
//
// +kubebuilder:object:root=true
type IncidentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Incident `json:"items"`
}

// Priority says how urgent an Incident is.
// +kubebuilder:validation:Enum=Low;Medium;High;Critical
type Priority string

// The priorities, as Sentry's low, medium, high and critical.
const (
	PriorityLow      Priority = "Low"
	PriorityMedium   Priority = "Medium"
	PriorityHigh     Priority = "High"
	PriorityCritical Priority = "Critical"
)

// IncidentSpec holds the facts about an Incident: what the intake heard and what responders want.
//
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.response) || !has(oldSelf.response.resolvedBy) || (has(self.response) && has(self.response.resolvedBy) && self.response.resolvedBy == oldSelf.response.resolvedBy && self.response.resolvedAt == oldSelf.response.resolvedAt)",message="a resolve by hand cannot be taken back or changed; the next alert opens the next Incident"
type IncidentSpec struct {
	// sourceRef names the AlertSource, in the same namespace, that the Incident belongs to. It cannot be changed.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="sourceRef cannot be changed"
	SourceRef SourceReference `json:"sourceRef"`
	// alertKey says which alert of the source this is: issue/<id> or metric/<id>. It cannot be changed.
	// +required
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^(issue|metric)/[0-9]+$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="alertKey cannot be changed"
	AlertKey AlertKey `json:"alertKey"`
	// number counts the Incidents of one alert key, from 1. It cannot be changed.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="number cannot be changed"
	Number int32 `json:"number"`
	// issue is what Sentry last said about the issue.
	// +optional
	Issue Issue `json:"issue,omitzero"`
	// priority is Sentry's priority or, where it names none, the one that the issue's level stands for.
	// +required
	Priority Priority `json:"priority"`
	// test is true for what Sentry's "Send Test Notification" sent: shown, never escalated, gone after an hour.
	// +optional
	// +kubebuilder:default=false
	// +kubebuilder:validation:XValidation:rule="self || !oldSelf",message="a test cannot be turned into a real Incident"
	Test bool `json:"test"`
	// signals are what was heard, in time order: the first, every change of state and the newest.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	Signals []Signal `json:"signals"`
	// signalCount is the number of signals ever heard, those no longer kept included.
	// +required
	// +kubebuilder:validation:Minimum=1
	SignalCount int64 `json:"signalCount"`
	// response is what responders want. The write that reopens an Incident moves it into signals.
	// +optional
	Response *Response `json:"response,omitempty"`
}

// SourceReference names an AlertSource in the same namespace.
type SourceReference struct {
	// name of the AlertSource.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name"`
}

// Issue is what Sentry last said about an issue or a metric alert. A field that Sentry left out is kept; one that it
// sent as null is cleared.
type Issue struct {
	// id is Sentry's id of the issue, or of the metric alert: spec.alertKey says which.
	// +optional
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^[0-9]*$`
	ID string `json:"id,omitempty"`
	// shortID is the issue's short name, such as CHECKOUT-1A; it changes when the project is renamed.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	ShortID string `json:"shortID,omitempty"`
	// title of the issue, cut at 256 characters.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Title string `json:"title,omitempty"`
	// culprit is where it happened, cut at 256 characters.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Culprit string `json:"culprit,omitempty"`
	// level as Sentry names it: debug, info, warning, error, fatal, or a newer word.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Level string `json:"level,omitempty"`
	// status as Sentry names it: unresolved, resolved, ignored, or a newer word.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Status string `json:"status,omitempty"`
	// substatus as Sentry names it: new, ongoing, escalating, regressed, or a newer word.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Substatus string `json:"substatus,omitempty"`
	// project is the slug of the Sentry project.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Project string `json:"project,omitempty"`
	// platform as Sentry names it, such as python.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Platform string `json:"platform,omitempty"`
	// url of the issue in Sentry.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url,omitempty"`
	// assignee is the name of the person or team that the issue is assigned to.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Assignee string `json:"assignee,omitempty"`
	// firstSeen is when Sentry first saw the issue.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	FirstSeen *metav1.Time `json:"firstSeen,omitempty"`
}

// SignalEvent is what a signal means.
// +kubebuilder:validation:Enum=Alert;Update;Acknowledge;Resolve
type SignalEvent string

// What a signal can mean. Of these, only an Alert opens or reopens.
const (
	SignalAlert       SignalEvent = "Alert"
	SignalUpdate      SignalEvent = "Update"
	SignalAcknowledge SignalEvent = "Acknowledge"
	SignalResolve     SignalEvent = "Resolve"
)

// SignalEffect is what a signal did to its Incident, decided once, when it was recorded.
// +kubebuilder:validation:Enum=Opened;Updated;Acknowledged;Reopened;Resolved;None
type SignalEffect string

// What a signal can do to an Incident.
const (
	EffectOpened       SignalEffect = "Opened"
	EffectUpdated      SignalEffect = "Updated"
	EffectAcknowledged SignalEffect = "Acknowledged"
	EffectReopened     SignalEffect = "Reopened"
	EffectResolved     SignalEffect = "Resolved"
	EffectNone         SignalEffect = "None"
)

// Who a signal can come from, besides a responder, whose Kubernetes user name stands in by.
const (
	BySentry   = "Sentry"
	ByOperator = "Operator"
)

// Signal is one thing heard about an Incident.
type Signal struct {
	// The API server's date-time is wider than what Go reads, and one object that cannot be read would hide all others
	// from the operator. Hence the patterns of the times that only the operator writes.

	// time is when it happened by the sender's clock (Sentry-Hook-Timestamp), or its arrival where that is unusable.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}[.][0-9]{6}Z$`
	Time metav1.MicroTime `json:"time"`
	// receivedAt is when it arrived, by the operator's clock.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}[.][0-9]{6}Z$`
	ReceivedAt metav1.MicroTime `json:"receivedAt"`
	// event is what it means.
	// +required
	Event SignalEvent `json:"event"`
	// action is the sender's word for it: created, assigned, unresolved, archived, resolved, triggered, critical, ...;
	// silence where the operator resolved, acknowledge or snooze for a responder's response to an earlier cycle.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Action string `json:"action,omitempty"`
	// effect is what it did to the Incident.
	// +required
	Effect SignalEffect `json:"effect"`
	// by is who sent it: Sentry, Operator, or a responder's user name.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	By string `json:"by,omitempty"`
	// priority that it named, if any.
	// +optional
	Priority Priority `json:"priority,omitempty"`
	// rule is the name of the alert rule that fired, if any.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Rule string `json:"rule,omitempty"`
}

// Response is what responders want of an Incident. A time ahead of now counts as now, except snoozedUntil.
//
// +kubebuilder:validation:XValidation:rule="has(self.acknowledgedBy) == has(self.acknowledgedAt)",message="acknowledgedBy and acknowledgedAt go together, such as {acknowledgedBy: alice, acknowledgedAt: 2026-01-31T03:04:05Z}"
// +kubebuilder:validation:XValidation:rule="has(self.snoozedBy) == has(self.snoozedUntil)",message="snoozedBy and snoozedUntil go together, such as {snoozedBy: alice, snoozedUntil: 2026-01-31T07:00:00Z}"
// +kubebuilder:validation:XValidation:rule="has(self.resolvedBy) == has(self.resolvedAt)",message="resolvedBy and resolvedAt go together, such as {resolvedBy: alice, resolvedAt: 2026-01-31T03:04:05Z}"
type Response struct {
	// acknowledgedBy is the Kubernetes user name of who acknowledged.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	AcknowledgedBy string `json:"acknowledgedBy,omitempty"`
	// acknowledgedAt is when.
	// +optional
	AcknowledgedAt *metav1.Time `json:"acknowledgedAt,omitempty"`
	// snoozedBy is the Kubernetes user name of who snoozed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SnoozedBy string `json:"snoozedBy,omitempty"`
	// snoozedUntil is when the snooze ends.
	// +optional
	SnoozedUntil *metav1.Time `json:"snoozedUntil,omitempty"`
	// resolvedBy is the Kubernetes user name of who resolved by hand. Such an Incident is never reopened: a newer Alert
	// opens the next one. It cannot be taken back.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ResolvedBy string `json:"resolvedBy,omitempty"`
	// resolvedAt is when; an Alert that arrives later opens the next Incident.
	// +optional
	ResolvedAt *metav1.Time `json:"resolvedAt,omitempty"`
}

// IncidentState is where an Incident stands.
// +kubebuilder:validation:Enum=Open;Acknowledged;Snoozed;Resolved
type IncidentState string

// Where an Incident can stand. All but Resolved are unresolved.
const (
	StateOpen         IncidentState = "Open"
	StateAcknowledged IncidentState = "Acknowledged"
	StateSnoozed      IncidentState = "Snoozed"
	StateResolved     IncidentState = "Resolved"
)

// IncidentStatus holds the conclusions from an Incident's spec.
type IncidentStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of; -1 before the first look.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// state is where the Incident stands now.
	// +optional
	State IncidentState `json:"state,omitempty"`
	// cycles are the ways from opened to resolved, oldest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Cycles []Cycle `json:"cycles,omitempty"`
	// conditions are Acknowledged and Resolved.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Cycle is one way from opened to resolved.
type Cycle struct {
	// openedAt is the time of the signal that opened or reopened.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}[.][0-9]{6}Z$`
	OpenedAt metav1.MicroTime `json:"openedAt"`
	// acknowledgedAt is when it was acknowledged, if it is.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}[.][0-9]{6}Z$`
	AcknowledgedAt *metav1.MicroTime `json:"acknowledgedAt,omitempty"`
	// resolvedAt is when it was resolved; absent while unresolved.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}[.][0-9]{6}Z$`
	ResolvedAt *metav1.MicroTime `json:"resolvedAt,omitempty"`
	// resolvedBy is who resolved it: Sentry, Operator (after silence), or a responder's user name.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ResolvedBy string `json:"resolvedBy,omitempty"`
}
