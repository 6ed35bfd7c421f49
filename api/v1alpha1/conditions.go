package v1alpha1

// Condition types of an AlertSource. Ready, Reconciling and Stalled mean what kstatus defines.
const (
	ConditionReady             = "Ready"
	ConditionReconciling       = "Reconciling"
	ConditionStalled           = "Stalled"
	ConditionSignatureVerified = "SignatureVerified"
)

// Condition types of an Incident.
const (
	ConditionAcknowledged = "Acknowledged"
	ConditionResolved     = "Resolved"
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
