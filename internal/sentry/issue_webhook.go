package sentry

// issueData is the data of an issue webhook.
type issueData struct {
	Issue part[Issue] `json:"issue"`
	// Assignee comes with the action assigned only.
	Assignee part[actor] `json:"assignee"`
}

// parseIssue reads the lifecycle of an issue: created, assigned, resolved and
// so on.
func parseIssue(body []byte) (Notice, error) {
	action, data, err := open[issueData](body)
	if err != nil {
		return Notice{}, err
	}
	notice := Notice{Action: normalAction(action)}
	if !data.Issue.present {
		return notice.without("data.issue",
			actionCreated, actionAssigned, actionUnresolved, actionArchived, actionResolved)
	}
	issue := data.Issue.value
	if !issue.Assignee.Present && action == actionAssigned {
		issue.Assignee = assigneeName(data.Assignee)
	}
	return notice.about(issue), nil
}

// normalAction gives the one spelling to an action that has two.
func normalAction(action string) string {
	if action == wireIgnored {
		return actionArchived
	}
	return action
}
