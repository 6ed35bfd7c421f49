package sentry

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// Subject is the kind of alert that a webhook speaks of.
type Subject int

// The subjects of a Notice.
const (
	// SubjectNone is no alert at all, as in an installation webhook.
	SubjectNone Subject = iota
	// SubjectIssue is a Sentry issue; Issue.ID is its key.
	SubjectIssue
	// SubjectMetric is an incident of a metric alert rule; Issue.ID is its key,
	// in a number space of its own.
	SubjectMetric
)

// Values of the header Sentry-Hook-Resource that speak of an alert.
const (
	resourceIssue         = "issue"
	resourceEventAlert    = "event_alert"
	resourceActivityAlert = "activity_alert"
	resourceMetricAlert   = "metric_alert"
)

// Actions that Sentry names, in the one spelling that a Notice uses.
const (
	actionCreated    = "created"
	actionAssigned   = "assigned"
	actionUnresolved = "unresolved"
	actionArchived   = "archived"
	actionResolved   = "resolved"
	actionTriggered  = "triggered"
	actionCritical   = "critical"
	actionWarning    = "warning"
	actionOpen       = "open"

	// wireIgnored is what Sentry sends where its documentation says archived.
	wireIgnored = "ignored"
)

// Notice is what one webhook says. It judges nothing.
type Notice struct {
	// Resource is the header Sentry-Hook-Resource.
	Resource string
	// Action is the body's "action", with archived for ignored as well. Of an
	// activity_alert it is the action that the activity names: resolved,
	// unresolved or archived, else the activity's type as it came.
	Action string
	// Subject tells whether Issue is filled and what it describes.
	Subject Subject
	// Issue holds the alert's facts. For SubjectMetric they are those of the
	// metric alert's incident: its id, title, first project, page and start.
	Issue Issue
	// Projects are the slugs of all projects that the alert is about, at most
	// 50: the one of an issue, those of a metric alert. Empty when none is named.
	Projects []string
	// Rule is the label of the alert rule that sent the webhook, at most 128
	// characters: "triggered_rule", else the title in "issue_alert", or the
	// name in "alert_rule" of a metric alert. Empty when no rule is named.
	Rule string
	// EventReceived is when Sentry received the event of an event_alert, from
	// "received"; nil elsewhere or when absent.
	EventReceived *time.Time
	// Sample is true for the event that Sentry makes for a test notification,
	// tagged sample_event: yes.
	Sample bool
}

// Parse decodes the body of a webhook; the resource is its header
// Sentry-Hook-Resource. It fails with a [MalformedError] for what is not
// exactly one JSON object with an action, and where a known action lacks the
// object that it is about. Resources and actions that are not known are no
// error; the former give a Notice with SubjectNone.
func Parse(resource string, body []byte) (Notice, error) {
	notice, err := decoderOf(resource)(body)
	if err != nil {
		return Notice{}, err
	}
	notice.Resource = clip(resource, textLimit)
	return notice, nil
}

func decoderOf(resource string) func(body []byte) (Notice, error) {
	switch resource {
	case resourceIssue:
		return parseIssue
	case resourceEventAlert:
		return parseEventAlert
	case resourceActivityAlert:
		return parseActivityAlert
	case resourceMetricAlert:
		return parseMetricAlert
	default:
		return parseOther
	}
}

// parseOther reads no more than the action.
func parseOther(body []byte) (Notice, error) {
	action, _, err := open[struct{}](body)
	return Notice{Action: action}, err
}

// envelope is around the data of every webhook. The data is no part, for it is nearly all of a body, and a part is read three times.
type envelope[T any] struct {
	Action Text `json:"action"`
	Data   T    `json:"data"`
}

// open takes the action and the data out of a body. Data that is no object is
// the zero T.
func open[T any](body []byte) (action string, data T, err error) {
	var whole envelope[T]
	if leading(bytes.TrimLeft(body, " \t\r\n")) != '{' || !isJSON(json.Unmarshal(body, &whole)) {
		return "", data, &MalformedError{Reason: "the body is not one JSON object"}
	}
	action = whole.Action.cut(textLimit).Value
	if action == "" {
		return "", data, missing("action")
	}
	return action, whole.Data, nil
}

// isJSON tells from the outcome of decoding whether that was of JSON, if not of the expected type everywhere.
func isJSON(err error) bool {
	var unexpected *json.UnmarshalTypeError
	return err == nil || errors.As(err, &unexpected)
}

// about returns the notice as one that speaks of an issue.
func (n Notice) about(issue Issue) Notice {
	n.Subject = SubjectIssue
	n.Issue = issue
	if slug := issue.Project.Value; slug != "" {
		n.Projects = []string{slug}
	}
	return n
}

// without gives the answer for a webhook that lacks the member that it should
// be about: an error for the actions named, and for others, which may be about
// something else, the notice as it is.
func (n Notice) without(member string, actions ...string) (Notice, error) {
	if slices.Contains(actions, n.Action) {
		return Notice{}, missing(member)
	}
	return n, nil
}
