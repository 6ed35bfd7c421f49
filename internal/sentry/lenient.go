package sentry

import (
	"bytes"
	"encoding/json"
	"iter"
	"math"
	"net/url"
	"strconv"
	"time"
)

const (
	// linkLimit is the longest link that is kept, in bytes.
	linkLimit = 2048
	// lastSecond is the end of the year 9999 in Unix seconds.
	lastSecond = 253402300799
	// elementsLimit is how far a list is read. The longest ones that Sentry
	// sends, an event's tags, have some hundred elements.
	elementsLimit = 10_000
)

// part is an object inside a payload. Whatever else stands in its place is not
// present; a null is remembered.
type part[T any] struct {
	present bool
	null    bool
	value   T
}

// UnmarshalJSON decodes an object and passes over everything else.
func (p *part[T]) UnmarshalJSON(raw []byte) error {
	*p = part[T]{}
	switch leading(raw) {
	case '{':
		p.present = true
		return json.Unmarshal(raw, &p.value)
	case 'n':
		p.null = true
	}
	return nil
}

// elements goes through the first elementsLimit elements of a JSON array, one
// at a time, since a long list of short ones takes many times its size when
// decoded at once. Whatever is no array has no elements.
func elements(raw []byte) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		if leading(raw) != '[' {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		if _, err := decoder.Token(); err != nil {
			return
		}
		for count := 0; count < elementsLimit && decoder.More(); count++ {
			var element json.RawMessage
			if decoder.Decode(&element) != nil || !yield(element) {
				return
			}
		}
	}
}

// instant reads RFC 3339 or Unix seconds. It is nil for what is absent,
// unreadable or outside the years 1970 to 9999.
func instant(t Text) *time.Time {
	parsed, err := time.Parse(time.RFC3339, t.Value)
	if err != nil {
		return unixInstant(t.Value)
	}
	parsed = parsed.UTC()
	if parsed.Year() < 1970 || parsed.Year() > 9999 {
		return nil
	}
	return &parsed
}

// unixInstant reads Unix seconds to the microsecond, all that a JSON number
// made from a float holds.
func unixInstant(literal string) *time.Time {
	seconds, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > lastSecond {
		return nil
	}
	parsed := time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC()
	return &parsed
}

// link returns the first of the texts that a person can safely follow: an http
// or https address with a host and without a user, not longer than linkLimit,
// without control characters. It is absent if there is none, since nothing that Sentry reports
// is without a page: a null only says that this webhook does not name it.
func link(texts ...Text) Text {
	for _, text := range texts {
		if followable(text.Value) {
			return text
		}
	}
	return Text{}
}

func followable(address string) bool {
	if address == "" || len(address) > linkLimit || clip(address, linkLimit) != address {
		return false
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" || parsed.User != nil {
		return false
	}
	return parsed.Scheme == "https" || parsed.Scheme == "http"
}
