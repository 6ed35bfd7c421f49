package v1alpha1

// Condition types of an AlertSource; an EscalationPolicy and a NotificationChannel have the first three. Ready, Reconciling
// and Stalled mean what kstatus defines.
const (
	ConditionReady             = "Ready"
	ConditionReconciling       = "Reconciling"
	ConditionStalled           = "Stalled"
	ConditionSignatureVerified = "SignatureVerified"
	// ConditionRecording tells whether what arrives for the source is recorded in Incidents.
	ConditionRecording = "Recording"
	// ConditionInSync tells whether what is recorded is what Sentry's API says.
	ConditionInSync = "InSync"
	// ConditionDelivering tells whether Sentry's webhooks arrive.
	ConditionDelivering = "Delivering"
	// ConditionClockSkewed is there, and True, while Sentry's clock and the operator's disagree by more than a minute.
	ConditionClockSkewed = "ClockSkewed"
	// ConditionWritesBack is there if the source writes responses to Sentry, and tells whether the token may.
	ConditionWritesBack = "WritesBack"
)

// Condition types of an Incident.
const (
	ConditionAcknowledged = "Acknowledged"
	ConditionResolved     = "Resolved"
	// ConditionNotified tells whether people were paged in the current cycle, and if not, why.
	ConditionNotified = "Notified"
	// ConditionWrittenBack tells whether Sentry has what its source writes back of the responses; absent where there is nothing to
	// write.
	ConditionWrittenBack = "WrittenBack"
)

// Reasons of an AlertSource's Ready, Reconciling and Stalled conditions.
const (
	// ReasonListening: webhooks of this source are taken.
	ReasonListening = "Listening"
	// ReasonSuspended: webhooks are answered, but nothing is opened or refreshed.
	ReasonSuspended = "Suspended"
	// ReasonSecretMissing: a referenced Secret, or its key, is not there; it heals by itself once it is.
	ReasonSecretMissing = "SecretMissing"
	// ReasonTokenInvalid: the token is too short or has characters that a URL cannot carry as they are.
	ReasonTokenInvalid = "TokenInvalid"
	// ReasonTokenShared: another source has the same token.
	ReasonTokenShared = "TokenShared"
	// ReasonSecretForeign: a Secret of the webhook Secret's name exists and belongs to somebody else.
	ReasonSecretForeign = "SecretForeign"
	// ReasonTerminating: the source is being deleted and opens nothing.
	ReasonTerminating = "Terminating"
)

// Reasons of an AlertSource's InSync condition, besides SecretMissing.
const (
	// ReasonInSync: the last pass ended, and what it found is recorded.
	ReasonInSync = "InSync"
	// ReasonNoToken: the source names no token, so Sentry's API cannot be asked.
	ReasonNoToken = "NoToken"
	// ReasonFirstPass: the first pass has not ended yet.
	ReasonFirstPass = "FirstPass"
	// ReasonAuthTokenInvalid: the token is one that cannot read issues, or Sentry does not know it.
	ReasonAuthTokenInvalid = "AuthTokenInvalid"
	// ReasonScopeMissing: the token may not read events or, of WritesBack and WrittenBack, write them.
	ReasonScopeMissing = "ScopeMissing"
	// ReasonOrganizationUnreachable: there is no such organization, or the token does not see it.
	ReasonOrganizationUnreachable = "OrganizationUnreachable"
	// ReasonProjectUnreachable: a project of the allow-list is not there, or the token does not see it. The others are in sync.
	ReasonProjectUnreachable = "ProjectUnreachable"
	// ReasonCertificateInvalid: what caRef names holds no certificates.
	ReasonCertificateInvalid = "CertificateInvalid"
	// ReasonSentryUnavailable: Sentry's API does not answer as it should; the pass is tried again.
	ReasonSentryUnavailable = "SentryUnavailable"
)

// Reasons of an AlertSource's Delivering condition, besides NoToken.
const (
	// ReasonDelivering: webhooks arrive.
	ReasonDelivering = "Delivering"
	// ReasonTooEarly: two passes have to end before it can be told.
	ReasonTooEarly = "TooEarly"
	// ReasonWebhooksMissing: Sentry's API shows changes of which no webhook came.
	ReasonWebhooksMissing = "WebhooksMissing"
)

// ReasonMayWrite is the reason of a WritesBack that is true: the token has the scope event:write.
const ReasonMayWrite = "MayWrite"

// Reasons of an Incident's WrittenBack condition, besides those of a source's InSync that is false.
const (
	// ReasonWritten: Sentry has what was to be written, or said so already.
	ReasonWritten = "Written"
	// ReasonDropped: something was not written, because it no longer fits what happened in Sentry.
	ReasonDropped = "Dropped"
)

// ReasonClockSkew is the reason of ClockSkewed.
const ReasonClockSkew = "ClockSkew"

// ReasonNobodyPaged is the reason of the Event that a source pages nobody.
const ReasonNobodyPaged = "NobodyPaged"

