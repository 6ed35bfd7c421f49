package simulator

import (
	"strconv"
	"strings"
	"time"
)

// Issue is what Sentry says of an issue. An empty text stands for the default
// named with it, [Null] and [Absent] for themselves.
type Issue struct {
	// ID is the number by which Sentry knows the issue. Default: 1170820242.
	ID string
	// ShortID defaults to one made of project and id, such as CHECKOUT-JD2QOI.
	ShortID string
	// Title defaults to an error of a checkout.
	Title string
	// Culprit defaults to a function of that checkout.
	Culprit string
	// Priority is low, medium or high. Default: high.
	Priority string
	// Level defaults to error.
	Level string
	// Status defaults to what the action makes of the issue: resolved, ignored
	// or unresolved.
	Status string
	// Substatus defaults to what goes with the action.
	Substatus string
	// Project is the slug of the project. Default: checkout.
	Project string
	// ProjectID is the number of the project. Default: 4505281256090153.
	ProjectID string
	// Platform defaults to python.
	Platform string
	// Assignee is a person's name. Default: null, or Jane Doe when the action
	// is assigned.
	Assignee string
	// Category is the issueCategory. Default: error.
	Category string
	// FirstSeen defaults to the time of sending.
	FirstSeen time.Time
	// Received is when Sentry received the event of an event_alert. Default:
	// the time of sending.
	Received time.Time
	// OldEvent leaves issue_id out of an event_alert, as before 2022: the id is
	// in issue_url alone.
	OldEvent bool
}

// Members that several webhooks share.
const (
	organization = "acme"
	defaultName  = "Jane Doe"
)

// forms are the status and substatus that an action leaves an issue in. Others
// leave it unresolved and ongoing.
var forms = map[string]struct{ status, substatus string }{
	"created":  {"unresolved", "new"},
	"resolved": {"resolved", Null},
	"ignored":  {"ignored", "archived_until_escalating"},
	"archived": {"ignored", "archived_until_escalating"},
}

// withDefaults fills what is empty, for an issue after the action.
func (i Issue) withDefaults(action string, at time.Time) Issue {
	form, ok := forms[action]
	if !ok {
		form.status, form.substatus = "unresolved", "ongoing"
	}
	assignee := Null
	if action == "assigned" {
		assignee = defaultName
	}
	fill(&i.ID, "1170820242")
	fill(&i.Title, "TimeoutError: payment provider did not answer")
	fill(&i.Culprit, "checkout.payments in charge")
	fill(&i.Priority, "high")
	fill(&i.Level, "error")
	fill(&i.Status, form.status)
	fill(&i.Substatus, form.substatus)
	fill(&i.Project, "checkout")
	fill(&i.ProjectID, strconv.FormatInt(projectNumber, 10))
	fill(&i.Platform, "python")
	fill(&i.Assignee, assignee)
	fill(&i.Category, "error")
	fill(&i.ShortID, i.shortID())
	if i.FirstSeen.IsZero() {
		i.FirstSeen = at
	}
	if i.Received.IsZero() {
		i.Received = at
	}
	return i
}

func fill(text *string, fallback string) {
	if *text == "" {
		*text = fallback
	}
}

// shortID is the project's slug and the issue's number in fewer digits.
func (i Issue) shortID() string {
	number, err := strconv.ParseInt(i.ID, 10, 64)
	if err != nil {
		return Null
	}
	return strings.ToUpper(known(i.Project, "project") + "-" + strconv.FormatInt(number, 36))
}

// known is a text that says something, the fallback in place of others.
func known(text, fallback string) string {
	if text == Null || text == Absent || text == "" {
		return fallback
	}
	return text
}

// wire is the issue as Sentry serialises it.
func (i Issue) wire(at time.Time) object {
	page := "https://" + organization + ".sentry.io/issues/" + known(i.ID, "0") + "/"
	return object{
		{"id", i.ID},
		{"shareId", nil},
		{"shortId", i.ShortID},
		{"title", i.Title},
		{"culprit", i.Culprit},
		{"permalink", page},
		{"logger", nil},
		{"level", i.Level},
		{"status", i.Status},
		{"statusDetails", object{}},
		{"substatus", i.Substatus},
		{"isPublic", false},
		{"platform", i.Platform},
		{"project", i.project()},
		{"type", "error"},
		{"metadata", object{{"type", "TimeoutError"}, {"value", i.Title}}},
		{"numComments", 0},
		{"assignedTo", i.assignedTo()},
		{"isBookmarked", false},
		{"annotations", []string{}},
		{"issueType", "error"},
		{"issueCategory", i.Category},
		{"priority", i.Priority},
		{"isUnhandled", true},
		{"count", "1"},
		{"userCount", 1},
		{"firstSeen", rfc3339(i.FirstSeen)},
		{"lastSeen", rfc3339(at)},
	}
}

// project is an object with the slug; the slug alone may be null or absent.
func (i Issue) project() object {
	return object{
		{"id", i.ProjectID},
		{"name", known(i.Project, "project")},
		{"slug", i.Project},
		{"platform", i.Platform},
	}
}

// assignedTo is a person, or null or absent as a whole.
func (i Issue) assignedTo() any {
	if i.Assignee == Null || i.Assignee == Absent {
		return i.Assignee
	}
	return object{
		{"type", "user"},
		{"id", strconv.Itoa(personNumber)},
		{"name", i.Assignee},
		{"email", personMail},
	}
}

func rfc3339(at time.Time) string {
	return at.UTC().Format("2006-01-02T15:04:05.000000Z07:00")
}
