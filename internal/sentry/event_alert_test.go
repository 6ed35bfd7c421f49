package sentry

import "testing"

// eventAlert is the body of an event_alert with the members of an event.
func eventAlert(event string) []byte {
	return []byte(`{"action":"triggered","data":{"event":` + event + `,"triggered_rule":"Any"}}`)
}

func TestIssueOfAnEvent(t *testing.T) {
	tests := []struct {
		name  string
		event string
		want  string
	}{
		{"is issue_id", `{"issue_id":"42","issue_url":"https://sentry.io/api/0/issues/7/"}`, "42"},
		{"is an issue_id that is a number", `{"issue_id":9007199254740993}`, "9007199254740993"},
		{"is in issue_url where issue_id is absent", `{"issue_url":"https://sentry.io/api/0/issues/42/"}`, "42"},
		{
			"is in issue_url where issue_id is null",
			`{"issue_id":null,"issue_url":"https://sentry.io/api/0/issues/42/"}`, "42",
		},
		{
			"is in issue_url where issue_id is an object",
			`{"issue_id":{},"issue_url":"https://sentry.io/api/0/issues/42/"}`, "42",
		},
		{"is in an issue_url without a last slash", `{"issue_url":"https://sentry.io/api/0/issues/42"}`, "42"},
		{"is in an issue_url with a query", `{"issue_url":"https://sentry.io/api/0/issues/42/?a=/7/#8"}`, "42"},
		{"is in an issue_url that is a path", `{"issue_url":"/api/0/issues/42/"}`, "42"},
		{"is whatever stands there, to be judged by ValidID", `{"issue_url":"https://sentry.io/api/0/issues/"}`, "issues"},
		{"is nowhere in what is no address", `{"issue_url":"https://[::1"}`, ""},
		{"is nowhere in an address without a path", `{"issue_url":"https://sentry.io"}`, ""},
		{"is nowhere at all", `{}`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			notice := mustParse(t, "event_alert", eventAlert(test.event))
			wantSame(t, notice.Issue.ID, test.want)
			wantSame(t, notice.Subject, SubjectIssue)
		})
	}
}

func TestFactsOfAnEvent(t *testing.T) {
	tests := []struct {
		name  string
		event string
		want  Issue
	}{
		{
			"names neither priority nor status",
			`{"priority":"high","status":"resolved","shortId":"X-1","substatus":"new"}`,
			Issue{},
		},
		{
			"takes the message where there is no title",
			`{"title":null,"message":"disk full"}`,
			Issue{Title: text("disk full")},
		},
		{"takes the message where the title is empty", `{"title":"","message":"disk full"}`, Issue{Title: text("disk full")}},
		{"keeps a null title without a message", `{"title":null}`, Issue{Title: null}},
		{
			"finds the project in url", `{"project":77,"url":"https://sentry.io/api/0/projects/acme/checkout/events/e/"}`,
			Issue{Project: text("checkout"), ProjectID: "77"},
		},
		{"finds no project in another url", `{"project":77,"url":"https://sentry.io/api/0/organizations/acme/"}`, Issue{ProjectID: "77"}},
		{"knows no slug from a number", `{"project":4505281256090153}`, Issue{ProjectID: "4505281256090153"}},
		{"keeps a null level apart from an absent one", `{"level":null}`, Issue{Level: null}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantSame(t, mustParse(t, "event_alert", eventAlert(test.event)).Issue, test.want)
		})
	}
}

func TestReceivedOfAnEvent(t *testing.T) {
	for event, want := range map[string]string{
		`{"received":1788257731.5}`:                "2026-09-01T10:15:31.5Z",
		`{"received":1788257731}`:                  "2026-09-01T10:15:31Z",
		`{"received":"1788257731"}`:                "2026-09-01T10:15:31Z",
		`{"received":"2026-09-01T12:15:31+02:00"}`: "2026-09-01T10:15:31Z",
	} {
		wantSame(t, mustParse(t, "event_alert", eventAlert(event)).EventReceived, moment(want))
	}
	for _, event := range []string{`{}`, `{"received":null}`, `{"received":""}`, `{"received":-1}`, `{"received":1e300}`} {
		if got := mustParse(t, "event_alert", eventAlert(event)).EventReceived; got != nil {
			t.Errorf("%s: got %v, want none", event, got)
		}
	}
}

func TestSampleTag(t *testing.T) {
	tests := []struct {
		name string
		tags string
		want bool
	}{
		{"in a list of pairs", `[["level","error"],["sample_event","yes"]]`, true},
		{"in a list of objects", `[{"key":"level","value":"error"},{"key":"sample_event","value":"yes"}]`, true},
		{"in one object", `{"level":"error","sample_event":"yes"}`, true},
		{"before odd elements", `[["sample_event","yes"],7,null]`, true},
		{"after odd elements", `[7,null,"x",[],[["a"]],{},["sample_event"],["sample_event","yes"]]`, true},
		{"with another value", `[["sample_event","no"]]`, false},
		{"with a null value", `[["sample_event",null]]`, false},
		{"under another key", `[["sample","yes"]]`, false},
		{"in a word", `"sample_event"`, false},
		{"in nothing", `null`, false},
		{"in an empty list", `[]`, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			notice := mustParse(t, "event_alert", eventAlert(`{"issue_id":"42","tags":`+test.tags+`}`))
			wantSame(t, notice.Sample, test.want)
			wantSame(t, notice.Issue, Issue{ID: "42"})
		})
	}
}

func TestRuleOfAnAlert(t *testing.T) {
	tests := []struct {
		name string
		rule string
		want string
	}{
		{"is triggered_rule", `"triggered_rule":"Page us","issue_alert":{"title":"Other"}`, "Page us"},
		{
			"is the issue_alert's where triggered_rule is empty",
			`"triggered_rule":"","issue_alert":{"title":"Other"}`, "Other",
		},
		{"is the issue_alert's where triggered_rule is absent", `"issue_alert":{"title":"Other"}`, "Other"},
		{"is empty where nothing names it", `"triggered_rule":null,"issue_alert":"Other"`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := `{"action":"triggered","data":{"event":{"issue_id":"42"},` + test.rule + `}}`
			wantSame(t, mustParse(t, "event_alert", []byte(body)).Rule, test.want)
		})
	}
}