// Reasons of a NotificationChannel's and an EscalationPolicy's conditions, besides SecretMissing.
const (
	// ReasonUsable: the channel can send; all channels of the policy can.
	ReasonUsable = "Usable"
	// ReasonSecretInvalid: a Secret's key holds something that cannot be what it should be.
	ReasonSecretInvalid = "SecretInvalid"
	// ReasonAddressInvalid: a channel's mail address is none.
	ReasonAddressInvalid = "AddressInvalid"
	// ReasonKindUnknown: the channel is of a kind that a later version of the operator knows.
	ReasonKindUnknown = "KindUnknown"
	// ReasonTemplateInvalid: the template does not compile; messages have the default text.
	ReasonTemplateInvalid = "TemplateInvalid"
	// ReasonUnauthorized: the target turned the last message away; it wants another token or more rights.
	ReasonUnauthorized = "Unauthorized"
	// ReasonScheduleMissing: a schedule that the policy names is not there.
	ReasonScheduleMissing = "ScheduleMissing"
	// ReasonScheduleNotReady: a schedule that the policy names is not ready.
	ReasonScheduleNotReady = "ScheduleNotReady"
	// ReasonScheduleInvalid: the schedule's time zone, or a date, is none.
	ReasonScheduleInvalid = "ScheduleInvalid"
	// ReasonNobodyOnCall: nobody is on call now.
	ReasonNobodyOnCall = "NobodyOnCall"
	// ReasonChannelMissing: a channel that the policy names is not there.
	ReasonChannelMissing = "ChannelMissing"
	// ReasonChannelNotReady: a channel that the policy names is not ready.
	ReasonChannelNotReady = "ChannelNotReady"
	// ReasonTestSent and ReasonTestFailed are Events about a test message that was asked for.
	ReasonTestSent   = "TestSent"
	ReasonTestFailed = "TestFailed"
)

// Reasons of an Incident's Notified condition, besides ChannelMissing.
const (
	// ReasonNotified: the current cycle has paged somebody.
	ReasonNotified = "Notified"
	// ReasonNotDue: no step is due yet, or none fits the Incident's priority.
	ReasonNotDue = "NotDue"
	// ReasonSending: the first page is on its way.
	ReasonSending = "Sending"
	// ReasonSendingFailed: no page has arrived so far.
	ReasonSendingFailed = "SendingFailed"
	// ReasonNoPolicy: the source names no policy.
	ReasonNoPolicy = "NoPolicy"
	// ReasonPolicyMissing: the policy that the source names is not there.
	ReasonPolicyMissing = "PolicyMissing"
	// ReasonSourceMissing: the source is not there.
	ReasonSourceMissing = "SourceMissing"
	// ReasonPreexisting: the Incident was there before the operator looked, or was restored from a backup, and no webhook says
	// that it still goes on.
	ReasonPreexisting = "Preexisting"
	// ReasonTest: a test notification pages nobody.
	ReasonTest = "Test"
	// ReasonNotNeeded: somebody answered, or it was over, before the first page.
	ReasonNotNeeded = "NotNeeded"
)

// Reasons of an AlertSource's SignatureVerified condition.
const (
	// ReasonVerified: the last delivery's signature matched.
	ReasonVerified = "Verified"
	// ReasonNoDelivery: no delivery was seen yet.
	ReasonNoDelivery = "NoDelivery"
	// ReasonNoClientSecret: the source names no client secret, the token alone authorizes.
	ReasonNoClientSecret = "NoClientSecret"
	// ReasonSignatureMismatch: a delivery was refused, its signature matched no client secret.
	ReasonSignatureMismatch = "SignatureMismatch"
	// ReasonClientSecretUnreadable: the client secrets could not be read, so nothing could be verified.
	ReasonClientSecretUnreadable = "ClientSecretUnreadable"
)

// Reasons of an Incident's conditions and Events.
const (
	ReasonOpened               = "Opened"
	ReasonReopened             = "Reopened"
	ReasonAcknowledged         = "Acknowledged"
	ReasonNotAcknowledged      = "NotAcknowledged"
	ReasonResolvedBySentry     = "ResolvedBySentry"
	ReasonResolvedByHand       = "ResolvedByHand"
	ReasonResolvedAfterSilence = "ResolvedAfterSilence"
	ReasonUnresolved           = "Unresolved"
	ReasonAcknowledgementGone  = "AcknowledgementWithdrawn"
	ReasonSnoozed              = "Snoozed"
	ReasonSnoozeEnded          = "SnoozeEnded"
	ReasonTestNotification     = "TestNotification"
)

// Reasons of a source's Recording condition.
const (
	// ReasonRecording: what arrives is recorded.
	ReasonRecording = "Recording"
	// ReasonForbidden: a quota, missing rights, or a namespace that is being deleted keeps Incidents from being written.
	ReasonForbidden = "Forbidden"
	// ReasonInvalid: the API server takes a signal's Incident for invalid.
	ReasonInvalid = "Invalid"
	// ReasonNameTaken: an object that is none of the alert's Incidents has the name of one.
	ReasonNameTaken = "NameTaken"
	// ReasonPanicked: the operator failed by a defect of its own; its log says where.
	ReasonPanicked = "Panicked"
)
