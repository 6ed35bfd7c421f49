package sentry

import (
	"net/url"
	"regexp"
	"strings"
)

// eventAlertData is the data of an event_alert.
type eventAlertData struct {
	Event part[event] `json:"event"`
	rule
}

// event is what is read of a stored event. It holds persons' addresses too,
// which are left where they are.
type event struct {
	IssueID  Text      `json:"issue_id"`
	IssueURL Text      `json:"issue_url"`
	Title    Text      `json:"title"`
	Message  Text      `json:"message"`
	Culprit  Text      `json:"culprit"`
	Level    Text      `json:"level"`
	Platform Text      `json:"platform"`
	URL      Text      `json:"url"`
	WebURL   Text      `json:"web_url"`
	Received Text      `json:"received"`
	Sample   sampleTag `json:"tags"`
	Project  project   `json:"project"`
}

// parseEventAlert reads that an alert rule fired for an event.
func parseEventAlert(body []byte) (Notice, error) {
	action, data, err := open[eventAlertData](body)
	if err != nil {
		return Notice{}, err
	}
	notice := Notice{Action: action, Rule: data.label()}
	if !data.Event.present {
		return notice.without("data.event", actionTriggered)
	}
	notice.EventReceived = instant(data.Event.value.Received)
	notice.Sample = bool(data.Event.value.Sample)
	return notice.about(data.Event.value.issue()), nil
}

// issue returns the facts of the event's issue. An event names neither its
// priority nor its status.
func (e event) issue() Issue {
	id := e.IssueID
	if id.Value == "" {
		id = Text{Present: true, Value: lastElement(e.IssueURL.Value)}
	}
	return Issue{
		ID:        id.cut(textLimit).Value,
		Title:     e.Title.or(e.Message).cut(titleLimit),
		Culprit:   e.Culprit.cut(culpritLimit),
		Level:     e.Level.cut(textLimit),
		Platform:  e.Platform.cut(textLimit),
		Project:   projectIn(e.URL.Value).cut(textLimit),
		ProjectID: idIn(e.Project.id),
		URL:       link(e.WebURL),
	}
}

// lastElement returns what stands last in the path of an address, with or
// without a slash after it.
func lastElement(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	path := strings.TrimRight(parsed.Path, "/")
	return path[strings.LastIndex(path, "/")+1:]
}

var projectPath = regexp.MustCompile(`/projects/[^/?#]+/([^/?#]+)`)

// projectIn finds the project's slug in an address of Sentry's API.
func projectIn(address string) Text {
	found := projectPath.FindStringSubmatch(address)
	if found == nil {
		return Text{}
	}
	return Text{Present: true, Value: found[1]}
}
