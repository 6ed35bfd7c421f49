package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MaxNotifications is how many notifications an Incident's ledger keeps. Those go first that nothing rests on any more:
// neither what is done in this round, nor whom to tell of the resolve.
const MaxNotifications = 128

// EscalationRun is the run of its policy's steps that an Incident is in.
type EscalationRun struct {
	// run counts the runs, from 1: one begins when a cycle opens, an acknowledgement is withdrawn, or a snooze ends.
	// +required
	// +kubebuilder:validation:Minimum=1
	Run int32 `json:"run"`
	// cause is the time of what began the run, by the operator's clock.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}[.][0-9]{6}Z$`
	Cause metav1.MicroTime `json:"cause"`
	// startedAt is what each step's after counts from: the cause, or when the operator first saw it if that was earlier.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}[.][0-9]{6}Z$`
	StartedAt metav1.MicroTime `json:"startedAt"`
}

// NotificationKind is what a notification tells.
// +kubebuilder:validation:Enum=Page;Update;Resolved
type NotificationKind string

// What a notification can tell.
const (
	// KindPage: somebody is needed.
	KindPage NotificationKind = "Page"
	// KindUpdate: somebody has answered, or the priority has risen meanwhile.
	KindUpdate NotificationKind = "Update"
	// KindResolved: it is over.
	KindResolved NotificationKind = "Resolved"
)

// NotificationState is where a notification stands.
// +kubebuilder:validation:Enum=Pending;Sent;Failed;Superseded
type NotificationState string

// Where a notification can stand. All but Pending are final.
const (
	// NotificationPending: to be sent, or to be tried again.
	NotificationPending NotificationState = "Pending"
	// NotificationSent: the target took it.
	NotificationSent NotificationState = "Sent"
	// NotificationFailed: the target will not take it.
	NotificationFailed NotificationState = "Failed"
	// NotificationSuperseded: a later one to the same channel says more, or nothing needs to be said any more.
	NotificationSuperseded NotificationState = "Superseded"
)

// Notification is one entry of an Incident's ledger: something to tell a channel, and what became of it. Run, loop, step,
// channel, kind and sequence are its key.
type Notification struct {
	// cycle of the Incident that it tells of, from 1.
	// +required
	// +kubebuilder:validation:Minimum=1
	Cycle int32 `json:"cycle"`
	// run that it belongs to.
	// +required
	// +kubebuilder:validation:Minimum=1
	Run int32 `json:"run"`
	// loop is the round of the steps within the run, from 0.
	// +required
	// +kubebuilder:validation:Minimum=0
	Loop int32 `json:"loop"`
	// step that a Page belongs to.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Step string `json:"step,omitempty"`
	// channel is the name of the NotificationChannel.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Channel string `json:"channel"`
	// kind is what it tells.
	// +required
	Kind NotificationKind `json:"kind"`
	// sequence counts the Updates of a run to a channel, from 0; of a Resolved it is the cycle, or more
	// if the channel was told before that this cycle is over; of a Page it is 1 if the Incident became Critical after a
	// summary told of it, else 0.
	// +required
	// +kubebuilder:validation:Minimum=0
	Sequence int32 `json:"sequence"`
	// priority of the Incident when it was due.
	// +required
	Priority Priority `json:"priority"`
	// dueAt is when it had to be sent, but at most an hour before the operator found that it was due.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}[.][0-9]{6}Z$`
	DueAt metav1.MicroTime `json:"dueAt"`
	// state is where it stands.
	// +required
	State NotificationState `json:"state"`
	// attempts is how often a send was begun.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Attempts int32 `json:"attempts,omitempty"`
	// sendBefore is there while a send is under way: what has not begun by then is not sent under this claim, and nobody
	// else sends it until five seconds later.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}[.][0-9]{6}Z$`
	SendBefore *metav1.MicroTime `json:"sendBefore,omitempty"`
	// nextAttempt is when it is tried again, if it failed before.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}[.][0-9]{6}Z$`
	NextAttempt *metav1.MicroTime `json:"nextAttempt,omitempty"`
	// closedAt is when its state became final.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}[.][0-9]{6}Z$`
	ClosedAt *metav1.MicroTime `json:"closedAt,omitempty"`
	// mayHaveArrived is true if the outcome of a send is not known: the operator ended between the send and its record, or
	// the target's answer was lost.
	// +optional
	MayHaveArrived bool `json:"mayHaveArrived,omitempty"`
	// gathered is true if it was told in a summary of several Incidents.
	// +optional
	Gathered bool `json:"gathered,omitempty"`
	// receipt is how the target names the message that it took: the channel and time of one in Slack, the Message-ID of a mail.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Receipt string `json:"receipt,omitempty"`
	// reason says in one word why the last attempt failed, or why nothing was sent.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`
	// error says it in a sentence, without anything secret.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Error string `json:"error,omitempty"`
}
