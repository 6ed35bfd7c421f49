package v1alpha1_test

import (
	"slices"
	"strings"
)

// What the API server answers to a response that is half said, or taken back.
const (
	halfAcknowledged = "acknowledgedBy and acknowledgedAt go together, such as " +
		"{acknowledgedBy: alice, acknowledgedAt: 2026-01-31T03:04:05Z}"
	halfSnoozed = "snoozedBy and snoozedUntil go together, such as " +
		"{snoozedBy: alice, snoozedUntil: 2026-01-31T07:00:00Z}"
	halfResolved = "resolvedBy and resolvedAt go together, such as " +
		"{resolvedBy: alice, resolvedAt: 2026-01-31T03:04:05Z}"
	otherMillennium = "not a time of this millennium: write one such as 2026-01-31T03:04:05Z"
	takenBack       = "a resolve by hand cannot be taken back or changed; the next alert opens the next Incident"
)

// The bounds of what a responder may write as a time.
const (
	firstSecond = "2000-01-01T00:00:00Z"
	lastSecond  = "2999-12-31T23:59:59Z"
)

// The response of somebody who resolved by hand.
const (
	resolvedByAlice      = `{resolvedBy: alice, resolvedAt: "2026-01-31T03:44:05Z"}`
	resolvedByBob        = `{resolvedBy: bob, resolvedAt: "2026-01-31T03:44:05Z"}`
	resolvedByAliceLater = `{resolvedBy: alice, resolvedAt: "2026-01-31T03:44:06Z"}`
	acknowledgedByBob    = `{acknowledgedBy: bob, acknowledgedAt: "2026-01-31T03:50:00Z"}`
	bothOfThem           = `{acknowledgedBy: bob, acknowledgedAt: "2026-01-31T03:50:00Z",
		resolvedBy: alice, resolvedAt: "2026-01-31T03:44:05Z"}`
)

func responseExamples() []example {
	user := strings.Repeat("a", 253)
	return slices.Concat([]example{
		inCEL("spec.response", halfAcknowledged, of(acknowledgedByBob), of("{acknowledgedBy: alice}")),
		inCEL("spec.response", halfAcknowledged, of("{}"), of(`{acknowledgedAt: "2026-01-31T03:04:05Z"}`)),
		inCEL("spec.response", halfSnoozed,
			of(`{snoozedBy: alice, snoozedUntil: "2026-01-31T07:00:00Z"}`), of("{snoozedBy: alice}")),
		inCEL("spec.response", halfSnoozed, of("{}"), of(`{snoozedUntil: "2026-01-31T07:00:00Z"}`)),
		inCEL("spec.response", halfResolved, of(resolvedByAlice), of("{resolvedBy: alice}")),
		inCEL("spec.response", halfResolved, of("{}"), of(`{resolvedAt: "2026-01-31T03:44:05Z"}`)),
		notEmpty("spec.response.acknowledgedBy"),
		longest("spec.response.acknowledgedBy", user),
		moment("spec.response.acknowledgedAt", "2026-01-31T04:04:05.5+01:00"),
		inCEL("spec.response.acknowledgedAt", otherMillennium, firstSecond, "1999-12-31T23:59:59Z"),
		inCEL("spec.response.acknowledgedAt", otherMillennium, lastSecond, "2999-12-31T23:59:59-01:00"),
		notEmpty("spec.response.snoozedBy"),
		longest("spec.response.snoozedBy", user),
		moment("spec.response.snoozedUntil", "2026-01-31T04:04:05.5+01:00"),
		inCEL("spec.response.snoozedUntil", otherMillennium, firstSecond, "1999-12-31T23:59:59Z"),
		inCEL("spec.response.snoozedUntil", otherMillennium, lastSecond, "2999-12-31T23:59:59-01:00"),
		notEmpty("spec.response.resolvedBy"),
		longest("spec.response.resolvedBy", user),
		moment("spec.response.resolvedAt", "2026-01-31T04:04:05.5+01:00"),
		inCEL("spec.response.resolvedAt", otherMillennium, firstSecond, "1999-12-31T23:59:59Z"),
		inCEL("spec.response.resolvedAt", otherMillennium, lastSecond, "2999-12-31T23:59:59-01:00"),
	}, resolvedForGoodExamples())
}

// resolvedForGoodExamples are those of a resolve by hand, which stays; what else is in the response may change.
func resolvedForGoodExamples() []example {
	var examples []example
	for _, refused := range []any{
		absent{}, of("{}"), of(acknowledgedByBob), of(resolvedByBob), of(resolvedByAliceLater),
	} {
		took := change("spec", takenBack, of(resolvedByAlice), of(bothOfThem), refused)
		took.at = "spec.response"
		examples = append(examples, took)
	}
	withdrawn := change("spec", takenBack, of(bothOfThem), of(resolvedByAlice), of(acknowledgedByBob))
	withdrawn.at = "spec.response"
	return append(examples, withdrawn)
}
