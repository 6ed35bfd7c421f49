package lifecycle

import (
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	low      = v1alpha1.PriorityLow
	medium   = v1alpha1.PriorityMedium
	high     = v1alpha1.PriorityHigh
	critical = v1alpha1.PriorityCritical
)

func TestFactsComeFromTheSignalWithTheNewestTime(t *testing.T) {
	tests := []struct {
		name     string
		rules    Rules
		arrivals []Heard
		want     string
	}{
		{"the opening Alert's are taken", Rules{}, []Heard{alert(at(1), withTitle("a"))}, "a"},
		{"a newer Alert refreshes", Rules{}, []Heard{alert(at(1), withTitle("a")), alert(at(2), withTitle("b"))}, "b"},
		{"an Alert of the same time refreshes", Rules{}, []Heard{alert(at(1), withTitle("a")), alert(at(1), withTitle("b"))}, "b"},
		{"a late Alert refreshes nothing", Rules{}, []Heard{alert(at(2), withTitle("b")), alert(at(1), withTitle("a"))}, "b"},
		{"an Update refreshes", Rules{}, []Heard{alert(at(1), withTitle("a")), update(at(2), withTitle("b"))}, "b"},
		{"an Acknowledge refreshes", Rules{}, []Heard{alert(at(1), withTitle("a")), acknowledge(at(2), withTitle("b"))}, "b"},
		{"a Resolve refreshes", Rules{}, []Heard{alert(at(1), withTitle("a")), resolve(at(2), withTitle("b"))}, "b"},
		{
			"a late Resolve refreshes nothing",
			Rules{},
			[]Heard{alert(at(1)), alert(at(3), withTitle("b")), resolve(at(2), withTitle("a"))},
			"b",
		},
		{
			"a Resolve after the resolve refreshes",
			Rules{},
			[]Heard{alert(at(1)), resolve(at(2), withTitle("a")), resolve(at(3), withTitle("b"))},
			"b",
		},
		{
			"a late Alert after the resolve refreshes nothing",
			Rules{},
			[]Heard{alert(at(1)), resolve(at(3), withTitle("b")), alert(at(2), withTitle("a"))},
			"b",
		},
		{
			"a reopening Alert refreshes",
			Rules{ReopenWindow: time.Hour},
			[]Heard{alert(at(1), withTitle("a")), resolve(at(2)), alert(at(3), withTitle("b"))},
			"b",
		},
		{"what a payload does not carry is kept", Rules{}, []Heard{alert(at(1), withTitle("a")), alert(at(2))}, "a"},
		{"a null clears", Rules{}, []Heard{alert(at(1), withTitle("a")), alert(at(2), withTitle(""))}, ""},
		{"a late null clears nothing", Rules{}, []Heard{alert(at(2), withTitle("a")), alert(at(1), withTitle(""))}, "a"},
		{
			"the next Incident keeps what its Alert does not carry",
			Rules{},
			[]Heard{alert(at(1), withTitle("a")), resolve(at(2)), alert(at(3))},
			"a",
		},
		{
			"the next Incident's Alert refreshes",
			Rules{},
			[]Heard{alert(at(1), withTitle("a")), resolve(at(2)), alert(at(3), withTitle("b"))},
			"b",
		},
		{
			"the next Incident's Alert refreshes nothing where an Update was newer",
			Rules{},
			[]Heard{alert(at(1)), update(at(9), withTitle("b")), resolve(at(2)), alert(at(3), withTitle("a"))},
			"b",
		},
		{"a silence tells nothing", Rules{AutoResolveAfter: time.Hour}, []Heard{alert(at(1), withTitle("a")), silence(at(90))}, "a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := tell(test.rules, test.arrivals...).latest().Issue.Title; got != test.want {
				t.Errorf("the title is %q, want %q", got, test.want)
			}
		})
	}
}

func TestEveryFactIsTakenKeptAndCleared(t *testing.T) {
	value, empty := "7", ""
	all := func(text *string) func(*Heard) {
		return func(h *Heard) {
			h.Facts = Facts{
				ID: text, ShortID: text, Title: text, Culprit: text, Level: text, Status: text, Substatus: text,
				Project: text, Platform: text, URL: text, Assignee: text,
			}
		}
	}
	full := v1alpha1.Issue{
		ID: "7", ShortID: "7", Title: "7", Culprit: "7", Level: "7", Status: "7", Substatus: "7",
		Project: "7", Platform: "7", URL: "7", Assignee: "7",
	}
	s := tell(Rules{}, alert(at(1), all(&value)))
	if got := s.latest().Issue; got != full {
		t.Errorf("taken: %s", asJSON(t, got))
	}
	s.hear(alert(at(2)))
	if got := s.latest().Issue; got != full {
		t.Errorf("kept: %s", asJSON(t, got))
	}
	s.hear(alert(at(3), all(&empty)))
	if got := s.latest().Issue; got != (v1alpha1.Issue{}) {
		t.Errorf("cleared: %s", asJSON(t, got))
	}
}

func TestTheTimeFirstSeenIsTakenAndKept(t *testing.T) {
	s := tell(Rules{}, alert(at(1), func(h *Heard) { h.Facts.FirstSeen = secondAt(0) }), alert(at(2)))
	if got := s.latest().Issue.FirstSeen; got == nil || !got.Time.Equal(at(0)) {
		t.Errorf("firstSeen is %v", got)
	}
}

