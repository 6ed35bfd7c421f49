package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MaxCycles is how many cycles one Incident has; the next Alert opens the next Incident.
const MaxCycles = 8

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
// +kubebuilder:printcolumn:name="Notified",type=string,JSONPath=`.status.conditions[?(@.type=="Notified")].reason`
// +kubebuilder:printcolumn:name="Signals",type=integer,JSONPath=`.spec.signalCount`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Incident struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec holds the facts: what the intake heard and what responders want.
	// +required
	Spec IncidentSpec `json:"spec"`
	// status holds the conclusions, all of them rebuildable from spec, and the ledger of what was sent, which is not.
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
	// alertKey says which alert of the source this is: issue/<id>, metric/<id>, or feed/delivering for the Incident that
	// Sentry's webhooks do not arrive. It cannot be changed.
	// +required
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^((issue|metric)/[0-9]+|feed/delivering)$`
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
	// signals are what was heard, in time order: what tells how the Incident came to be as it is, and the newest twelve
	// of those that tell nothing more.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Signals []Signal `json:"signals"`
	// signalCount is the number of signals ever heard, those no longer kept included.
	// +required
	// +kubebuilder:validation:Minimum=1
	SignalCount int64 `json:"signalCount"`
	// sealed is true for an Incident that is never reopened: while its source has a reopenWindow, it is set before the
	// next one opens. It cannot be taken back.
	// +optional
	// +kubebuilder:default=false
	// +kubebuilder:validation:XValidation:rule="self || !oldSelf",message="a sealed Incident cannot be unsealed; the next alert opens the next Incident"
	Sealed bool `json:"sealed"`
	// recordedAt is when the operator made the Incident, by the API server's clock. A creationTimestamp more than five
	// minutes later tells of a restore from a backup. It cannot be changed.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="recordedAt cannot be changed"
	RecordedAt *metav1.Time `json:"recordedAt,omitempty"`
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
	// projectID is Sentry's id of the project.
	// +optional
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:Pattern=`^[0-9]*$`
	ProjectID string `json:"projectID,omitempty"`
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

// IncidentStatus holds the conclusions from an Incident's spec, and the ledger of what was sent.
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
	// conditions are Acknowledged, Resolved, Notified and, if something was to be written to Sentry, WrittenBack.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// escalation is the run of its policy's steps that the Incident is in; absent before the first.
	// +optional
	Escalation *EscalationRun `json:"escalation,omitempty"`
	// notifications are the ledger of what was sent, to whom, and what became of it, oldest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Notifications []Notification `json:"notifications,omitempty"`
	// writeBack is what became of what was to be written to Sentry: of each kind, the last.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +kubebuilder:validation:MaxItems=3
	WriteBack []WriteRecord `json:"writeBack,omitempty"`
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
