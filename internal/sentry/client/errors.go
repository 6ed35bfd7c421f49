package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// detailLimit is how much of Sentry's own words an error repeats, in bytes.
const detailLimit = 200

// Error is an answer of Sentry that is none of success.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Detail is what Sentry says about it, at most 200 bytes; may be empty.
	Detail string
	// What was asked for.
	What string
}

// Error implements error.
func (e *Error) Error() string {
	text := fmt.Sprintf("Sentry answers %d to %s", e.Status, e.What)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// IsNotFound tells whether Sentry knows of no such thing.
func IsNotFound(err error) bool { return hasStatus(err, http.StatusNotFound) }

// IsUnauthorized tells whether Sentry does not accept the token.
func IsUnauthorized(err error) bool { return hasStatus(err, http.StatusUnauthorized) }

// IsForbidden tells whether the token does not suffice.
func IsForbidden(err error) bool { return hasStatus(err, http.StatusForbidden) }

// IsInvalid tells whether Sentry does not understand what was asked for.
func IsInvalid(err error) bool { return hasStatus(err, http.StatusBadRequest) }

// IsRefused tells whether Sentry turns away what was asked for, and would again.
func IsRefused(err error) bool {
	return hasStatus(err, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound)
}

func hasStatus(err error, statuses ...int) bool {
	var answered *Error
	return errors.As(err, &answered) && slices.Contains(statuses, answered.Status)
}

// detailOf is what an error's body says, in any of the shapes that Sentry has: a string, {"detail": string or object}, or
// {"field": ["..."]}.
func detailOf(body []byte) string {
	var whole any
	if json.Unmarshal(body, &whole) != nil {
		return ""
	}
	return clean(sentence(whole))
}

func sentence(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case []any:
		var parts []string
		for _, element := range value {
			parts = append(parts, sentence(element))
		}
		return strings.Join(parts, "; ")
	case map[string]any:
		for _, telling := range []string{"detail", "message"} {
			if inner, ok := value[telling]; ok {
				return sentence(inner)
			}
		}
		var parts []string
		for field, inner := range value {
			parts = append(parts, field+": "+sentence(inner))
		}
		slices.Sort(parts)
		return strings.Join(parts, "; ")
	default:
		return ""
	}
}

// clean makes one printable line of what a stranger wrote.
func clean(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	if len(text) > detailLimit {
		text = strings.ToValidUTF8(text[:detailLimit], "") + "…"
	}
	return text
}
