package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// OnCallSchedule says who is on call at a time, and which channel reaches them. A step of an EscalationPolicy may notify it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oncall,categories=itoc360
// +kubebuilder:printcolumn:name="On Call",type=string,JSONPath=`.status.onCall`
// +kubebuilder:printcolumn:name="Until",type=string,JSONPath=`.status.until`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type OnCallSchedule struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the team has agreed on.
	// +required
	Spec OnCallScheduleSpec `json:"spec"`
	// status is who is on call now.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status OnCallScheduleStatus `json:"status,omitzero"`
}

// OnCallScheduleList is a list of OnCallSchedules.
//
// +kubebuilder:object:root=true
type OnCallScheduleList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OnCallSchedule `json:"items"`
}

// OnCallScheduleSpec is who takes turns, and when.
//
// +kubebuilder:validation:XValidation:rule="self.layers.all(layer, layer.members.all(name, self.members.exists(member, member.name == name)))",message="a layer's members are among the members of the schedule"
// +kubebuilder:validation:XValidation:rule="!has(self.overrides) || self.overrides.all(override, self.members.exists(member, member.name == override.member))",message="an override's member is among the members of the schedule"
type OnCallScheduleSpec struct {
	// timeZone in which all local times are meant, by its name in the IANA database. Default: UTC.
	// +optional
	// +kubebuilder:default=UTC
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9_+/-]*$`
	TimeZone string `json:"timeZone,omitempty"`
	// members are all who can be on call.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	Members []OnCallMember `json:"members"`
	// layers are rotations. Of those that cover a time, the last one in the list holds.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	Layers []OnCallLayer `json:"layers"`
	// overrides put somebody else on call for a while, such as a holiday. Of those that cover a time, the last one in the list
	// holds, whatever the layers say.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	Overrides []OnCallOverride `json:"overrides,omitempty"`
}

// OnCallMember is somebody who can be on call.
type OnCallMember struct {
	// name of the member.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// channelRef names the NotificationChannel that reaches the member, in the same namespace.
	// +required
	ChannelRef ChannelReference `json:"channelRef"`
}

// RotationPeriod is how long a turn is.
// +kubebuilder:validation:Enum=Day;Week
type RotationPeriod string

// How long a turn can be.
const (
	RotationDay  RotationPeriod = "Day"
	RotationWeek RotationPeriod = "Week"
)

// OnCallLayer is a rotation.
type OnCallLayer struct {
	// name of the layer.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// members take turns in this order, by their names.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Members []string `json:"members"`
	// every is how long a turn is. Default: Week.
	// +optional
	// +kubebuilder:default=Week
	Every RotationPeriod `json:"every,omitempty"`
	// startsOn is the local date on which the first member's turn begins; that of a weekly rotation also says on which day of
	// the week turns begin. Before it the layer covers nothing.
	// +required
	// +kubebuilder:validation:Format=date
	// +kubebuilder:validation:MaxLength=10
	StartsOn string `json:"startsOn"`
	// handOver is the local time of day at which turns begin. Default: 09:00.
	// +optional
	// +kubebuilder:default="09:00"
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
	HandOver string `json:"handOver,omitempty"`
	// hours restrict the layer. Default: it covers all day, every day.
	// +optional
	Hours *OnCallHours `json:"hours,omitempty"`
}

// Weekday is a day of the week.
// +kubebuilder:validation:Enum=Monday;Tuesday;Wednesday;Thursday;Friday;Saturday;Sunday
type Weekday string

// OnCallHours are hours of some days.
type OnCallHours struct {
	// days on which the hours begin. Default: every day.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=7
	Days []Weekday `json:"days,omitempty"`
	// from is the local time of day at which the hours begin.
	// +required
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
	From string `json:"from"`
	// until is the local time of day at which they end, on the next day if it is not later than from.
	// +required
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
	Until string `json:"until"`
}

// OnCallOverride puts a member on call for a while.
//
// +kubebuilder:validation:XValidation:rule="self.from < self.until",message="until must be after from"
type OnCallOverride struct {
	// member by name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Member string `json:"member"`
	// from is when it begins.
	// +required
	From metav1.Time `json:"from"`
	// until is when it is over.
	// +required
	Until metav1.Time `json:"until"`
}

// ScheduleReference names an OnCallSchedule in the same namespace.
type ScheduleReference struct {
	// name of the OnCallSchedule.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// OnCallScheduleStatus is who is on call now.
type OnCallScheduleStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of; -1 before the first look.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Reconciling and Stalled, as kstatus defines them. A schedule is ready when somebody is on call and
	// the channels of all members are ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// onCall is the name of the member who is on call; empty if nobody is.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	OnCall string `json:"onCall,omitempty"`
	// until is when somebody else, or nobody, is on call; absent if that is not within a year.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	Until *metav1.Time `json:"until,omitempty"`
}
