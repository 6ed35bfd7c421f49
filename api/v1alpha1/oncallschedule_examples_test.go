package v1alpha1_test

import (
	"slices"
	"strings"
)

const goodOnCallSchedule = `
apiVersion: itoc360.io/v1alpha1
kind: OnCallSchedule
metadata: {name: payments}
spec:
  timeZone: Europe/Berlin
  members:
  - {name: ada, channelRef: {name: ada}}
  layers:
  - name: weekly
    members: [ada]
    every: Week
    startsOn: "2026-01-05"
    handOver: "09:00"
    hours: {days: [Monday], from: "18:00", until: "08:00"}
  overrides:
  - {member: ada, from: 2026-01-31T03:04:05Z, until: 2026-02-01T03:04:05Z}
status:
  observedGeneration: 1
  onCall: ada
  until: 2026-02-02T08:00:00Z
  conditions:
  - type: Ready
    status: "True"
    reason: Usable
    message: ada is on call
    observedGeneration: 1
    lastTransitionTime: 2026-01-31T03:44:05Z
`

// What the API server answers to an OnCallSchedule that cannot be.
const (
	strangeTurn     = "a layer's members are among the members of the schedule"
	strangeOverride = "an override's member is among the members of the schedule"
	backwards       = "until must be after from"
	timeOfDay       = `^([01][0-9]|2[0-3]):[0-5][0-9]$`
)

func onCallScheduleExamples() []example {
	const (
		member   = "{name: m%d, channelRef: {name: a}}"
		layer    = "{name: l%d, members: [ada], startsOn: '2026-01-05'}"
		override = "{member: ada, from: '2026-01-0%d', until: '2026-02-01T00:00:00Z'}"
		zone     = `^[A-Za-z][A-Za-z0-9_+/-]*$`
	)
	turns := strings.Repeat("ada, ", 20)
	return slices.Concat([]example{
		needed("spec"),
		longest("spec.timeZone", strings.Repeat("A", 64)),
		pattern("spec.timeZone", zone, "America/Argentina/Buenos_Aires", "Europe/Berlin "),
		needed("spec.members"),
		leastItems("spec.members", of("[{name: ada, channelRef: {name: a}}]")),
		tooMany("spec.members", 20, "[{name: ada, channelRef: {name: a}}, ", member, "]"),
		twice("spec.members", "[{name: ada, channelRef: {name: a}}, {name: b, channelRef: {name: a}}]",
			"[{name: ada, channelRef: {name: a}}, {name: ada, channelRef: {name: b}}]", `{"name":"ada"}`),
		needed("spec.members[0].name"),
		notEmptyOf("spec.members[0].name", "ada"),
		longestOf("spec.members[0].name", "ada", 63),
		needed("spec.members[0].channelRef"),
		needed("spec.members[0].channelRef.name"),
		notEmpty("spec.members[0].channelRef.name"),
		longest("spec.members[0].channelRef.name", strings.Repeat("a", 253)),
		inCEL("spec", strangeTurn, unchanged{}, of("{members: [{name: bob, channelRef: {name: a}}], layers: ["+layer+"]}")),
		inCEL("spec", strangeOverride, unchanged{}, of("{members: [{name: bob, channelRef: {name: a}}], layers: "+
			"[{name: a, members: [bob], startsOn: '2026-01-05'}], "+
			"overrides: [{member: ada, from: '2026-01-01T00:00:00Z', until: '2026-02-01T00:00:00Z'}]}")),
		needed("spec.layers"),
		leastItems("spec.layers", many(1, "[", layer, "]")),
		atMost("spec.layers", 5, "[", layer, "]"),
		twice("spec.layers", "[{name: a, members: [ada], startsOn: '2026-01-05'}, {name: b, members: [ada], startsOn: '2026-01-05'}]",
			"[{name: a, members: [ada], startsOn: '2026-01-05'}, {name: a, members: [ada], startsOn: '2026-01-05'}]", `{"name":"a"}`),
		atMost("spec.overrides", 50, "[", strings.Replace(override, "'2026-01-0%d'", "'2026-01-01T00:00:%02dZ'", 1), "]"),
		needed("spec.overrides[0].member"),
		notEmptyOf("spec.overrides[0].member", "ada"),
		longestOf("spec.overrides[0].member", "ada", 63),
		needed("spec.overrides[0].from"),
		moment("spec.overrides[0].from", "2026-01-31T03:04:05Z"),
		needed("spec.overrides[0].until"),
		moment("spec.overrides[0].until", "2026-02-01T03:04:05Z"),
		inCEL("spec.overrides[0]", backwards, of("{member: ada, from: '2026-01-01T00:00:00Z', until: '2026-01-01T00:00:01Z'}"),
			of("{member: ada, from: '2026-01-01T00:00:00Z', until: '2026-01-01T00:00:00Z'}")),
	}, layerExamples("spec.layers[0]", of("["+strings.TrimSuffix(turns, ", ")+"]"), of("["+turns+"ada]")), []example{
		wholeNumber("status.observedGeneration", "int64", -1, 1<<63),
		longest("status.onCall", strings.Repeat("a", 63)),
	}, second("status.until"), conditionExamples(8))
}

