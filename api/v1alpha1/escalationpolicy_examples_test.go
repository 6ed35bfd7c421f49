package v1alpha1_test

import (
	"slices"
	"strings"
)

const goodEscalationPolicy = `
apiVersion: itoc360.io/v1alpha1
kind: EscalationPolicy
metadata: {name: payments}
spec:
  steps:
  - name: team
    after: 0s
    minPriority: Low
    notify:
    - channelRef: {name: payments-slack}
  repeat: {times: 2, every: 30m}
  ackTimeout: 4h
status:
  observedGeneration: 1
  conditions:
  - type: Ready
    status: "True"
    reason: Usable
    message: All channels are ready
    observedGeneration: 1
    lastTransitionTime: 2026-01-31T03:44:05Z
`

// What the API server answers to an EscalationPolicy that cannot be.
const (
	overlapping   = "repeat.every must be longer than the after of each step, so that one round is over before the next one begins"
	unordered     = "steps stand in the order of their after, the earliest first"
	badAckTimeout = "ackTimeout is 0s (never) or a duration from 1m to 720h, such as 4h"
	badAfter      = "after is a duration from 0s to 24h, such as 10m"
	badEvery      = "every is a duration from 1m to 48h, such as 30m"
	namedTwice    = "a step names each channel once"
	calledTwice   = "a step names each schedule once"
	notOneOfTwo   = "a recipient is exactly one of channelRef and scheduleRef"
)

func escalationPolicyExamples() []example {
	const step = "spec.steps[0]"
	named := "{name: step-%d, notify: [{channelRef: {name: a}}]}"
	two := func(first, second string) any {
		return of("[{name: a, after: " + first + ", notify: [{channelRef: {name: a}}]}, " +
			"{name: b, after: " + second + ", notify: [{channelRef: {name: a}}]}]")
	}
	repeated := inCEL("spec", overlapping, "29m59s", "30m")
	repeated.at = step + ".after"
	return slices.Concat([]example{
		needed("spec"),
		needed("spec.steps"),
		repeated,
		atMost("spec.steps", 8, "[", named, "]"),
		leastItems("spec.steps", many(1, "[", named, "]")),
		{
			rule:     rule{path: "spec.steps", keyword: keywordListType},
			accepted: many(2, "[", named, "]"),
			refused:  of(strings.ReplaceAll("["+named+", "+named+"]", "-%d", "")),
			field:    "spec.steps[1]", answer: `Duplicate value: {"name":"step"}`,
		},
		inCEL("spec.steps", unordered, two("5m", "10m"), two("10m", "9m59s")),
		inCEL("spec.steps", unordered, two("5m", "300s"), two("10m", "1s")),
		inCEL("spec.ackTimeout", badAckTimeout, "0s", "59s"),
		inCEL("spec.ackTimeout", badAckTimeout, "720h", "721h"),
		longest("spec.ackTimeout", "0000000000000000004h"),
		needed(step + ".name"),
		notEmpty(step + ".name"),
		longest(step+".name", strings.Repeat("a", 63)),
		pattern(step+".name", `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`, "on-call-2", "On call"),
		inCEL(step+".after", badAfter, "29m", "-1s"),
		longest(step+".after", "00000000000000000029m"[1:]),
	}, oneOf(step+".minPriority", "Low", "Medium", "High", "Critical"), recipientExamples(step+".notify"), repeatExamples())
}

// recipientExamples are those of whom a step tells.
func recipientExamples(path string) []example {
	const (
		one       = "{channelRef: {name: channel-%d}}"
		scheduled = "{scheduleRef: {name: schedule-%d}}"
	)
	return []example{
		needed(path),
		atMost(path, 5, "[", one, "]"),
		leastItems(path, many(1, "[", one, "]")),
		inCEL(path, namedTwice, many(2, "[", one, "]"), of(strings.ReplaceAll("["+one+", "+one+"]", "-%d", ""))),
		inCEL(path, calledTwice, many(2, "[", scheduled, "]"), of(strings.ReplaceAll("["+scheduled+", "+scheduled+"]", "-%d", ""))),
		inCEL(path+"[0]", notOneOfTwo, of(one), of("{}")),
		inCEL(path+"[0]", notOneOfTwo, of(scheduled), of("{channelRef: {name: a}, scheduleRef: {name: a}}")),
		needed(path + "[0].channelRef.name"),
		notEmpty(path + "[0].channelRef.name"),
		longest(path+"[0].channelRef.name", strings.Repeat("a", 253)),
		ofSchedule(needed(path + "[0].scheduleRef.name")),
		ofSchedule(notEmpty(path + "[0].scheduleRef.name")),
		ofSchedule(longest(path+"[0].scheduleRef.name", strings.Repeat("a", 253))),
	}
}

// ofSchedule is an example of a policy that notifies whoever is on call.
func ofSchedule(one example) example {
	one.good = strings.Replace(goodEscalationPolicy, "channelRef: {name: payments-slack}", "scheduleRef: {name: payments}", 1)
	return one
}

func repeatExamples() []example {
	return []example{
		needed("spec.repeat.times"),
		atLeast("spec.repeat.times", 1),
		atMostNumber("spec.repeat.times", 20),
		wholeNumber("spec.repeat.times", "int32", 20, 1<<31),
		needed("spec.repeat.every"),
		inCEL("spec.repeat.every", badEvery, "1m", "59s"),
		inCEL("spec.repeat.every", badEvery, "48h", "49h"),
		longest("spec.repeat.every", "0000000000000000030m"),
	}
}

func escalationPolicyStatusExamples() []example {
	return append(conditionExamples(8), wholeNumber("status.observedGeneration", "int64", -1, 1<<63))
}
