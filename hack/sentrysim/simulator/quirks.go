package simulator

// Quirk is a way of Sentry's API that one does not expect, or that only some versions have. A Server has those that it is given.
type Quirk string

// The quirks. Ways that all versions have in common need no name: see Server.
const (
	// QuirkNumericProjects: a project is asked for by its numeric id, a slug is answered 400; so older versions.
	QuirkNumericProjects Quirk = "NumericProjects"
	// QuirkShortPages: pages are filtered after they are cut, so that one may be short, or empty, in the middle of a list.
	QuirkShortPages Quirk = "ShortPages"
	// QuirkEmptyList: a list is empty because an estimate has failed.
	QuirkEmptyList Quirk = "EmptyList"
	// QuirkEndlessCursor: the last page names its own cursor once more.
	QuirkEndlessCursor Quirk = "EndlessCursor"
	// QuirkLateInList: an issue is missing from lists for the first seconds of its life.
	QuirkLateInList Quirk = "LateInList"
	// QuirkLaggingReplica: lists are read from a database that is five seconds behind.
	QuirkLaggingReplica Quirk = "LaggingReplica"
	// QuirkNoRateHeaders: a 429 says nothing of when to come again; so self-hosted ones.
	QuirkNoRateHeaders Quirk = "NoRateHeaders"
	// QuirkNoSubstatus: neither substatus nor priority are told; so versions before 2023.
	QuirkNoSubstatus Quirk = "NoSubstatus"
	// QuirkForeignRedirect: every call is redirected to another host, as by a proxy that wants a login.
	QuirkForeignRedirect Quirk = "ForeignRedirect"
	// QuirkErrorObject: errors are {"detail": {"code", "message"}} in place of {"detail": "..."}.
	QuirkErrorObject Quirk = "ErrorObject"
	// QuirkErrorFields: errors are {"field": ["..."]}.
	QuirkErrorFields Quirk = "ErrorFields"
)

// Ways are those of all versions, which a Server always has, by name.
func Ways() []string {
	return []string{
		"AuthNull", "MemberProjects", "UnknownProjectRefusesAll", "NamedWhateverStatus", "NothingAfterNinetyDays", "NoStats",
		"PendingIsMissing", "MergedIsTheOther", "NewestActivityFirst", "LimitWithoutRetryAfter", "SamplesAreReal", "SlippingPages",
		"SilentChanges", "ResolveAlwaysTells", "RepeatedCommentRefused", "WritesFollowMerges",
	}
}

// Quirks are all of them.
func Quirks() []Quirk {
	return []Quirk{
		QuirkNumericProjects, QuirkShortPages, QuirkEmptyList, QuirkEndlessCursor, QuirkLateInList, QuirkLaggingReplica,
		QuirkNoRateHeaders, QuirkNoSubstatus, QuirkForeignRedirect, QuirkErrorObject, QuirkErrorFields,
	}
}
