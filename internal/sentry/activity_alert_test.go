package sentry

import "testing"

func TestActivityNamesAnAction(t *testing.T) {
	for activity, want := range map[string]string{
		"status_resolved":            "resolved",
		"status_resolved_in_release": "resolved",
		"status_resolved_in_commit":  "resolved",
		"status_resolved_by_age":     "resolved",
		"status_unresolved":          "unresolved",
		"status_regression":          "unresolved",
		"status_escalating":          "unresolved",
		"status_ignored":             "archived",
		"status_haunted":             "status_haunted",
		"note":                       "note",
		"set_priority":               "set_priority",
	} {
		body := changed(t, "activity_alert", `"status_resolved_in_release"`, `"`+activity+`"`)
		notice := mustParse(t, "activity_alert", body)
		wantSame(t, notice.Action, want)
		wantSame(t, notice.Subject, SubjectIssue)
		wantSame(t, notice.Issue.ID, "6123456789")
	}
}
