package sentry

import (
	"strings"
	"testing"
	"time"
)

func TestInstant(t *testing.T) {
	at := func(year int, month time.Month, day, hour, minute, second, micro int) *time.Time {
		moment := time.Date(year, month, day, hour, minute, second, micro*1000, time.UTC)
		return &moment
	}
	tests := []struct {
		name string
		text string
		want *time.Time
	}{
		{"reads Z", "2026-03-01T12:30:45Z", at(2026, 3, 1, 12, 30, 45, 0)},
		{"reads +00:00 with a fraction", "2026-03-01T12:30:45.123456+00:00", at(2026, 3, 1, 12, 30, 45, 123456)},
		{"reads another offset as UTC", "2026-03-01T01:00:00+02:00", at(2026, 2, 28, 23, 0, 0, 0)},
		{"reads whole Unix seconds", "1772368245", at(2026, 3, 1, 12, 30, 45, 0)},
		{"reads a fraction of Unix seconds", "1772368245.123456", at(2026, 3, 1, 12, 30, 45, 123456)},
		{"reads the first second", "0", at(1970, 1, 1, 0, 0, 0, 0)},
		{"reads the last second", "9999-12-31T23:59:59Z", at(9999, 12, 31, 23, 59, 59, 0)},
		{"ignores what UTC puts after the year 9999", "9999-12-31T23:59:59-01:00", nil},
		{"ignores what is before 1970", "1969-12-31T23:59:59Z", nil},
		{"ignores negative seconds", "-1", nil},
		{"ignores seconds after the year 9999", "253402300800", nil},
		{"ignores what is no number", "NaN", nil},
		{"ignores the infinite", "+Inf", nil},
		{"ignores a time without zone", "2026-03-01T12:30:45", nil},
		{"ignores words", "yesterday", nil},
		{"ignores nothing at all", "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := instant(Text{Present: true, Value: test.text})
			switch {
			case (got == nil) != (test.want == nil):
				t.Errorf("got %v, want %v", got, test.want)
			case got != nil && (!got.Equal(*test.want) || got.Location() != time.UTC):
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestLink(t *testing.T) {
	const page = "https://acme.sentry.io/issues/42/"
	longest := "https://acme.sentry.io/"
	longest += strings.Repeat("a", linkLimit-len(longest))
	tests := []struct {
		name  string
		texts []string
		want  string
	}{
		{"takes the first", []string{page, "https://other.example/"}, page},
		{"takes the second where the first is null", []string{"", page}, page},
		{"takes http", []string{"http://sentry.internal:9000/issues/42/"}, "http://sentry.internal:9000/issues/42/"},
		{"passes over a script", []string{"javascript:alert(1)", page}, page},
		{"passes over a script with a host", []string{"javascript://acme.sentry.io/%0aalert(1)"}, ""},
		{"passes over data", []string{"data:text/html,x"}, ""},
		{"passes over a path", []string{"/issues/42/"}, ""},
		{"passes over a user", []string{"https://acme.sentry.io@evil.example/issues/42/", page}, page},
		{"passes over a missing host", []string{"https:///issues/42/"}, ""},
		{"passes over control characters", []string{"https://acme.sentry.io/\n42"}, ""},
		{"passes over what reverses the line", []string{"https://acme.sentry.io/\u202e42"}, ""},
		{"passes over what is no address", []string{"https://[::1"}, ""},
		{"takes the longest", []string{longest}, longest},
		{"passes over one longer", []string{longest + "a", page}, page},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var texts []Text
			for _, value := range test.texts {
				texts = append(texts, Text{Present: true, Value: value})
			}
			want := Text{Present: test.want != "", Value: test.want}
			if got := link(texts...); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestElementsAreReadOneByOne(t *testing.T) {
	tests := []struct {
		name string
		raw  string
		want int
	}{
		{"each of a list", `["a",{"b":[1,2]},null,[]]`, 4},
		{"none of an empty list", `[]`, 0},
		{"none of an object", `{"a":1}`, 0},
		{"none of nothing", ``, 0},
		{"those before what is broken", `["a","b",}`, 2},
		{"no more than the limit", "[" + strings.Repeat("0,", elementsLimit) + "0]", elementsLimit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := 0
			for range elements([]byte(test.raw)) {
				got++
			}
			if got != test.want {
				t.Errorf("got %d elements, want %d", got, test.want)
			}
		})
	}
}
