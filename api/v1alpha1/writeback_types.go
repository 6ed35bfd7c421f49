package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// WriteBack says what of what responders do is written to Sentry.
type WriteBack struct {
	// resolve, if true, resolves the issue in Sentry when a responder resolves its Incident, unless the issue has come back since, is
	// archived or merged, or a newer Incident tells of it. Default: false.
	// +optional
	// +kubebuilder:default=false
	Resolve bool `json:"resolve"`
	// comment, if true, comments on the issue in Sentry who acknowledged or resolved its Incident, and which one that is. Default:
	// false.
	// +optional
	// +kubebuilder:default=false
	Comment bool `json:"comment"`
}

// WriteBackStatus tells since when responses are written to Sentry. What was answered before is not.
type WriteBackStatus struct {
	// resolveSince is since when resolves are.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	ResolveSince *metav1.Time `json:"resolveSince,omitempty"`
	// commentSince is since when comments are.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	CommentSince *metav1.Time `json:"commentSince,omitempty"`
}

// WriteKind is what is written to Sentry.
// +kubebuilder:validation:Enum=Resolve;ResolveComment;AcknowledgeComment
type WriteKind string

// What can be written to Sentry.
const (
	// WriteResolve resolves the issue.
	WriteResolve WriteKind = "Resolve"
	// WriteResolveComment says who resolved the Incident.
	WriteResolveComment WriteKind = "ResolveComment"
	// WriteAcknowledgeComment says who acknowledged the Incident.
	WriteAcknowledgeComment WriteKind = "AcknowledgeComment"
)

// WriteOutcome is how what was to be written to Sentry ended.
// +kubebuilder:validation:Enum=Written;NotNeeded;Dropped
type WriteOutcome string

// How what was to be written can end.
const (
	// OutcomeWritten: Sentry has taken it.
	OutcomeWritten WriteOutcome = "Written"
	// OutcomeNotNeeded: Sentry said so already.
	OutcomeNotNeeded WriteOutcome = "NotNeeded"
	// OutcomeDropped: it no longer fits what happened in Sentry, or could not be written for too long.
	OutcomeDropped WriteOutcome = "Dropped"
)

// WriteRecord is what became of one thing that was to be written to Sentry. Nothing is written twice for the same response.
type WriteRecord struct {
	// kind is what was to be written.
	// +required
	Kind WriteKind `json:"kind"`
	// by is the responder's user name.
	// +required
	// +kubebuilder:validation:MaxLength=253
	By string `json:"by"`
	// at is the time of the response.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	At metav1.Time `json:"at"`
	// outcome is how it ended.
	// +required
	Outcome WriteOutcome `json:"outcome"`
	// message says why, for a human.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
	// recordedAt is when it ended.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	RecordedAt metav1.Time `json:"recordedAt"`
}
