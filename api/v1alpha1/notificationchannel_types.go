package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// NotificationChannel is a way to reach people: exactly one of slack and webhook.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=nchan,categories=itoc360
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Test",type=string,JSONPath=`.status.test.result`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type NotificationChannel struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the platform team wants of this channel.
	// +required
	Spec NotificationChannelSpec `json:"spec"`
	// status is what the operator found.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status NotificationChannelStatus `json:"status,omitzero"`
}

// NotificationChannelList is a list of NotificationChannels.
//
// +kubebuilder:object:root=true
type NotificationChannelList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []NotificationChannel `json:"items"`
}

// NotificationChannelSpec says where messages go and how they read.
//
// +kubebuilder:validation:XValidation:rule="[has(self.slack), has(self.webhook)].filter(there, there).size() == 1",message="a channel has exactly one of slack and webhook"
type NotificationChannelSpec struct {
	// slack posts to a channel of a Slack workspace: one message an Incident, kept up to date, with replies in its thread.
	// +optional
	Slack *SlackChannel `json:"slack,omitempty"`
	// webhook posts JSON to a URL, signed as the Standard Webhooks specification says.
	// +optional
	Webhook *WebhookChannel `json:"webhook,omitempty"`
	// template says how messages read, where the default does not fit.
	// +optional
	Template MessageTemplate `json:"template,omitzero"`
}

// SlackChannel is a channel of a Slack workspace.
type SlackChannel struct {
	// channel is its name, such as "#payments", or its id, which outlives a renaming. The app must be a member of it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=81
	Channel string `json:"channel"`
	// tokenRef is a Secret's key that holds the app's bot token (xoxb-...), whose scope is chat:write.
	// +required
	TokenRef SecretKeyReference `json:"tokenRef"`
}

// WebhookChannel is an endpoint that takes webhooks.
type WebhookChannel struct {
	// urlRef is a Secret's key that holds the URL, http or https.
	// +required
	URLRef SecretKeyReference `json:"urlRef"`
	// signingSecretRef is a Secret's key that holds the signing secret, as the Standard Webhooks specification writes it:
	// base64, with or without whsec_ before it.
	// +required
	SigningSecretRef SecretKeyReference `json:"signingSecretRef"`
}

// MessageTemplate is a title and a body in Go's text/template over the fields that docs/reference.md lists. What does not
// compile, or fails, falls back to the default.
type MessageTemplate struct {
	// title is one line, all that a locked phone shows. Default: priority, project and title of the issue.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Title string `json:"title,omitempty"`
	// body is what follows. Default: what a responder needs to know, and the command that acknowledges.
	// +optional
	// +kubebuilder:validation:MaxLength=8192
	Body string `json:"body,omitempty"`
}

// TestResult is what became of a test message.
// +kubebuilder:validation:Enum=Sent;Failed
type TestResult string

// What can become of a test message.
const (
	TestSent   TestResult = "Sent"
	TestFailed TestResult = "Failed"
)

// ChannelTest is the last test message that was asked for.
type ChannelTest struct {
	// request is the value of the annotation itoc360.io/test that asked for it.
	// +required
	// +kubebuilder:validation:MaxLength=253
	Request string `json:"request"`
	// result is what became of it.
	// +required
	Result TestResult `json:"result"`
	// finishedAt is when.
	// +required
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	FinishedAt metav1.Time `json:"finishedAt"`
	// message says why it failed; empty if it was sent.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Message string `json:"message,omitempty"`
}

// NotificationChannelStatus is what the operator found.
type NotificationChannelStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of; -1 before the first look.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Reconciling and Stalled, as kstatus defines them. A channel is ready when its Secrets are
	// there, its template compiles, and its target has not turned the last message away as unauthorized.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// test is the last test message that was asked for.
	// +optional
	Test *ChannelTest `json:"test,omitempty"`
}
