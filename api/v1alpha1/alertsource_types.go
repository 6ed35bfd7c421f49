package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SourceType names the service that a source listens to.
// +kubebuilder:validation:Enum=Sentry
type SourceType string

// SourceTypeSentry is a Sentry internal integration.
const SourceTypeSentry SourceType = "Sentry"

// AlertSource is one Sentry organization's integration: its webhooks become Incidents in the source's namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=asrc,categories=itoc360
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="In Sync",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="InSync")].status`
// +kubebuilder:printcolumn:name="Delivering",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Delivering")].status`
// +kubebuilder:printcolumn:name="Open",type=integer,JSONPath=`.status.openIncidents`
// +kubebuilder:printcolumn:name="Last Signal",type=date,JSONPath=`.status.lastSignalTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40",message="the name of an AlertSource has at most 40 characters: it begins the name of each of its Incidents"
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.contains('.')",message="the name of an AlertSource has no dots: it is the value of a label and part of the names of its Incidents; use dashes"
type AlertSource struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the platform team wants of this source.
	// +required
	Spec AlertSourceSpec `json:"spec"`
	// status is what the operator found.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status AlertSourceStatus `json:"status,omitzero"`
}

// AlertSourceList is a list of AlertSources.
//
// +kubebuilder:object:root=true
type AlertSourceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AlertSource `json:"items"`
}

