package simulator

import (
	"encoding/json"
	"strings"
	"time"
)

const eventID = "e4874d664c3540c1a32eab185f12c5ab"

// EventAlert says that an alert rule fired for an event of the issue. Sentry
// names no priority and no status here. A sample is what the button "Send Test
// Notification" sends, with an empty rule.
func EventAlert(issue Issue, rule string, sample bool, at time.Time) Webhook {
	if sample {
		rule = ""
	}
	issue = issue.withDefaults("", at)
	data := object{{"event", issue.event(sample)}, {"triggered_rule", rule}}
	return newWebhook("event_alert", "triggered", data, bySentry, at)
}

// event is a stored event of the issue, with the person and the request that
// Sentry stores along with it.
func (i Issue) event(sample bool) object {
	issueID := i.ID
	if i.OldEvent {
		issueID = Absent
	}
	tags := [][2]string{{"level", known(i.Level, "error")}, {"user", "email:" + customerMail}}
	if sample {
		tags = append(tags, [2]string{"sample_event", "yes"})
	}
	return object{
		{"event_id", eventID},
		{"project", json.Number(i.ProjectID)},
		{"release", "checkout@2026.9.1"},
		{"platform", i.Platform},
		{"message", ""},
		{"datetime", rfc3339(i.Received)},
		{"tags", tags},
		{"culprit", i.Culprit},
		{"environment", "production"},
		{"level", i.Level},
		{"received", float64(i.Received.UnixMicro()) / 1e6},
		{"request", object{
			{"url", "https://shop.acme.example/basket"},
			{"env", object{{"REMOTE_ADDR", customerAddress}}},
		}},
		{"title", i.Title},
		{"type", "error"},
		{"user", object{{"email", customerMail}, {"ip_address", customerAddress}, {"username", customerName}}},
		{"version", "7"},
		{"url", i.eventAddress()},
		{"web_url", "https://" + organization + ".sentry.io/issues/" + known(i.ID, "0") + "/events/" + eventID + "/"},
		{"issue_url", i.issueAddress()},
		{"issue_id", issueID},
	}
}

// eventAddress is where Sentry's API has the event. It alone tells the
// project's slug.
func (i Issue) eventAddress() string {
	if i.Project == Null || i.Project == Absent {
		return i.Project
	}
	return apiAddress("projects", organization, i.Project, "events", eventID)
}

// issueAddress is where Sentry's API has the issue.
func (i Issue) issueAddress() string {
	if i.ID == Null || i.ID == Absent {
		return i.ID
	}
	return apiAddress("organizations", organization, "issues", i.ID)
}

func apiAddress(elements ...string) string {
	return "https://us.sentry.io/api/0/" + strings.Join(elements, "/") + "/"
}
