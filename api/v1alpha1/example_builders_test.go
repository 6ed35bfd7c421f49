package v1alpha1_test

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

// needed is the example of a field that must be there: the good object has it.
func needed(path string) example {
	return example{
		rule:     rule{path: path, keyword: keywordRequired},
		accepted: unchanged{}, refused: absent{},
		answer: "Required value",
	}
}

// longest is the example of the longest text that a field takes; its last character once more is too much.
func longest(path, text string) example {
	last, _ := utf8.DecodeLastRuneInString(text)
	return example{
		rule:     rule{path: path, keyword: keywordMaxLength},
		accepted: text, refused: text + string(last),
		answer: fmt.Sprintf("Too long: may not be more than %d bytes", utf8.RuneCountInString(text)),
	}
}

// notEmpty is the example of a text that has a character at least.
func notEmpty(path string) example {
	return example{
		rule:     rule{path: path, keyword: keywordMinLength},
		accepted: "a", refused: "",
		answer: inBody(path) + " should be at least 1 chars long",
	}
}

// pattern is the example of a text of a certain form.
func pattern(path, form, accepted, refused string) example {
	return example{
		rule:     rule{path: path, keyword: keywordPattern},
		accepted: accepted, refused: refused,
		answer: fmt.Sprintf("%s should match '%s'", inBody(path), form),
	}
}

// atLeast is the example of a number's lower bound.
func atLeast(path string, least int64) example {
	return example{
		rule:     rule{path: path, keyword: keywordMinimum},
		accepted: least, refused: least - 1,
		answer: fmt.Sprintf("%s should be greater than or equal to %d", inBody(path), least),
	}
}

// atMostNumber is the example of a number's upper bound.
func atMostNumber(path string, most int64) example {
	return example{
		rule:     rule{path: path, keyword: keywordMaximum},
		accepted: most, refused: most + 1,
		answer: fmt.Sprintf("%s should be less than or equal to %d", inBody(path), most),
	}
}

// wholeNumber is the example of a number of so many bits. It is refused for the object, or its status, as a whole.
func wholeNumber(path, format string, accepted, refused float64) example {
	field := "<nil>"
	if strings.HasPrefix(path, statusPrefix) {
		field = strings.TrimSuffix(statusPrefix, ".")
	}
	return example{
		rule:     rule{path: path, keyword: keywordFormat},
		accepted: accepted, refused: refused,
		field: field,
		answer: fmt.Sprintf("Checked value must be of type integer with format %s in %s",
			format, strings.TrimPrefix(path, statusPrefix)),
	}
}

// full is the example of a map that takes so many elements, which are given, and one more.
func full(path, elements, another string) example {
	most := strings.Count(elements, ":")
	return example{
		rule:     rule{path: path, keyword: keywordMaxProperties},
		accepted: of("{" + elements + "}"), refused: of("{" + elements + ", " + another + "}"),
		answer: fmt.Sprintf("Too many: %d: must have at most %d items", most+1, most),
	}
}

// atMost is the example of a list or a map that takes so many elements.
func atMost(path string, most int, open, format, end string) example {
	keyword := keywordMaxItems
	if open == "{" {
		keyword = keywordMaxProperties
	}
	return example{
		rule:     rule{path: path, keyword: keyword},
		accepted: many(most, open, format, end), refused: many(most+1, open, format, end),
		answer: fmt.Sprintf("Too many: %d: must have at most %d items", most+1, most),
	}
}

// leastItems is the example of a list that is not empty.
func leastItems(path string, accepted any) example {
	return example{
		rule:     rule{path: path, keyword: keywordMinItems},
		accepted: accepted, refused: []any{},
		answer: inBody(path) + " should have at least 1 items",
	}
}

// The forms of the times that only the operator writes, which are those that Go reads.
const (
	secondForm      = `^[-0-9]{10}T[0-9:]{8}Z$`
	microsecondForm = `^[-0-9]{10}T[0-9:]{8}[.][0-9]{6}Z$`
)

// moment is the example of a time.
func moment(path, accepted string) example {
	return example{
		rule:     rule{path: path, keyword: keywordFormat},
		accepted: accepted, refused: "yesterday",
		answer: inBody(path) + ` must be of type date-time: "yesterday"`,
	}
}

// second are the examples of a time that the operator writes, in seconds.
func second(path string) []example {
	const accepted = "2026-01-31T03:04:05Z"
	examples := []example{moment(path, accepted)}
	for _, refused := range []string{
		"2026-01-31t03:04:05z", "2026-01-31T03:04:05+99:99", "2026-01-31T03:04:05x5Z", "2026-01-31t03:04:05ztT03:04:05Z",
	} {
		examples = append(examples, pattern(path, secondForm, accepted, refused))
	}
	return examples
}

// microsecond are the examples of a time that the operator writes, in microseconds.
func microsecond(path string) []example {
	const accepted = "2026-01-31T03:04:05.678901Z"
	examples := []example{moment(path, accepted)}
	for _, refused := range []string{"2026-01-31T03:04:05Z", "2026-01-31T03:04:05.5Z", "2026-01-31t03:04:05.678901z"} {
		examples = append(examples, pattern(path, microsecondForm, accepted, refused))
	}
	return examples
}

// oneOf are the examples of a field that takes so many words and no other.
func oneOf(path string, words ...string) []example {
	var examples []example
	for _, word := range words {
		examples = append(examples, example{
			rule:     rule{path: path, keyword: keywordEnum},
			accepted: word, refused: strings.ToLower(word),
			answer: fmt.Sprintf("Unsupported value: %q: supported values: %s",
				strings.ToLower(word), `"`+strings.Join(words, `", "`)+`"`),
		})
	}
	return examples
}

// inCEL is the example of a rule in CEL, with its whole message.
func inCEL(path, message string, accepted, refused any) example {
	return example{
		rule:     rule{path: path, keyword: keywordCEL, message: message},
		accepted: accepted, refused: refused,
	}
}

// change is the example of a rule in CEL about the change of what is stored.
func change(path, message string, stored, accepted, refused any) example {
	changed := inCEL(path, message, accepted, refused)
	changed.stored = stored
	return changed
}

// of is a value written as YAML.
func of(text string) any {
	var value any
	if err := yaml.UnmarshalStrict([]byte(text), &value); err != nil {
		panic(err)
	}
	return value
}

// many is a list or a map of so many elements, each of which format makes from its number.
func many(count int, open, format, end string) any {
	elements := make([]string, count)
	for i := range elements {
		elements[i] = fmt.Sprintf(format, i)
	}
	return of(open + strings.Join(elements, ", ") + end)
}

// inBody is how the API server names a field in most of its answers: from the object written, which may be the status.
func inBody(path string) string { return strings.TrimPrefix(path, statusPrefix) + " in body" }
