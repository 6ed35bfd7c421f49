package simulator

import (
	"strings"
	"time"
)

// Webhook is one message of Sentry's, ready to be signed and posted.
type Webhook struct {
	// Resource is the header Sentry-Hook-Resource.
	Resource string
	// Action is what the body names as its action.
	Action string
	// Body is posted byte by byte.
	Body []byte
	// Time is the header Sentry-Hook-Timestamp, cut to seconds.
	Time time.Time
	// IdempotencyKey is a header that only the newest versions of Sentry send;
	// empty for the others.
	IdempotencyKey string
}

const (
	installationID = "7a485448-a9e2-4c85-8a3c-4f44175783c9"
	// projectNumber does not fit into 32 bits, as in Sentry.
	projectNumber = 4505281256090153
)

// The actors of a webhook. Sentry gives a person's id as a number.
var (
	bySentry = object{{"type", "application"}, {"id", "sentry"}, {"name", "Sentry"}}
	byPerson = object{{"type", "user"}, {"id", personNumber}, {"name", defaultName}}
)

// newWebhook puts data into the envelope around every webhook.
func newWebhook(resource, action string, data, actor object, at time.Time) Webhook {
	envelope := object{
		{"action", action},
		{"installation", object{{"uuid", installationID}}},
		{"data", data},
		{"actor", actor},
	}
	return Webhook{Resource: resource, Action: action, Body: body(envelope), Time: at}
}

// IssueWebhook says what became of an issue: created, assigned, unresolved,
// resolved or ignored, which is what Sentry sends for an archived issue. Older
// versions send archived.
func IssueWebhook(action string, issue Issue, at time.Time) Webhook {
	issue = issue.withDefaults(action, at)
	data := object{{"issue", issue.wire(at)}}
	actor := byPerson
	switch action {
	case "created":
		actor = bySentry
	case "resolved":
		data = append(object{{"resolution_type", "now"}}, data...)
	case "assigned":
		data = append(object{{"assignee", object{
			{"type", "user"},
			{"name", known(issue.Assignee, defaultName)},
			{"id", personNumber},
			{"email", personMail},
		}}}, data...)
	}
	return newWebhook("issue", action, data, actor, at)
}

// ActivityAlert says that an alert rule fired for what happened to an issue,
// such as status_resolved, status_regression or status_ignored.
func ActivityAlert(activityType string, issue Issue, at time.Time) Webhook {
	issue = issue.withDefaults(activityResult(activityType), at)
	data := object{
		{"activity", object{{"type", activityType}, {"details", object{}}}},
		{"issue", issue.wire(at)},
		{"triggered_rule", "Tell what happens"},
	}
	return newWebhook("activity_alert", "triggered", data, bySentry, at)
}

// activityResult is the action that leaves an issue in the same form.
func activityResult(activityType string) string {
	switch activityType {
	case "status_resolved", "status_resolved_in_release", "status_resolved_in_commit", "status_resolved_by_age":
		return "resolved"
	case "status_ignored":
		return "ignored"
	default:
		return "unresolved"
	}
}

// MetricAlert says that a metric alert rule crossed a threshold or came back:
// critical, warning, open or resolved. All of one incident share the id. Empty
// texts and a nil list stand for defaults.
func MetricAlert(action, id, title, rule string, projects []string, at time.Time) Webhook {
	fill(&id, "9001")
	fill(&rule, "Checkout error rate")
	fill(&title, rule)
	if projects == nil {
		projects = []string{"checkout"}
	}
	alert := object{
		{"id", id},
		{"identifier", "77"},
		{"organization_id", "5"},
		{"projects", projects},
		{"alert_rule", object{
			{"id", "321"},
			{"name", rule},
			{"projects", projects},
			{"created_by", object{{"id", personNumber}, {"name", defaultName}, {"email", personMail}}},
		}},
		{"title", title},
		{"date_started", rfc3339(at)},
		{"date_closed", nil},
	}
	data := object{
		{"metric_alert", alert},
		{"description_text", "120 events in the last 5 minutes"},
		{"description_title", strings.ToUpper(action[:1]) + action[1:] + ": " + known(title, "metric alert")},
		{"web_url", "https://" + organization + ".sentry.io/alerts/rules/details/321/?alert=" + known(id, "0")},
	}
	return newWebhook("metric_alert", action, data, bySentry, at)
}

// Installation says that the integration was installed or removed: created or
// deleted.
func Installation(action string, at time.Time) Webhook {
	data := object{{"installation", object{
		{"status", "installed"},
		{"organization", object{{"slug", organization}}},
		{"app", object{{"uuid", "2ebf071f-28df-4989-aca9-c37c763b00ac"}, {"slug", "itoc360"}}},
		{"code", "f3c71b491e3949b6b033ed28d1fc3e12"},
		{"uuid", installationID},
	}}}
	return newWebhook("installation", action, data, byPerson, at)
}

// Other is a webhook of any other resource, such as comment or seer, with
// little in it.
func Other(resource, action string, at time.Time) Webhook {
	return newWebhook(resource, action, object{{resource, object{{"id", "1"}}}}, bySentry, at)
}
