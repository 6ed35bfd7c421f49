package sentry

import (
	"encoding/json"
	"regexp"
	"time"
)

// Issue holds the facts that a webhook or Sentry's API names of an issue. A
// Text that is not Present was not named, one that is empty was null.
type Issue struct {
	// ID is Sentry's "id", in decimal; empty when absent. It may be anything
	// that came: see ValidID.
	ID string
	// ShortID is "shortId", such as PROJ-1A. It changes when a project is
	// renamed, so it is no key.
	ShortID Text
	// Title is "title", at most 256 characters.
	Title Text
	// Culprit is "culprit", where it happened; at most 256 characters.
	Culprit Text
	// Level is "level", such as error.
	Level Text
	// Status is "status" when the webhook was sent, such as unresolved. It may
	// contradict the webhook's action.
	Status Text
	// Substatus is "substatus", such as archived_until_escalating.
	Substatus Text
	// Priority is "priority": low, medium or high.
	Priority Text
	// Platform is "platform", such as python.
	Platform Text
	// Category is "issueCategory", an open set; "metric" for a metric alert.
	Category Text
	// Project is the slug in "project".
	Project Text
	// ProjectID is the id in "project", in decimal; empty when absent, or when
	// it is none.
	ProjectID string
	// URL is "permalink", else "web_url": an http or https address of at most
	// 2048 bytes. It is absent where neither is one, and never null.
	URL Text
	// Assignee is the name in "assignedTo", a person's or a team's, without the
	// domain of an e-mail address. Null means that nobody is assigned.
	Assignee Text
	// FirstSeen is "firstSeen" in UTC; nil when absent or unreadable.
	FirstSeen *time.Time
}

var validID = regexp.MustCompile(`^[0-9]{1,20}$`)

// ValidID reports whether id is one that Sentry gives: 1 to 20 decimal digits.
func ValidID(id string) bool {
	return validID.MatchString(id)
}

// idIn is a text that is an id, else empty.
func idIn(text Text) string {
	if !ValidID(text.Value) {
		return ""
	}
	return text.Value
}

// wireIssue is an issue as Sentry writes it, in webhooks and in its API.
type wireIssue struct {
	ID        Text        `json:"id"`
	ShortID   Text        `json:"shortId"`
	Title     Text        `json:"title"`
	Culprit   Text        `json:"culprit"`
	Level     Text        `json:"level"`
	Status    Text        `json:"status"`
	Substatus Text        `json:"substatus"`
	Priority  Text        `json:"priority"`
	Platform  Text        `json:"platform"`
	Category  Text        `json:"issueCategory"`
	Project   project     `json:"project"`
	Permalink Text        `json:"permalink"`
	WebURL    Text        `json:"web_url"`
	Assignee  part[actor] `json:"assignedTo"`
	FirstSeen Text        `json:"firstSeen"`
}

// UnmarshalJSON decodes an issue as Sentry writes it.
func (i *Issue) UnmarshalJSON(raw []byte) error {
	var wire wireIssue
	if err := json.Unmarshal(raw, &wire); err != nil {
		return err
	}
	*i = Issue{
		ID:        wire.ID.cut(textLimit).Value,
		ShortID:   wire.ShortID.cut(textLimit),
		Title:     wire.Title.cut(titleLimit),
		Culprit:   wire.Culprit.cut(culpritLimit),
		Level:     wire.Level.cut(textLimit),
		Status:    wire.Status.cut(textLimit),
		Substatus: wire.Substatus.cut(textLimit),
		Priority:  wire.Priority.cut(textLimit),
		Platform:  wire.Platform.cut(textLimit),
		Category:  wire.Category.cut(textLimit),
		Project:   wire.Project.slug.cut(textLimit),
		ProjectID: idIn(wire.Project.id),
		URL:       link(wire.Permalink, wire.WebURL),
		Assignee:  assigneeName(wire.Assignee),
		FirstSeen: instant(wire.FirstSeen),
	}
	return nil
}
