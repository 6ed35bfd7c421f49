package sentry

import "encoding/json"

// actor is a person or a team. Its e-mail address is not read.
type actor struct {
	Name Text `json:"name"`
}

// assigneeName is the name to show for an actor, null if nobody is assigned.
func assigneeName(assignee part[actor]) Text {
	if assignee.null {
		return Text{Present: true}
	}
	return assignee.value.Name.cut(textLimit).withoutMailDomains()
}

// project is an object with a slug and an id, the slug itself, or as a number
// the id.
type project struct {
	slug, id Text
}

// UnmarshalJSON takes all forms; anything else leaves both absent.
func (p *project) UnmarshalJSON(raw []byte) error {
	*p = project{}
	switch leading(raw) {
	case '"':
		return json.Unmarshal(raw, &p.slug)
	case '{':
		var object struct {
			Slug Text `json:"slug"`
			ID   Text `json:"id"`
		}
		err := json.Unmarshal(raw, &object)
		p.slug, p.id = object.Slug, object.ID
		return err
	default:
		if isDigit := leading(raw) >= '0' && leading(raw) <= '9'; isDigit {
			return json.Unmarshal(raw, &p.id)
		}
	}
	return nil
}

// projects are the slugs in a list of projects, at most projectsLimit of them.
type projects []string

// UnmarshalJSON passes over what is no list, and over elements without a slug.
func (p *projects) UnmarshalJSON(raw []byte) error {
	*p = nil
	for element := range elements(raw) {
		var each project
		if err := json.Unmarshal(element, &each); err != nil {
			return err
		}
		if slug := each.slug.cut(textLimit).Value; slug != "" {
			*p = append(*p, slug)
		}
		if len(*p) == projectsLimit {
			break
		}
	}
	return nil
}

// first is absent where no project is named.
func (p projects) first() Text {
	if len(p) == 0 {
		return Text{}
	}
	return Text{Present: true, Value: p[0]}
}

// rule names the alert rule that sent a webhook.
type rule struct {
	Triggered  Text        `json:"triggered_rule"`
	IssueAlert part[named] `json:"issue_alert"`
}

type named struct {
	Title Text `json:"title"`
}

// label is the rule's label; empty when none is named.
func (r rule) label() string {
	return r.Triggered.or(r.IssueAlert.value.Title).cut(textLimit).Value
}
