package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// IntakeMemory is how long what a replica's intake reported counts.
	IntakeMemory = time.Hour
	// ProblemMemory is how long a replica's report that it cannot record signals counts. It says so anew each minute.
	ProblemMemory = 3 * time.Minute
	// MaxIgnoredProjects is how many projects turned away are named, by a replica and altogether.
	MaxIgnoredProjects = 10
)

// SignatureResult is what became of a delivery's signature.
// +kubebuilder:validation:Enum=Verified;Refused;Unreadable
type SignatureResult string

// What can become of a signature.
const (
	// SignatureVerified: it matched a client secret.
	SignatureVerified SignatureResult = "Verified"
	// SignatureRefused: it matched no client secret.
	SignatureRefused SignatureResult = "Refused"
	// SignatureUnreadable: a client secret could not be read, so it could not be told.
	SignatureUnreadable SignatureResult = "Unreadable"
)

// IntakeReport is what one replica's intake knows of a source. It goes an hour after the replica last wrote it.
type IntakeReport struct {
	// replica is the name of the Pod.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Replica string `json:"replica"`
	// reportedAt is when the replica wrote this.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	ReportedAt metav1.Time `json:"reportedAt"`
	// lastSignalTime is when the replica last recorded a webhook.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	LastSignalTime *metav1.Time `json:"lastSignalTime,omitempty"`
	// lastSignature is what became of the signature of the last delivery that bore the source's token; absent where the
	// source names no client secret.
	// +optional
	LastSignature SignatureResult `json:"lastSignature,omitempty"`
	// lastSignatureTime is when that was.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	LastSignatureTime *metav1.Time `json:"lastSignatureTime,omitempty"`
	// refused is how many deliveries of the hour before reportedAt bore the source's token and a signature that matched
	// no client secret.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Refused int32 `json:"refused,omitempty"`
	// ignoredProjects are up to 10 slugs of projects that the allow-list turned away in the hour before reportedAt.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MaxLength=128
	IgnoredProjects []string `json:"ignoredProjects,omitempty"`
	// notRecording says why signals of the source are not recorded; absent if all are. The replica writes it anew each minute for as
	// long as it holds.
	// +optional
	NotRecording *RecordingProblem `json:"notRecording,omitempty"`
}

// RecordingProblem is what keeps a replica from recording signals of a source. It keeps them on its disk, if it has one, and tries
// again.
type RecordingProblem struct {
	// since is when the first of them was refused.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	Since metav1.Time `json:"since"`
	// reason in one word: Forbidden, Invalid, NameTaken or Panicked.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason"`
	// message is what the API server said, cut at 256 characters.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Message string `json:"message,omitempty"`
	// alerts is how many alerts have signals that wait.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Alerts int32 `json:"alerts,omitempty"`
}
