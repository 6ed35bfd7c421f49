package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MaxResyncPasses is how many full passes a source's status remembers.
const MaxResyncPasses = 3

// ResyncStatus is what the passes over Sentry's unresolved issues found. Were it lost, the next pass would be the first one, after
// which nobody is paged of what it found.
type ResyncStatus struct {
	// organization is where these passes went, as baseURL and slug: https://sentry.io/acme. The past of another one says nothing.
	// +optional
	// +kubebuilder:validation:MaxLength=320
	Organization string `json:"organization,omitempty"`
	// firstStartedAt is when the first pass began, by Sentry's clock. What changed before that is old news.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	FirstStartedAt *metav1.Time `json:"firstStartedAt,omitempty"`
	// passes are the last three full ones, oldest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=3
	Passes []ResyncPass `json:"passes,omitempty"`
}

// ResyncPass is one pass over all unresolved issues of a source.
type ResyncPass struct {
	// startedAt is when it began, by Sentry's clock.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	StartedAt metav1.Time `json:"startedAt"`
	// finishedAt is when it ended, by Sentry's clock.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	FinishedAt metav1.Time `json:"finishedAt"`
	// newsSince is the time, by Sentry's clock, after which what changed was news to it.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	NewsSince *metav1.Time `json:"newsSince,omitempty"`
	// issues is how many unresolved ones it listed.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Issues int32 `json:"issues,omitempty"`
	// calls is how often it asked Sentry.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Calls int32 `json:"calls,omitempty"`
	// opened is how many cycles were opened, by it or by a check before it, of which people are paged.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Opened int32 `json:"opened,omitempty"`
	// openedQuietly is how many cycles were opened of which nobody is paged.
	// +optional
	// +kubebuilder:validation:Minimum=0
	OpenedQuietly int32 `json:"openedQuietly,omitempty"`
	// resolved is how many Incidents were resolved.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Resolved int32 `json:"resolved,omitempty"`
	// updated is how many Incidents were refreshed otherwise.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Updated int32 `json:"updated,omitempty"`
	// waiting is how many issues are to be asked for singly in the next pass, because this one had asked for 200.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Waiting int32 `json:"waiting,omitempty"`
	// missedOpenings is how many of what passes before it opened no webhook told of by its end.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MissedOpenings int32 `json:"missedOpenings,omitempty"`
	// missedResolves is how many of what passes before it resolved no webhook told of by its end.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MissedResolves int32 `json:"missedResolves,omitempty"`
	// told is how many openings and resolves webhooks told of since the pass before it.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Told int32 `json:"told,omitempty"`
}
