package sentry

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// Limits of what is kept of a text, in characters.
const (
	titleLimit   = 256
	culpritLimit = 256
	textLimit    = 128
)

// projectsLimit is how many projects of a metric alert are kept.
const projectsLimit = 50

// Text is an optional string of a payload. The zero Text was absent, a null is
// Present with an empty Value.
type Text struct {
	// Present is false when the payload did not name the member.
	Present bool
	// Value is empty when the payload said null.
	Value string
}

// UnmarshalJSON takes any JSON value: a number or a boolean is kept as it is
// written, an object or an array counts as absent.
func (t *Text) UnmarshalJSON(raw []byte) error {
	*t = Text{}
	switch leading(raw) {
	case 0, '{', '[':
		return nil
	case '"':
		t.Present = true
		if content := raw[1 : len(raw)-1]; isPlain(content) && bytes.IndexByte(content, '\\') < 0 {
			t.Value = string(content)
			return nil
		}
		return json.Unmarshal(raw, &t.Value)
	case 'n':
		t.Present = true
		return nil
	default:
		*t = Text{Present: true, Value: string(raw)}
		return nil
	}
}

// cut returns the text as a single line of at most limit characters.
func (t Text) cut(limit int) Text {
	return Text{Present: t.Present, Value: clip(t.Value, limit)}
}

// or returns the text unless it is absent, null or empty, and the fallback
// then. A null is kept where the fallback has no value either.
func (t Text) or(fallback Text) Text {
	if t.Value != "" || t.Present && fallback.Value == "" {
		return t
	}
	return fallback
}

var mailAddress = regexp.MustCompile(`([^\s@<>]+)@[^\s<>]+`)

// withoutMailDomains keeps of each e-mail address what stands before the "@".
// Sentry puts the address in place of the name of a user who has none.
func (t Text) withoutMailDomains() Text {
	return Text{Present: t.Present, Value: mailAddress.ReplaceAllString(t.Value, "$1")}
}

// leading is the first byte of a JSON value, which tells its type; zero if
// there is none.
func leading(raw []byte) byte {
	if len(raw) == 0 {
		return 0
	}
	return raw[0]
}
