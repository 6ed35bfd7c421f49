package sentry

import "strings"

// activityAlertData is the data of an activity_alert.
type activityAlertData struct {
	Issue    part[Issue]    `json:"issue"`
	Activity part[activity] `json:"activity"`
	rule
}

type activity struct {
	Type Text `json:"type"`
}

// statusResolved begins the type of every activity that resolves: as it is, in
// a release, in a commit, by age.
const statusResolved = "status_resolved"

// parseActivityAlert reads that an alert rule fired for what happened to an
// issue.
func parseActivityAlert(body []byte) (Notice, error) {
	action, data, err := open[activityAlertData](body)
	if err != nil {
		return Notice{}, err
	}
	notice := Notice{Action: action, Rule: data.label()}
	if action != actionTriggered {
		return notice, nil
	}
	happened := data.Activity.value.Type.cut(textLimit).Value
	if happened == "" {
		return Notice{}, missing("data.activity.type")
	}
	notice.Action = activityAction(happened)
	if !data.Issue.present {
		return notice.without("data.issue", actionUnresolved, actionArchived, actionResolved)
	}
	return notice.about(data.Issue.value), nil
}

// activityAction is the action that an activity's type names, the type itself
// if it names none.
func activityAction(happened string) string {
	if strings.HasPrefix(happened, statusResolved) {
		return actionResolved
	}
	switch happened {
	case "status_unresolved", "status_regression", "status_escalating":
		return actionUnresolved
	case "status_ignored":
		return actionArchived
	default:
		return happened
	}
}