// AlertSourceSpec is what the platform team wants of a source.
//
// +kubebuilder:validation:XValidation:rule="self.type != 'Sentry' || has(self.sentry)",message="a source of type Sentry needs the field sentry (write sentry: {} to accept unsigned webhooks)"
type AlertSourceSpec struct {
	// type is the service that this source listens to. It cannot be changed.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="type cannot be changed; make a new AlertSource"
	Type SourceType `json:"type"`
	// sentry is the Sentry side of a source of type Sentry.
	// +optional
	Sentry *SentrySource `json:"sentry,omitempty"`
	// tokenRef is a Secret's key that holds the source token, at least 16 characters of the letters, digits and -._~,
	// in the source's namespace. Without it the operator makes a token of 256 random bits in the Secret
	// <source>-webhook.
	// +optional
	TokenRef *SecretKeyReference `json:"tokenRef,omitempty"`
	// mapping says what Sentry's actions, categories and levels mean, where the defaults do not fit.
	// +optional
	Mapping Mapping `json:"mapping,omitzero"`
	// incidents says how Incidents of this source live and go.
	// +optional
	// +kubebuilder:default={}
	Incidents IncidentRules `json:"incidents,omitzero"`
	// escalationPolicyRef names the EscalationPolicy by which the Incidents of this source page people. Without it nobody
	// is paged.
	// +optional
	EscalationPolicyRef *PolicyReference `json:"escalationPolicyRef,omitempty"`
	// suspend, if true, opens and refreshes nothing; resolves of open Incidents are still taken. Default: false.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// SentrySource is the Sentry side of a source.
//
// +kubebuilder:validation:XValidation:rule="!has(self.writeBack) || !(self.writeBack.resolve || self.writeBack.comment) || has(self.authTokenRef)",message="writeBack needs authTokenRef: the token of the internal integration, with the scope event:write"
// +kubebuilder:validation:XValidation:rule="!has(self.authTokenRef) || has(self.organization)",message="authTokenRef needs organization, the slug in the address of the organization in Sentry"
// +kubebuilder:validation:XValidation:rule="!self.notifyWhenNotDelivering || has(self.authTokenRef)",message="notifyWhenNotDelivering needs authTokenRef: without Sentry's API nobody knows of webhooks that did not come"
type SentrySource struct {
	// clientSecretRefs are the Client Secrets of the Sentry internal integration, the HMAC keys of its webhooks; any
	// may match, so that a secret can be rotated without loss. Without one, the token alone authorizes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2
	ClientSecretRefs []SecretKeyReference `json:"clientSecretRefs,omitempty"`
	// projects are the slugs of the projects whose alerts open or refresh Incidents. Empty: all projects.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=200
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=100
	Projects []string `json:"projects,omitempty"`
	// organization is the slug of the organization in Sentry, as in https://<slug>.sentry.io.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9][a-z0-9_-]*$')",message="organization is a slug of lower case letters, digits, dashes and underscores, such as acme"
	Organization string `json:"organization,omitempty"`
	// baseURL is where Sentry is: https://sentry.io, a region such as https://de.sentry.io, or that of a self-hosted Sentry, with
	// its path if it has one. Default: https://sentry.io.
	// +optional
	// +kubebuilder:default="https://sentry.io"
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@ ]+(/[^?# ]*)?$')",message="baseURL is an http or https address without user, query and fragment, such as https://sentry.example.com"
	BaseURL string `json:"baseURL,omitempty"`
	// authTokenRef is a Secret's key that holds the token of the internal integration (sntryi_...), with the scope event:read.
	// With it the source is kept in step with Sentry: what webhooks did not tell is found by Sentry's API. writeBack needs the scope
	// event:write too.
	// +optional
	AuthTokenRef *SecretKeyReference `json:"authTokenRef,omitempty"`
	// caRef is a Secret's key that holds the certificates, in PEM, of whoever may sign that of Sentry. Default: those of the
	// operator's image.
	// +optional
	CARef *SecretKeyReference `json:"caRef,omitempty"`
	// resyncInterval is how long after the end of one pass over Sentry's unresolved issues the next one starts, give or take a
	// tenth. At least 1m. Default: 10m.
	// +optional
	// +kubebuilder:default="10m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('24h')",message="resyncInterval is a duration from 1m to 24h, such as 10m"
	ResyncInterval metav1.Duration `json:"resyncInterval,omitzero"`
	// writeBack says what of what responders do is written to Sentry. Default: nothing.
	// +optional
	WriteBack WriteBack `json:"writeBack,omitzero"`
	// notifyWhenNotDelivering, if true, opens an Incident when Sentry's webhooks do not arrive, and resolves it when they do
	// again. Default: false.
	// +optional
	// +kubebuilder:default=false
	NotifyWhenNotDelivering bool `json:"notifyWhenNotDelivering"`
}

// SecretKeyReference names one key of a Secret in the same namespace.
type SecretKeyReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')",message="name is the name of a Secret: lower case letters, digits, dashes and dots, such as payments-sentry"
	Name string `json:"name"`
	// key within the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key"`
}

// Meaning is what one of Sentry's actions means for an Incident.
// +kubebuilder:validation:Enum=Alert;Update;Acknowledge;Resolve;Ignore
type Meaning string

// What Sentry's actions can mean.
const (
	// MeaningAlert opens an Incident, or refreshes the open one.
	MeaningAlert Meaning = "Alert"
	// MeaningUpdate refreshes an open Incident and opens nothing.
	MeaningUpdate Meaning = "Update"
	// MeaningAcknowledge refreshes an open Incident and acknowledges it until Sentry's next "unresolved".
	MeaningAcknowledge Meaning = "Acknowledge"
	// MeaningResolve resolves an open Incident.
	MeaningResolve Meaning = "Resolve"
	// MeaningIgnore does nothing.
	MeaningIgnore Meaning = "Ignore"
)

// Mapping overrides what Sentry's words mean.
type Mapping struct {
	// actions maps Sentry's actions (created, assigned, unresolved, archived, resolved; triggered for alert rules;
	// critical, warning, open, resolved for metric alerts) to their meaning. Default: resolved is Resolve, all others
	// Alert.
	// +optional
	// +kubebuilder:validation:MaxProperties=9
	// +kubebuilder:validation:XValidation:rule="self.all(action, action in ['created', 'assigned', 'unresolved', 'archived', 'resolved', 'triggered', 'critical', 'warning', 'open'])",message="unknown action; known are created, assigned, unresolved, archived (Sentry's ignored too), resolved, triggered, critical, warning and open"
	Actions map[string]Meaning `json:"actions,omitempty"`
	// categories maps Sentry's issueCategory (error, performance, cron, metric, ...) to the meaning of what would
	// otherwise be an Alert of that category. A Resolve is always taken. Default: Alert.
	// +optional
	// +kubebuilder:validation:MaxProperties=20
	// +kubebuilder:validation:XValidation:rule="self.all(category, self[category] != 'Resolve')",message="a category cannot mean Resolve; use Alert, Update, Acknowledge or Ignore"
	// +kubebuilder:validation:XValidation:rule="self.all(category, category != '' && category.size() <= 64)",message="a category has 1 to 64 characters, such as metric"
	Categories map[string]Meaning `json:"categories,omitempty"`
	// levels maps Sentry's levels to the priority of an Incident for which Sentry names no priority. Default: fatal is
	// Critical, error High, warning Medium, all others Low.
	// +optional
	// +kubebuilder:validation:MaxProperties=7
	// +kubebuilder:validation:XValidation:rule="self.all(level, level in ['sample', 'debug', 'info', 'warning', 'error', 'fatal', 'unknown'])",message="unknown level; known are sample, debug, info, warning, error, fatal and unknown"
	Levels map[string]Priority `json:"levels,omitempty"`
}

// IncidentRules says how Incidents of a source live and go.
type IncidentRules struct {
	// reopenWindow is the time after a resolve within which a new Alert reopens the same Incident as a further cycle.
	// 0s: each cycle is an Incident of its own. Default: 0s.
	// +optional
	// +kubebuilder:default="0s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('720h')",message="reopenWindow is a duration from 0s to 720h, such as 10m or 1h30m"
	ReopenWindow metav1.Duration `json:"reopenWindow,omitzero"`
	// autoResolveAfter resolves an Incident of which nothing was heard for so long. At least 5m; 0s: never. Default: 0s.
	// +optional
	// +kubebuilder:default="0s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) == duration('0s') || (duration(self) >= duration('5m') && duration(self) <= duration('8760h'))",message="autoResolveAfter is 0s (never) or a duration from 5m to 8760h, such as 24h"
	AutoResolveAfter metav1.Duration `json:"autoResolveAfter,omitzero"`
	// retention says how long resolved Incidents are kept.
	// +optional
	// +kubebuilder:default={}
	Retention Retention `json:"retention,omitzero"`
}

// Retention says how long resolved Incidents are kept. None is deleted within an hour of its resolve.
type Retention struct {
	// maxAge is how long after its resolve an Incident is kept. At least 1h. Default: 720h.
	// +optional
	// +kubebuilder:default="720h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1h') && duration(self) <= duration('87600h')",message="maxAge is a duration from 1h to 87600h, such as 720h"
	MaxAge metav1.Duration `json:"maxAge,omitzero"`
	// maxResolved is how many resolved Incidents are kept at most; those resolved longest ago go first. Default: 1000.
	// +optional
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	MaxResolved *int32 `json:"maxResolved,omitempty"`
}

// AlertSourceStatus is what the operator found. What only a replica's intake knows each replica applies to its own entry
// of intake, under its own field manager. So does the controller that keeps it in step with Sentry apply resync and its
// conditions, and writeBack. The controller of AlertSources owns the rest.
type AlertSourceStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of; -1 before the first look.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Reconciling and Stalled (as kstatus defines them), SignatureVerified, InSync, Delivering and, where it
	// is so, WritesBack and ClockSkewed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// webhookSecret is the name of the Secret whose key url holds the URL to paste into Sentry.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	WebhookSecret string `json:"webhookSecret,omitempty"`
	// openIncidents is the number of unresolved Incidents, written at most every few seconds.
	// +optional
	OpenIncidents *int32 `json:"openIncidents,omitempty"`
	// lastSignalTime is when a webhook of this source was last recorded; it lags by some seconds.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^[-0-9]{10}T[0-9:]{8}Z$`
	LastSignalTime *metav1.Time `json:"lastSignalTime,omitempty"`
	// ignoredProjects are up to 10 slugs of projects whose alerts the allow-list turned away in the last hour or two.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MaxLength=128
	IgnoredProjects []string `json:"ignoredProjects,omitempty"`
	// resync is what the passes over Sentry's unresolved issues found; absent without authTokenRef.
	// +optional
	Resync *ResyncStatus `json:"resync,omitempty"`
	// writeBack tells since when responses are written to Sentry; absent if they are not.
	// +optional
	WriteBack *WriteBackStatus `json:"writeBack,omitempty"`
	// intake is what each replica's intake reported in the last hour; the fields above conclude from it.
	// +optional
	// +listType=map
	// +listMapKey=replica
	// +kubebuilder:validation:MaxItems=100
	Intake []IntakeReport `json:"intake,omitempty"`
}
