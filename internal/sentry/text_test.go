package sentry

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTextDecodesLeniently(t *testing.T) {
	tests := []struct {
		name string
		body string
		want Text
	}{
		{"an absent member is absent", `{}`, Text{}},
		{"a null is present and empty", `{"t":null}`, Text{Present: true}},
		{"a string is its value", `{"t":"fatal"}`, Text{Present: true, Value: "fatal"}},
		{"an empty string is present", `{"t":""}`, Text{Present: true}},
		{"escapes are resolved", `{"t":"caf\u00e9 \ud83d\ude00"}`, Text{Present: true, Value: "café 😀"}},
		{"half a surrogate pair is replaced", `{"t":"a\ud83d"}`, Text{Present: true, Value: "a\ufffd"}},
		{"a number keeps every digit", `{"t":90071992547409931}`, Text{Present: true, Value: "90071992547409931"}},
		{"a number keeps its notation", `{"t":1.0e3}`, Text{Present: true, Value: "1.0e3"}},
		{"a boolean is its word", `{"t":true}`, Text{Present: true, Value: "true"}},
		{"an object is absent", `{"t":{"a":1}}`, Text{}},
		{"an array is absent", `{"t":["a"]}`, Text{}},
		{"the last of two members wins entirely", `{"t":"a","t":{}}`, Text{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got struct {
				T Text `json:"t"`
			}
			if err := json.Unmarshal([]byte(test.body), &got); err != nil {
				t.Fatal(err)
			}
			if got.T != test.want {
				t.Errorf("got %+v, want %+v", got.T, test.want)
			}
		})
	}
}

func TestTextTakesNoBytesAsAbsent(t *testing.T) {
	text := Text{Present: true, Value: "old"}
	if err := text.UnmarshalJSON(nil); err != nil || text != (Text{}) {
		t.Errorf("got %+v, %v", text, err)
	}
}

func TestOrFallsBackOnlyToAValue(t *testing.T) {
	absent, null, value := Text{}, Text{Present: true}, Text{Present: true, Value: "v"}
	tests := []struct {
		name           string
		text, fallback Text
		want           Text
	}{
		{"a value stays", value, null, value},
		{"an absent text takes the value", absent, value, value},
		{"a null takes the value", null, value, value},
		{"a null without a fallback stays null", null, absent, null},
		{"an absent text takes a null", absent, null, null},
		{"nothing at all stays absent", absent, absent, absent},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.text.or(test.fallback); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestWithoutMailDomains(t *testing.T) {
	for name, want := range map[string]string{
		"Jane Doe":                    "Jane Doe",
		"jane.doe@example.com":        "jane.doe",
		"Jane Doe <jane@example.com>": "Jane Doe <jane>",
		"a@b@example.com":             "a",
		"#team @acme":                 "#team @acme",
		"Jane @ Acme":                 "Jane @ Acme",
		"":                            "",
	} {
		if got := (Text{Present: true, Value: name}).withoutMailDomains(); got.Value != want || !got.Present {
			t.Errorf("%q: got %+v, want %q", name, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	const accent, tone, family = "e\u0301", "👍🏽", "👩\u200d👩\u200d👧"
	tests := []struct {
		name  string
		text  string
		limit int
		want  string
	}{
		{"keeps what is short enough", "abc", 3, "abc"},
		{"cuts what is longer", "abcd", 3, "abc"},
		{"counts characters, not bytes", "äöüß", 3, "äöü"},
		{"keeps an accent with its letter", "abc" + accent, 4, "abc"},
		{"keeps an accent that just fits", "abc" + accent, 5, "abc" + accent},
		{"keeps a skin tone with its emoji", "abcd" + tone, 5, "abcd"},
		{"does not tear a joined emoji before the joiner", "abcdef" + family, 7, "abcdef"},
		{"does not tear a joined emoji after the joiner", "abcdef" + family, 8, "abcdef"},
		{"cuts a heap of accents at the limit", "e" + strings.Repeat("\u0301", 9), 4, "e\u0301\u0301\u0301"},
		{"replaces invalid bytes", "a\xff\xc3b", 9, "a\ufffd\ufffdb"},
		{"makes one line of several", "a\nb\r\tc\x00d\x7fe\u0085f", 99, "a b  c d e f"},
		{"replaces Unicode's line breaks", "a\u2028b\u2029c", 99, "a b c"},
		{"replaces what reverses the line", "a\u202egpj.exe\u2066", 99, "a gpj.exe "},
		{"keeps nothing of nothing", "", 3, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := clip(test.text, test.limit); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzClip checks that a clipped text is bounded, valid UTF-8 on one line, does
// not change when clipped again, and is the whole text where nothing was wrong.
func FuzzClip(f *testing.F) {
	f.Add("plain", uint8(3))
	f.Add("e\u0301\u0301\u0301", uint8(2))
	f.Add("\xff\x00\u202e👩\u200d👧", uint8(1))
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		limit := int(size) + 1
		got := clip(text, limit)
		if utf8.RuneCountInString(got) > limit || !utf8.ValidString(got) ||
			strings.ContainsAny(got, "\x00\n\r\t\u2028\u202e") {
			t.Errorf("clip(%q, %d) = %q", text, limit, got)
		}
		if again := clip(got, limit); again != got {
			t.Errorf("clipped again: %q, before %q", again, got)
		}
		if text != "" && got == "" {
			t.Errorf("clip(%q, %d) lost everything", text, limit)
		}
	})
}
