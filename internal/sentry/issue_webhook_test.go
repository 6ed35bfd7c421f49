package sentry

import (
	"strings"
	"testing"
)

func TestIssueActionsHaveOneSpelling(t *testing.T) {
	for wire, want := range map[string]string{
		"created":    "created",
		"assigned":   "assigned",
		"unresolved": "unresolved",
		"resolved":   "resolved",
		"archived":   "archived",
		"ignored":    "archived",
		"merged":     "merged",
	} {
		body := changed(t, "issue_created", `"action": "created"`, `"action": "`+wire+`"`)
		wantSame(t, mustParse(t, "issue", body).Action, want)
	}
}

func TestAssigneeOfAnIssueWebhook(t *testing.T) {
	const person = `{"type":"user","name":"Jane Doe","email":"jane@acme.example","id":789}`
	tests := []struct {
		name string
		body string
		want Text
	}{
		{
			"is the issue's own",
			`{"action":"assigned","data":{"issue":{"assignedTo":{"name":"Ann"}},"assignee":` + person + `}}`,
			text("Ann"),
		},
		{
			"is the one beside an issue that names none",
			`{"action":"assigned","data":{"issue":{},"assignee":` + person + `}}`,
			text("Jane Doe"),
		},
		{
			"is null where the issue says so",
			`{"action":"assigned","data":{"issue":{"assignedTo":null},"assignee":` + person + `}}`,
			null,
		},
		{
			"is taken from beside only when assigned",
			`{"action":"created","data":{"issue":{},"assignee":` + person + `}}`,
			Text{},
		},
		{"is absent where it has no name", `{"action":"created","data":{"issue":{"assignedTo":{"id":"7"}}}}`, Text{}},
		{"is absent where it is a word", `{"action":"created","data":{"issue":{"assignedTo":"user:7"}}}`, Text{}},
		{
			"is shown without the domain of an address",
			`{"action":"created","data":{"issue":{"assignedTo":{"name":"jane.doe@acme.example"}}}}`, text("jane.doe"),
		},
		{
			"is cut at a sane length",
			`{"action":"created","data":{"issue":{"assignedTo":{"name":"` + strings.Repeat("ä", 300) + `"}}}}`,
			text(strings.Repeat("ä", 128)),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantSame(t, mustParse(t, "issue", []byte(test.body)).Issue.Assignee, test.want)
		})
	}
}