func layerExamples(path string, turns, tooMany any) []example {
	return slices.Concat([]example{
		needed(path + ".name"),
		notEmpty(path + ".name"),
		longest(path+".name", strings.Repeat("a", 63)),
		needed(path + ".members"),
		leastItems(path+".members", of("[ada]")),
		{
			rule:     rule{path: path + ".members", keyword: keywordMaxItems},
			accepted: turns, refused: tooMany,
			answer: "Too many: 21: must have at most 20 items",
		},
		notEmptyOf(path+".members[0]", "ada"),
		longestOf(path+".members[0]", "ada", 63),
		needed(path + ".startsOn"),
		{
			rule:     rule{path: path + ".startsOn", keyword: keywordFormat},
			accepted: "2026-02-28", refused: "2026-02-30",
			answer: inBody(path+".startsOn") + ` must be of type date: "2026-02-30"`,
		},
		longestOf(path+".startsOn", "2026-01-05", 10),
		pattern(path+".handOver", timeOfDay, "23:59", "24:00"),
		longestOf(path+".handOver", "09:00", 5),
		needed(path + ".hours.from"),
		pattern(path+".hours.from", timeOfDay, "00:00", "9:00"),
		longestOf(path+".hours.from", "09:00", 5),
		needed(path + ".hours.until"),
		pattern(path+".hours.until", timeOfDay, "00:00", "12:60"),
		longestOf(path+".hours.until", "09:00", 5),
		twice(path+".hours.days", "[Monday, Friday]", "[Monday, Monday]", `"Monday"`),
	}, oneOf(path+".every", "Day", "Week"),
		oneOf(path+".hours.days[0]", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
		[]example{{
			rule:     rule{path: path + ".hours.days", keyword: keywordMaxItems},
			accepted: of("[Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday]"),
			refused:  of("[Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday, Monday]"),
			answer:   "Too many: 8: must have at most 7 items",
		}})
}

// twice is the example of a list whose second element must not be the first again.
func twice(path, accepted, refused, element string) example {
	return example{
		rule:     rule{path: path, keyword: keywordListType},
		accepted: of(accepted), refused: of(refused),
		field: path + "[1]", answer: "Duplicate value: " + element,
	}
}

// tooMany is the example of a list that takes so many elements, the first of which open begins with.
func tooMany(path string, most int, open, format, end string) example {
	bounded := atMost(path, most, "[", format, end)
	bounded.accepted, bounded.refused = many(most-1, open, format, end), many(most, open, format, end)
	return bounded
}

// notEmptyOf is the example of a text that is not empty and cannot be just any.
func notEmptyOf(path, accepted string) example {
	bounded := notEmpty(path)
	bounded.accepted = accepted
	return bounded
}

// longestOf is the example of the length of a text that cannot be just any.
func longestOf(path, accepted string, most int) example {
	bounded := longest(path, strings.Repeat("a", most))
	bounded.accepted = accepted
	return bounded
}
