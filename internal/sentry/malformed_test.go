package sentry

import (
	"strings"
	"testing"
)

func TestParseRefusesWhatIsNoWebhook(t *testing.T) {
	const notOne = "not a Sentry webhook: the body is not one JSON object"
	tests := []struct {
		name     string
		resource string
		body     string
		want     string
	}{
		{"nothing at all", "issue", "", notOne},
		{"blanks", "issue", " \n", notOne},
		{"what is not JSON", "issue", "action=created", notOne},
		{"half a body", "issue", `{"action":"created","data":{"issue":{"id":"4`, notOne},
		{"two bodies", "issue", `{"action":"created"}{"action":"created"}`, notOne},
		{"a byte order mark", "issue", "\ufeff" + `{"action":"created"}`, notOne},
		{"a null", "issue", "null", notOne},
		{"a list", "issue", `[{"action":"created"}]`, notOne},
		{"a string", "wormhole", `"created"`, notOne},
		{"a body nested without end", "issue", strings.Repeat("[", 20000), notOne},
		{"an object nested without end", "issue", `{"action":"created","data":` + strings.Repeat(`{"a":`, 20000), notOne},
		{"no action", "wormhole", `{"data":{}}`, "not a Sentry webhook: action is missing"},
		{"a null action", "issue", `{"action":null,"data":{"issue":{}}}`, "not a Sentry webhook: action is missing"},
		{"an action that is an object", "issue", `{"action":{"a":1}}`, "not a Sentry webhook: action is missing"},
		{
			"a legacy plugin's flat body", "", `{"project":"checkout","message":"x","id":"42"}`,
			"not a Sentry webhook: action is missing",
		},
		{"an issue webhook without data", "issue", `{"action":"created"}`, "not a Sentry webhook: data.issue is missing"},
		{
			"an issue webhook with null data", "issue", `{"action":"ignored","data":null}`,
			"not a Sentry webhook: data.issue is missing",
		},
		{
			"an issue webhook whose issue is a list", "issue", `{"action":"resolved","data":{"issue":[]}}`,
			"not a Sentry webhook: data.issue is missing",
		},
		{
			"an event_alert without event", "event_alert", `{"action":"triggered","data":{}}`,
			"not a Sentry webhook: data.event is missing",
		},
		{
			"an activity_alert without issue", "activity_alert",
			`{"action":"triggered","data":{"activity":{"type":"status_ignored"}}}`,
			"not a Sentry webhook: data.issue is missing",
		},
		{
			"an activity_alert without activity", "activity_alert", `{"action":"triggered","data":{"issue":{"id":"4"}}}`,
			"not a Sentry webhook: data.activity.type is missing",
		},
		{
			"a metric_alert without alert", "metric_alert", `{"action":"resolved","data":{"metric_alert":"9001"}}`,
			"not a Sentry webhook: data.metric_alert is missing",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			notice, err := Parse(test.resource, []byte(test.body))
			if !IsMalformed(err) {
				t.Fatalf("got %v, want a MalformedError", err)
			}
			if err.Error() != test.want {
				t.Errorf("got %q, want %q", err, test.want)
			}
			wantSame(t, notice, Notice{})
		})
	}
}

func TestParseTakesActionsItDoesNotKnow(t *testing.T) {
	tests := []struct {
		name     string
		resource string
		body     string
		want     Notice
	}{
		{
			"an issue linked elsewhere, without the issue", "issue", `{"action":"external_issue_created","data":{}}`,
			Notice{Resource: "issue", Action: "external_issue_created"},
		},
		{
			"an issue linked elsewhere, with the issue", "issue",
			`{"action":"external_issue_linked","data":{"issue":{"id":"42"}}}`,
			Notice{Resource: "issue", Action: "external_issue_linked", Subject: SubjectIssue, Issue: Issue{ID: "42"}},
		},
		{
			"an event_alert of another kind", "event_alert", `{"action":"muted","data":[]}`,
			Notice{Resource: "event_alert", Action: "muted"},
		},
		{
			"an activity_alert of another kind", "activity_alert", `{"action":"muted"}`,
			Notice{Resource: "activity_alert", Action: "muted"},
		},
		{
			"an activity of another kind, without an issue", "activity_alert",
			`{"action":"triggered","data":{"activity":{"type":"uptime_restored"}}}`,
			Notice{Resource: "activity_alert", Action: "uptime_restored"},
		},
		{
			"a metric_alert of another kind", "metric_alert", `{"action":"paused"}`,
			Notice{Resource: "metric_alert", Action: "paused"},
		},
		{"a numeric action", "wormhole", `{"action":7}`, Notice{Resource: "wormhole", Action: "7"}},
		{
			"an action longer than any", "seer", `{"action":"` + strings.Repeat("a", 200) + `"}`,
			Notice{Resource: "seer", Action: strings.Repeat("a", 128)},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantSame(t, mustParse(t, test.resource, []byte(test.body)), test.want)
		})
	}
}

func TestParseClipsTheResource(t *testing.T) {
	notice := mustParse(t, strings.Repeat("é", 200)+"\n", []byte(`{"action":"created"}`))
	wantSame(t, notice.Resource, strings.Repeat("é", 128))
}
