package sentry

// categoryMetric stands where an issue would name its category.
const categoryMetric = "metric"

// metricAlertData is the data of a metric_alert.
type metricAlertData struct {
	Alert            part[metricAlert] `json:"metric_alert"`
	DescriptionTitle Text              `json:"description_title"`
	WebURL           Text              `json:"web_url"`
}

// metricAlert is an incident of a metric alert rule: its id stays the same from
// critical or warning to resolved.
type metricAlert struct {
	ID       Text            `json:"id"`
	Title    Text            `json:"title"`
	Projects projects        `json:"projects"`
	Started  Text            `json:"date_started"`
	Rule     part[alertRule] `json:"alert_rule"`
}

type alertRule struct {
	Name Text `json:"name"`
}

// parseMetricAlert reads that a metric crossed a threshold, or came back.
func parseMetricAlert(body []byte) (Notice, error) {
	action, data, err := open[metricAlertData](body)
	if err != nil {
		return Notice{}, err
	}
	notice := Notice{Action: action}
	if !data.Alert.present {
		return notice.without("data.metric_alert",
			actionCritical, actionWarning, actionOpen, actionResolved)
	}
	notice.Subject = SubjectMetric
	notice.Issue = data.issue()
	notice.Projects = data.Alert.value.Projects
	notice.Rule = data.Alert.value.Rule.value.Name.cut(textLimit).Value
	return notice, nil
}

// issue returns the alert's facts in the words of an issue.
func (d metricAlertData) issue() Issue {
	alert := d.Alert.value
	return Issue{
		ID:        alert.ID.cut(textLimit).Value,
		Title:     d.DescriptionTitle.or(alert.Title).cut(titleLimit),
		Category:  Text{Present: true, Value: categoryMetric},
		Project:   alert.Projects.first(),
		URL:       link(d.WebURL),
		FirstSeen: instant(alert.Started),
	}
}
