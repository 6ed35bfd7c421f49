package sentry

import (
	"encoding/json"
	"time"
)

// What can have happened to an issue that makes it unresolved, or worse, as its activity names it.
const (
	ActivityUnresolved = "set_unresolved"
	ActivityRegression = "set_regression"
	ActivityEscalating = "set_escalating"
)

// activityComment is what a person, or an integration, has written about an issue.
const activityComment = "note"

// Activity is one thing that happened to an issue.
type Activity struct {
	// Type is what happened, such as set_regression.
	Type string
	// At is when, from "dateCreated".
	At time.Time
}

// Detail is an issue as Sentry's API gives a single one.
type Detail struct {
	Issue
	// Activity is what happened to it, the newest first, at most 100 of them.
	Activity []Activity
	// Comments are the texts of what was written about it, as far as its activity goes back, the newest first.
	Comments []string
	// Sample is true if an event of it has the tag of a test notification.
	Sample bool
}

// wireDetail is what a single issue has besides what all have.
type wireDetail struct {
	Activity json.RawMessage `json:"activity"`
	Tags     json.RawMessage `json:"tags"`
}

// UnmarshalJSON decodes a single issue. What is odd in its activity is left out.
func (d *Detail) UnmarshalJSON(raw []byte) error {
	*d = Detail{}
	if err := json.Unmarshal(raw, &d.Issue); err != nil {
		return err
	}
	var wire wireDetail
	if err := json.Unmarshal(raw, &wire); err != nil {
		return err
	}
	for element := range elements(wire.Activity) {
		var one struct {
			Type        Text            `json:"type"`
			DateCreated Text            `json:"dateCreated"`
			Data        json.RawMessage `json:"data"`
		}
		if json.Unmarshal(element, &one) != nil {
			continue
		}
		if one.Type.Value == activityComment {
			var data struct {
				Text Text `json:"text"`
			}
			if json.Unmarshal(one.Data, &data) == nil {
				d.Comments = append(d.Comments, data.Text.Value)
			}
		}
		if at := instant(one.DateCreated); at != nil {
			d.Activity = append(d.Activity, Activity{Type: one.Type.cut(textLimit).Value, At: *at})
		}
	}
	for element := range elements(wire.Tags) {
		var tag struct {
			Key Text `json:"key"`
		}
		if json.Unmarshal(element, &tag) == nil && tag.Key.Value == sampleKey {
			d.Sample = true
		}
	}
	return nil
}

// ChangedAt is when the issue last became unresolved, or worse: the newest of when it was first seen, unresolved by somebody,
// regressed or escalated. Zero if Sentry tells of none.
func (d *Detail) ChangedAt() time.Time {
	at := d.WorsenedAt()
	if d.FirstSeen != nil && d.FirstSeen.After(at) {
		at = *d.FirstSeen
	}
	return at
}

// WorsenedAt is when the issue was last unresolved by somebody, regressed or escalated. Zero if it never was.
func (d *Detail) WorsenedAt() time.Time {
	var at time.Time
	for _, one := range d.Activity {
		switch one.Type {
		case ActivityUnresolved, ActivityRegression, ActivityEscalating:
			if one.At.After(at) {
				at = one.At
			}
		}
	}
	return at
}
