package v1alpha1_test

import (
	"slices"
	"strings"
)

// The forms that Kubernetes gives to the type and the reason of a condition.
const (
	typePattern = `^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?` +
		`(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$`
	reasonPattern = `^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`
)

func incidentStatusExamples() []example {
	cycle := `{openedAt: "2026-01-31T03:00:00.000001Z", resolvedBy: "%d"}`
	return slices.Concat([]example{
		wholeNumber("status.observedGeneration", "int64", -1, 1<<63),
		atMost("status.cycles", 8, "[", cycle, "]"),
		needed("status.cycles[0].openedAt"),
		longest("status.cycles[0].resolvedBy", strings.Repeat("a", 253)),
	},
		microsecond("status.cycles[0].openedAt"),
		microsecond("status.cycles[0].acknowledgedAt"),
		microsecond("status.cycles[0].resolvedAt"),
		oneOf("status.state", "Open", "Acknowledged", "Snoozed", "Resolved"),
		conditionExamples(8),
		writeExamples(),
	)
}

// writeExamples are those of what became of what was to be written to Sentry.
func writeExamples() []example {
	const path = "status.writeBack"
	record := func(kind string) string {
		return `{kind: ` + kind + `, by: alice, at: "2026-01-31T03:44:05Z", outcome: Written, recordedAt: "2026-01-31T03:44:05Z"}`
	}
	three := record("Resolve") + ", " + record("ResolveComment") + ", " + record("AcknowledgeComment")
	return slices.Concat([]example{
		{
			rule:     rule{path: path, keyword: keywordMaxItems},
			accepted: of("[" + three + "]"), refused: of("[" + three + ", " + record("Resolve") + "]"),
			answer: "Too many: 4: must have at most 3 items",
		},
		{
			rule:     rule{path: path, keyword: keywordListType},
			accepted: of("[" + three + "]"), refused: of("[" + record("Resolve") + ", " + record("Resolve") + "]"),
			field: path + "[1]", answer: `Duplicate value: {"kind":"Resolve"}`,
		},
		needed(path + "[0].kind"),
		needed(path + "[0].by"),
		longest(path+"[0].by", strings.Repeat("a", 253)),
		needed(path + "[0].at"),
		needed(path + "[0].outcome"),
		longest(path+"[0].message", strings.Repeat("a", 512)),
		needed(path + "[0].recordedAt"),
	},
		oneOf(path+"[0].kind", "Resolve", "ResolveComment", "AcknowledgeComment"),
		oneOf(path+"[0].outcome", "Written", "NotNeeded", "Dropped"),
		second(path+"[0].at"), second(path+"[0].recordedAt"),
	)
}

func alertSourceStatusExamples() []example {
	return slices.Concat([]example{
		wholeNumber("status.observedGeneration", "int64", -1, 1<<63),
		longest("status.webhookSecret", strings.Repeat("a", 253)),
		wholeNumber("status.openIncidents", "int32", 1<<31-1, 1<<31),
		atMost("status.ignoredProjects", 10, "[", "project-%d", "]"),
		longest("status.ignoredProjects[0]", strings.Repeat("a", 128)),
	}, second("status.lastSignalTime"), second("status.writeBack.resolveSince"), second("status.writeBack.commentSince"),
		conditionExamples(16), intakeExamples(), resyncExamples())
}

// resyncExamples are those of what passes over Sentry's issues found.
func resyncExamples() []example {
	const passes = "status.resync.passes"
	pass := `{startedAt: "2026-01-31T03:44:05Z", finishedAt: "2026-01-31T03:44:05Z", calls: %d}`
	examples := slices.Concat([]example{
		longest("status.resync.organization", strings.Repeat("a", 320)),
		atMost(passes, 3, "[", pass, "]"),
		needed(passes + "[0].startedAt"),
		needed(passes + "[0].finishedAt"),
	},
		second("status.resync.firstStartedAt"),
		second(passes+"[0].startedAt"), second(passes+"[0].finishedAt"), second(passes+"[0].newsSince"),
	)
	for _, count := range []string{
		"issues", "calls", "opened", "openedQuietly", "resolved", "updated", "waiting", "missedOpenings", "missedResolves", "told",
	} {
		path := passes + "[0]." + count
		examples = append(examples, atLeast(path, 0), wholeNumber(path, "int32", 1<<31-1, 1<<31))
	}
	return examples
}

