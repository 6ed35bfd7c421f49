package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// NotificationChannel is a way to reach people: exactly one of slack, pagerDuty, email, webhook and alertmanager.
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
// +kubebuilder:validation:XValidation:rule="[has(self.slack), has(self.pagerDuty), has(self.email), has(self.webhook), has(self.alertmanager)].filter(there, there).size() == 1",message="a channel has exactly one of slack, pagerDuty, email, webhook and alertmanager"
// +kubebuilder:validation:XValidation:rule="!has(self.limit) || !(has(self.pagerDuty) || has(self.alertmanager))",message="limit is for slack, email and webhook: PagerDuty and Alertmanager group by themselves"
type NotificationChannelSpec struct {
	// slack posts to a channel of a Slack workspace: one message an Incident, kept up to date, with replies in its thread.
	// +optional
	Slack *SlackChannel `json:"slack,omitempty"`
	// pagerDuty sends events to a service of PagerDuty: a page triggers, an answer acknowledges, the end resolves.
	// +optional
	PagerDuty *PagerDutyChannel `json:"pagerDuty,omitempty"`
	// email sends mails, one thread an Incident.
	// +optional
	Email *EmailChannel `json:"email,omitempty"`
	// webhook posts JSON to a URL, signed as the Standard Webhooks specification says.
	// +optional
	Webhook *WebhookChannel `json:"webhook,omitempty"`
	// alertmanager posts alerts to Alertmanagers: firing while an Incident that was paged is unresolved, then resolved.
	// +optional
	Alertmanager *AlertmanagerChannel `json:"alertmanager,omitempty"`
	// template says how messages read, where the default does not fit.
	// +optional
	Template MessageTemplate `json:"template,omitzero"`
	// limit is how many messages go singly. What exceeds it is gathered into summaries. Default: 10 a minute.
	// +optional
	Limit *MessageLimit `json:"limit,omitempty"`
}

// MessageLimit is how many messages a channel sends of single Incidents. Half of them are kept for those that are Critical.
type MessageLimit struct {
	// burst is how many there are within per.
	// +optional
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	Burst int32 `json:"burst,omitempty"`
	// per is the time within which they are counted, from 10s to 1h. Summaries are that far apart too, unless one has to name
	// an Incident that is Critical.
	// +optional
	// +kubebuilder:default="1m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('1h')",message="per is a duration from 10s to 1h, such as 1m"
	Per metav1.Duration `json:"per,omitzero"`
}

// PagerDutyChannel is a service of PagerDuty, as its Events API v2 reaches it.
type PagerDutyChannel struct {
	// routingKeyRef is a Secret's key that holds the integration key of the service, 32 characters.
	// +required
	RoutingKeyRef SecretKeyReference `json:"routingKeyRef"`
}

// EmailChannel is some mailboxes.
type EmailChannel struct {
	// from is the sender's address, such as "pager@example.com", with or without a name before it.
	// +required
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:Pattern=`^[^\r\n]+@[^\r\n@]+$`
	From string `json:"from"`
	// to are the addresses that receive each mail.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:items:MaxLength=320
	// +kubebuilder:validation:items:Pattern=`^[^\r\n]+@[^\r\n@]+$`
	To []string `json:"to"`
	// smtp is the server that takes the mails.
	// +required
	SMTP SMTPServer `json:"smtp"`
}

// SMTPSecurity is how a connection to an SMTP server is kept from others.
// +kubebuilder:validation:Enum=StartTLS;TLS;None
type SMTPSecurity string

// How a connection to an SMTP server can be kept from others.
const (
	// SMTPStartTLS begins in the clear and goes on in TLS, or not at all (RFC 3207).
	SMTPStartTLS SMTPSecurity = "StartTLS"
	// SMTPTLS speaks TLS from the beginning (RFC 8314).
	SMTPTLS SMTPSecurity = "TLS"
	// SMTPNone speaks in the clear.
	SMTPNone SMTPSecurity = "None"
)

// SMTPServer is a server that takes mails.
//
// +kubebuilder:validation:XValidation:rule="!has(self.authRef) || !has(self.tls) || self.tls != 'None'",message="authRef needs tls: a password is not sent in the clear"
type SMTPServer struct {
	// host is its name or IP address.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[0-9A-Za-z.:-]+$`
	Host string `json:"host"`
	// port. Default: 587 for StartTLS, 465 for TLS, 25 for None.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
	// tls says how the connection is kept from others: StartTLS, TLS, or None. The server's certificate must be one that the
	// operator's system trusts.
	// +optional
	// +kubebuilder:default=StartTLS
	TLS SMTPSecurity `json:"tls,omitempty"`
	// authRef is a Secret of type kubernetes.io/basic-auth: its keys username and password log in. Default: no login.
	// +optional
	AuthRef *SecretReference `json:"authRef,omitempty"`
}

// SecretReference is a Secret in the same namespace.
type SecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// LabelValue is the value of a label that an alert has.
// +kubebuilder:validation:MaxLength=256
type LabelValue string

// AlertmanagerChannel is a cluster of Alertmanagers, or a single one.
type AlertmanagerChannel struct {
	// urls are where each of them is, without the path of the API, such as http://alertmanager.monitoring:9093. Alerts go to
	// all; one that takes them is enough.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=1024
	// +kubebuilder:validation:items:Pattern=`^https?://[^/?#@\s]+(/[^?#@\s]*)?$`
	URLs []string `json:"urls"`
	// labels are added to those of each alert, for Alertmanager's routes. They cannot replace alertname, namespace, source,
	// incident and key.
	// +optional
	// +kubebuilder:validation:MaxProperties=20
	// +kubebuilder:validation:XValidation:rule="self.all(name, name.matches('^[a-zA-Z_][a-zA-Z0-9_]{0,127}$'))",message="a label's name has letters, digits and underscores, at most 128"
	// +kubebuilder:validation:XValidation:rule="self.all(name, !(name in ['alertname', 'namespace', 'source', 'incident', 'key']))",message="labels cannot replace alertname, namespace, source, incident and key"
	Labels map[string]LabelValue `json:"labels,omitempty"`
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