func TestUnassigningShowsInTheNextSignal(t *testing.T) {
	s := tell(Rules{}, alert(at(1)), update(at(2), withAssignee("Jane")), alert(at(3)))
	if got := s.latest().Issue.Assignee; got != "Jane" {
		t.Errorf("the assignee is %q after a payload without it", got)
	}
	s.hear(alert(at(4), withAssignee("")))
	if got := s.latest().Issue.Assignee; got != "" {
		t.Errorf("the assignee is %q after a null", got)
	}
}

func TestPriority(t *testing.T) {
	tests := []struct {
		name     string
		rules    Rules
		arrivals []Heard
		want     v1alpha1.Priority
	}{
		{"the opening Alert's is taken", Rules{}, []Heard{alert(at(1), withPriority(medium), withLevel("fatal"))}, medium},
		{"none named at opening, fatal: Critical", Rules{}, []Heard{alert(at(1), withLevel("fatal"))}, critical},
		{"none named at opening, error: High", Rules{}, []Heard{alert(at(1), withLevel("error"))}, high},
		{"none named at opening, warning: Medium", Rules{}, []Heard{alert(at(1), withLevel("warning"))}, medium},
		{"none named at opening, info: Low", Rules{}, []Heard{alert(at(1), withLevel("info"))}, low},
		{"none named at opening, an unknown level: Low", Rules{}, []Heard{alert(at(1), withLevel("dire"))}, low},
		{"none named at opening, no level: Low", Rules{}, []Heard{alert(at(1))}, low},
		{
			"none named at opening, a level that the source maps",
			Rules{Levels: map[string]v1alpha1.Priority{"fatal": medium}},
			[]Heard{alert(at(1), withLevel("fatal"))},
			medium,
		},
		{
			"none named at opening, a level that the source does not map",
			Rules{Levels: map[string]v1alpha1.Priority{"fatal": medium}},
			[]Heard{alert(at(1), withLevel("error"))},
			high,
		},
		{"a newer Alert raises it", Rules{}, []Heard{alert(at(1), withPriority(low)), alert(at(2), withPriority(high))}, high},
		{"a newer Alert lowers it", Rules{}, []Heard{alert(at(1), withPriority(high)), alert(at(2), withPriority(low))}, low},
		{"a newer Update changes it", Rules{}, []Heard{alert(at(1), withPriority(low)), update(at(2), withPriority(high))}, high},
		{"a newer Acknowledge changes it", Rules{}, []Heard{alert(at(1), withPriority(low)), acknowledge(at(2), withPriority(high))}, high},
		{"a late one refreshes nothing", Rules{}, []Heard{alert(at(2), withPriority(low)), alert(at(1), withPriority(high))}, low},
		{
			"none named later: the Incident's is kept, whatever the level",
			Rules{},
			[]Heard{alert(at(1), withPriority(low)), alert(at(2), withLevel("fatal"))},
			low,
		},
		{"a Resolve does not change it", Rules{}, []Heard{alert(at(1), withPriority(high)), resolve(at(2), withPriority(low))}, high},
		{
			"a reopening Alert changes it",
			Rules{ReopenWindow: time.Hour},
			[]Heard{alert(at(1), withPriority(low)), resolve(at(2)), alert(at(3), withPriority(high))},
			high,
		},
		{
			"none named on reopening: the Incident's is kept",
			Rules{ReopenWindow: time.Hour},
			[]Heard{alert(at(1), withPriority(low)), resolve(at(2)), alert(at(3), withLevel("fatal"))},
			low,
		},
		{
			"none named at opening the next Incident: by level",
			Rules{},
			[]Heard{alert(at(1), withPriority(low), withLevel("error")), resolve(at(2)), alert(at(3))},
			high,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := tell(test.rules, test.arrivals...).latest().Priority; got != test.want {
				t.Errorf("priority is %s, want %s", got, test.want)
			}
		})
	}
}

func TestATestNotificationMakesATestAndNothingTurnsItBack(t *testing.T) {
	tests := []struct {
		name     string
		rules    Rules
		arrivals []Heard
		want     bool
	}{
		{"no tag: no test", Rules{}, []Heard{alert(at(1)), alert(at(2))}, false},
		{"a tagged Alert opens a test", Rules{}, []Heard{alert(at(1), tagged)}, true},
		{"a tag that comes second turns the Incident into a test", Rules{}, []Heard{alert(at(1)), alert(at(2), tagged)}, true},
		{"a late tag turns it as well", Rules{}, []Heard{alert(at(2)), alert(at(1), tagged)}, true},
		{"a late tag turns a resolved one as well", Rules{}, []Heard{alert(at(1)), resolve(at(3)), alert(at(2), tagged)}, true},
		{"an Alert without the tag does not turn it back", Rules{}, []Heard{alert(at(1), tagged), alert(at(2))}, true},
		{
			"reopening does not turn it back",
			Rules{ReopenWindow: time.Hour},
			[]Heard{alert(at(1), tagged), resolve(at(2)), alert(at(3))},
			true,
		},
		{
			"the next Incident of the same sample issue is a test, too",
			Rules{},
			[]Heard{alert(at(1), tagged), resolve(at(2)), alert(at(3))},
			true,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := tell(test.rules, test.arrivals...).latest().Test; got != test.want {
				t.Errorf("test is %t, want %t", got, test.want)
			}
		})
	}
}