// intakeExamples are those of what the replicas' intakes reported.
func intakeExamples() []example {
	const path = "status.intake"
	report := `{replica: replica-%d, reportedAt: "2026-01-31T03:44:05Z"}`
	twice := strings.ReplaceAll(report, "-%d", "")
	return slices.Concat([]example{
		atMost(path, 100, "[", report, "]"),
		{
			rule:     rule{path: path, keyword: keywordListType},
			accepted: many(2, "[", report, "]"), refused: of("[" + twice + ", " + twice + "]"),
			field: path + "[1]", answer: `Duplicate value: {"replica":"replica"}`,
		},
		needed(path + "[0].replica"),
		notEmpty(path + "[0].replica"),
		longest(path+"[0].replica", strings.Repeat("a", 253)),
		needed(path + "[0].reportedAt"),
		atLeast(path+"[0].refused", 0),
		wholeNumber(path+"[0].refused", "int32", 1<<31-1, 1<<31),
		atMost(path+"[0].ignoredProjects", 10, "[", "project-%d", "]"),
		longest(path+"[0].ignoredProjects[0]", strings.Repeat("a", 128)),
		needed(path + "[0].notRecording.since"),
		needed(path + "[0].notRecording.reason"),
		notEmpty(path + "[0].notRecording.reason"),
		longest(path+"[0].notRecording.reason", strings.Repeat("a", 64)),
		longest(path+"[0].notRecording.message", strings.Repeat("a", 256)),
		atLeast(path+"[0].notRecording.alerts", 0),
		wholeNumber(path+"[0].notRecording.alerts", "int32", 1<<31-1, 1<<31),
	},
		second(path+"[0].notRecording.since"),
		second(path+"[0].reportedAt"),
		second(path+"[0].lastSignalTime"),
		second(path+"[0].lastSignatureTime"),
		oneOf(path+"[0].lastSignature", "Verified", "Refused", "Unreadable"),
	)
}

// conditionExamples are those of a list of so many conditions.
func conditionExamples(most int) []example {
	const path = "status.conditions"
	condition := `{type: Type%d, status: "True", reason: Because, message: "", lastTransitionTime: "2026-01-31T03:44:05Z"}`
	twice := strings.ReplaceAll(condition, "%d", "")
	return slices.Concat([]example{
		atMost(path, most, "[", condition, "]"),
		{
			rule:     rule{path: path, keyword: keywordListType},
			accepted: many(2, "[", condition, "]"), refused: of("[" + twice + ", " + twice + "]"),
			field: path + "[1]", answer: `Duplicate value: {"type":"Type"}`,
		},
		needed(path + "[0].type"),
		longest(path+"[0].type", strings.Repeat("a", 316)),
		pattern(path+"[0].type", typePattern, "itoc360.io/Ready", "not ready"),
		needed(path + "[0].status"),
		needed(path + "[0].reason"),
		notEmpty(path + "[0].reason"),
		longest(path+"[0].reason", strings.Repeat("a", 1024)),
		pattern(path+"[0].reason", reasonPattern, "Listening", "is listening"),
		needed(path + "[0].message"),
		longest(path+"[0].message", strings.Repeat("a", 32768)),
		atLeast(path+"[0].observedGeneration", 0),
		wholeNumber(path+"[0].observedGeneration", "int64", 1<<53, 1<<63),
		needed(path + "[0].lastTransitionTime"),
		moment(path+"[0].lastTransitionTime", "2026-01-31T03:44:05Z"),
	}, oneOf(path+"[0].status", "True", "False", "Unknown"))
}
