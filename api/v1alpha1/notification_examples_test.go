package v1alpha1_test

import (
	"slices"
	"strings"
)

// ledgerExamples are those of an Incident's run and of its notifications.
func ledgerExamples() []example {
	const (
		run = "status.escalation"
		one = "status.notifications[0]"
	)
	entry := `{cycle: 1, run: 1, loop: 0, channel: c, kind: Page, sequence: %d, priority: Low, ` +
		`dueAt: "2026-01-31T03:00:00.000001Z", state: Pending}`
	return slices.Concat([]example{
		needed(run + ".run"),
		atLeast(run+".run", 1),
		wholeNumber(run+".run", "int32", 1<<31-1, 1<<31),
		needed(run + ".cause"),
		needed(run + ".startedAt"),
		atMost("status.notifications", 128, "[", entry, "]"),
		needed(one + ".cycle"),
		atLeast(one+".cycle", 1),
		wholeNumber(one+".cycle", "int32", 1<<31-1, 1<<31),
		needed(one + ".run"),
		atLeast(one+".run", 1),
		wholeNumber(one+".run", "int32", 1<<31-1, 1<<31),
		needed(one + ".loop"),
		atLeast(one+".loop", 0),
		wholeNumber(one+".loop", "int32", 1<<31-1, 1<<31),
		longest(one+".step", strings.Repeat("a", 63)),
		needed(one + ".channel"),
		notEmpty(one + ".channel"),
		longest(one+".channel", strings.Repeat("a", 253)),
		needed(one + ".kind"),
		needed(one + ".sequence"),
		atLeast(one+".sequence", 0),
		wholeNumber(one+".sequence", "int32", 1<<31-1, 1<<31),
		needed(one + ".priority"),
		needed(one + ".dueAt"),
		needed(one + ".state"),
		atLeast(one+".attempts", 0),
		wholeNumber(one+".attempts", "int32", 1<<31-1, 1<<31),
		longest(one+".receipt", strings.Repeat("a", 512)),
		longest(one+".reason", strings.Repeat("a", 64)),
		longest(one+".error", strings.Repeat("a", 256)),
	},
		microsecond(run+".cause"),
		microsecond(run+".startedAt"),
		microsecond(one+".dueAt"),
		microsecond(one+".sendBefore"),
		microsecond(one+".nextAttempt"),
		microsecond(one+".closedAt"),
		oneOf(one+".kind", "Page", "Update", "Resolved"),
		oneOf(one+".priority", "Low", "Medium", "High", "Critical"),
		oneOf(one+".state", "Pending", "Sent", "Failed", "Superseded"),
	)
}
