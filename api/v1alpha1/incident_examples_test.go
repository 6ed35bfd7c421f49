package v1alpha1_test

import (
	"slices"
	"strings"
)

const unsealed = "a sealed Incident cannot be unsealed; the next alert opens the next Incident"

const goodIncident = `
apiVersion: itoc360.io/v1alpha1
kind: Incident
metadata: {name: payments-1170820242-1}
spec:
  sourceRef: {name: payments}
  alertKey: issue/1170820242
  number: 1
  issue:
    id: "1170820242"
    shortID: CHECKOUT-1A
    title: "TypeError: undefined is not a function"
    culprit: checkout.pay
    level: error
    status: unresolved
    substatus: new
    project: checkout
    projectID: "4505281256090153"
    platform: python
    url: https://acme.sentry.io/issues/1170820242/
    assignee: Alice
    firstSeen: 2026-01-31T03:00:00Z
  priority: High
  test: false
  signals:
  - time: 2026-01-31T03:00:00.000001Z
    receivedAt: 2026-01-31T03:00:00.100001Z
    event: Alert
    action: created
    effect: Opened
    by: Sentry
    priority: High
    rule: Page the team
    quiet: true
    note: deleted
    until: 2026-01-31T07:00:00Z
  signalCount: 1
  sealed: false
  recordedAt: 2026-01-31T03:00:00Z
  response:
    acknowledgedBy: alice
    acknowledgedAt: 2026-01-31T03:04:05Z
    snoozedBy: alice
    snoozedUntil: 2026-01-31T07:00:00Z
    resolvedBy: alice
    resolvedAt: 2026-01-31T03:44:05Z
status:
  observedGeneration: 1
  state: Resolved
  cycles:
  - openedAt: 2026-01-31T03:00:00.000001Z
    acknowledgedAt: 2026-01-31T03:04:05.000000Z
    resolvedAt: 2026-01-31T03:44:05.000000Z
    resolvedBy: alice
  conditions:
  - type: Resolved
    status: "True"
    reason: ResolvedByHand
    message: Resolved by alice
    observedGeneration: 1
    lastTransitionTime: 2026-01-31T03:44:05Z
  escalation:
    run: 1
    cause: 2026-01-31T03:00:00.100001Z
    startedAt: 2026-01-31T03:00:00.100001Z
  notifications:
  - cycle: 1
    run: 1
    loop: 0
    step: team
    channel: payments-slack
    kind: Page
    sequence: 0
    priority: High
    dueAt: 2026-01-31T03:00:00.100001Z
    state: Sent
    attempts: 1
    sendBefore: 2026-01-31T03:00:10.200001Z
    nextAttempt: 2026-01-31T03:00:10.200001Z
    closedAt: 2026-01-31T03:00:00.400001Z
    mayHaveArrived: true
    gathered: true
    receipt: C024BE91L:1769828400.000100
    reason: RateLimited
    error: Slack wants fewer messages
  writeBack:
  - kind: Resolve
    by: alice
    at: 2026-01-31T03:44:05Z
    outcome: Dropped
    message: the issue is archived
    recordedAt: 2026-01-31T03:44:06Z
`

func incidentExamples() []example {
	return slices.Concat(identityExamples(), issueExamples(), signalExamples(), responseExamples(),
		incidentStatusExamples(), ledgerExamples())
}

