package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// The bounds of an Incident's signals.
const (
	// MaxSignals is how many signals an Incident has at most.
	MaxSignals = 64
	// MaxRepeats is how many of them tell neither of a change of state nor what the next signal is judged by.
	MaxRepeats = 12
)

// SignalEvent is what a signal means.
// +kubebuilder:validation:Enum=Alert;Update;Acknowledge;Resolve;Response
type SignalEvent string

// What a signal can mean. Of these, only an Alert opens or reopens.
const (
	SignalAlert       SignalEvent = "Alert"
	SignalUpdate      SignalEvent = "Update"
	SignalAcknowledge SignalEvent = "Acknowledge"
	SignalResolve     SignalEvent = "Resolve"
	// SignalResponse is a responder's response that no longer holds: a reopening, or a regression, moved it here.
	SignalResponse SignalEvent = "Response"
)

// SignalEffect is what a signal did to its Incident, decided once, when it was recorded.
// +kubebuilder:validation:Enum=Opened;Updated;Acknowledged;Unacknowledged;Reopened;Resolved;Woken;None
type SignalEffect string

// What a signal can do to an Incident.
const (
	EffectOpened         SignalEffect = "Opened"
	EffectUpdated        SignalEffect = "Updated"
	EffectAcknowledged   SignalEffect = "Acknowledged"
	EffectUnacknowledged SignalEffect = "Unacknowledged"
	EffectReopened       SignalEffect = "Reopened"
	EffectResolved       SignalEffect = "Resolved"
	// EffectWoken: a cycle that was quiet, or restored from a backup, is known to be news, and pages.
	EffectWoken SignalEffect = "Woken"
	EffectNone  SignalEffect = "None"
)

// Who a signal can come from, besides a responder, whose Kubernetes user name stands in by.
const (
	BySentry   = "Sentry"
	ByOperator = "Operator"
	// ByResync is by Sentry's API: a change of which no webhook came.
	ByResync = "Resync"
)

// Signal is one thing heard about an Incident.
type Signal struct {
	// The API server's date-time is wider than what Go reads, and one object that cannot be read would hide all others
	// from the operator. Hence the patterns of the times that only the operator writes.

	// time is when it happened by the sender's clock (Sentry-Hook-Timestamp), but no later than its arrival or, if a signal of the
	// alert bears a later time, than that; this bound stands in where the sender's time is unusable.
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
	// changed for what Sentry's API shows that no webhook tells; silence where the operator resolved,
	// acknowledgement-timeout where it withdrew an acknowledgement; not-delivering and delivering of feed/delivering; acknowledge or
	// snooze for a responder's response.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Action string `json:"action,omitempty"`
	// effect is what it did to the Incident.
	// +required
	Effect SignalEffect `json:"effect"`
	// by is who sent it: Sentry (a webhook), Resync (Sentry's API, where no webhook came), Operator, or a responder's
	// user name.
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
	// quiet is true for what opened a cycle without being news: nobody is paged of it until a webhook tells that it goes on.
	// +optional
	Quiet bool `json:"quiet,omitempty"`
	// note says what the action does not: deleted, or merged into another alert, for a Resolve of an issue that Sentry has no more.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	Note string `json:"note,omitempty"`
	// until is when the snooze of a Response would have ended.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	Until *metav1.Time `json:"until,omitempty"`
}
