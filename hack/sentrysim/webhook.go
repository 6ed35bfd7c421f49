package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

// webhook is made anew for every post, since its time may be now.
func (o *options) webhook(resource, action string) (simulator.Webhook, error) {
	switch {
	case resource == "event_alert" && action != "triggered":
		return simulator.Webhook{}, errors.New("an event_alert has one action, triggered")
	case resource != "metric_alert" && len(o.projects) > 1:
		return simulator.Webhook{}, errors.New("only a metric_alert has several projects; name one")
	}
	at, err := o.time()
	if err != nil {
		return simulator.Webhook{}, err
	}
	webhook := o.build(resource, action, at)
	webhook.IdempotencyKey = o.idempotencyKey
	return webhook, nil
}

func (o *options) time() (time.Time, error) {
	if o.at == "" {
		return o.clock(), nil
	}
	at, err := time.Parse(time.RFC3339, o.at)
	if err != nil {
		return time.Time{}, fmt.Errorf("read --at: %w", err)
	}
	return at, nil
}

func (o *options) build(resource, action string, at time.Time) simulator.Webhook {
	issue := o.saidIssue()
	switch resource {
	case "issue":
		return simulator.IssueWebhook(action, issue, at)
	case "event_alert":
		return simulator.EventAlert(issue, o.rule, o.sample, at)
	case "activity_alert":
		return simulator.ActivityAlert(action, issue, at)
	case "metric_alert":
		return simulator.MetricAlert(action, issue.ID, issue.Title, o.rule, o.projects, at)
	case "installation":
		return simulator.Installation(action, at)
	default:
		return simulator.Other(resource, action, at)
	}
}

// saidIssue is the issue of the flags, with the words for null and absent
// understood.
func (o *options) saidIssue() simulator.Issue {
	issue := o.issue
	if len(o.projects) > 0 {
		issue.Project = o.projects[0]
	}
	for _, text := range []*string{
		&issue.ID, &issue.Title, &issue.Priority, &issue.Level, &issue.Status, &issue.Substatus, &issue.Project,
		&issue.Assignee,
	} {
		switch *text {
		case "null":
			*text = simulator.Null
		case "absent":
			*text = simulator.Absent
		}
	}
	return issue
}