// identityExamples are those of what an Incident is, and of its size.
func identityExamples() []example {
	return slices.Concat([]example{
		needed("spec"),
		needed("spec.sourceRef"),
		change("spec.sourceRef", "sourceRef cannot be changed", of("{name: payments}"), of("{name: payments}"), of("{name: ledger}")),
		needed("spec.sourceRef.name"),
		notEmpty("spec.sourceRef.name"),
		longest("spec.sourceRef.name", strings.Repeat("p", 40)),
		needed("spec.alertKey"),
		longest("spec.alertKey", "metric/"+strings.Repeat("9", 33)),
		pattern("spec.alertKey", `^((issue|metric)/[0-9]+|feed/delivering)$`, "issue/42", "issue/forty-two"),
		pattern("spec.alertKey", `^((issue|metric)/[0-9]+|feed/delivering)$`, "metric/42", "monitor/42"),
		pattern("spec.alertKey", `^((issue|metric)/[0-9]+|feed/delivering)$`, "feed/delivering", "feed/42"),
		change("spec.alertKey", "alertKey cannot be changed", "issue/42", "issue/42", "metric/42"),
		needed("spec.number"),
		atLeast("spec.number", 1),
		wholeNumber("spec.number", "int32", 1<<31-1, 1<<31),
		change("spec.number", "number cannot be changed", 1, 1, 2),
		needed("spec.priority"),
		change("spec.test", "a test cannot be turned into a real Incident", true, true, false),
		change("spec.test", "a test cannot be turned into a real Incident", true, true, absent{}),
		change("spec.sealed", unsealed, true, true, false),
		change("spec.sealed", unsealed, true, true, absent{}),
		needed("spec.signalCount"),
		atLeast("spec.signalCount", 1),
		wholeNumber("spec.signalCount", "int64", 1<<53, 1<<63),
	},
		second("spec.recordedAt"),
		[]example{change("spec.recordedAt", "recordedAt cannot be changed",
			"2026-01-31T03:00:00Z", "2026-01-31T03:00:00Z", "2026-01-31T03:00:01Z")},
		oneOf("spec.priority", "Low", "Medium", "High", "Critical"))
}

func issueExamples() []example {
	return slices.Concat([]example{
		longest("spec.issue.id", strings.Repeat("9", 20)),
		pattern("spec.issue.id", `^[0-9]*$`, "", "CHECKOUT-1A"),
		longest("spec.issue.shortID", strings.Repeat("A", 128)),
		longest("spec.issue.title", strings.Repeat("é", 256)),
		longest("spec.issue.culprit", strings.Repeat("a", 256)),
		longest("spec.issue.level", strings.Repeat("a", 128)),
		longest("spec.issue.status", strings.Repeat("a", 128)),
		longest("spec.issue.substatus", strings.Repeat("a", 128)),
		longest("spec.issue.project", strings.Repeat("a", 128)),
		longest("spec.issue.projectID", strings.Repeat("9", 20)),
		pattern("spec.issue.projectID", `^[0-9]*$`, "4505281256090153", "checkout"),
		longest("spec.issue.platform", strings.Repeat("a", 128)),
		longest("spec.issue.url", strings.Repeat("a", 2048)),
		longest("spec.issue.assignee", strings.Repeat("a", 128)),
	}, second("spec.issue.firstSeen"))
}

func signalExamples() []example {
	signal := `{time: "2026-01-31T03:00:00.000001Z", receivedAt: "2026-01-31T03:00:00.100001Z", event: Alert, ` +
		`effect: Updated, rule: "%d"}`
	return slices.Concat([]example{
		needed("spec.signals"),
		atMost("spec.signals", 64, "[", signal, "]"),
		leastItems("spec.signals", many(1, "[", signal, "]")),
		needed("spec.signals[0].time"),
		needed("spec.signals[0].receivedAt"),
		needed("spec.signals[0].event"),
		longest("spec.signals[0].action", strings.Repeat("a", 128)),
		needed("spec.signals[0].effect"),
		longest("spec.signals[0].by", strings.Repeat("a", 253)),
		longest("spec.signals[0].rule", strings.Repeat("a", 128)),
		longest("spec.signals[0].note", strings.Repeat("a", 128)),
	},
		microsecond("spec.signals[0].time"),
		microsecond("spec.signals[0].receivedAt"),
		second("spec.signals[0].until"),
		oneOf("spec.signals[0].event", "Alert", "Update", "Acknowledge", "Resolve", "Response"),
		oneOf("spec.signals[0].effect", "Opened", "Updated", "Acknowledged", "Unacknowledged", "Reopened", "Resolved", "Woken", "None"),
		oneOf("spec.signals[0].priority", "Low", "Medium", "High", "Critical"),
	)
}
