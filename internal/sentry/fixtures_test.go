package sentry

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// null is a member that is there and says nothing.
var null = Text{Present: true}

// text is a member with a value.
func text(value string) Text {
	return Text{Present: true, Value: value}
}

// moment is a time as the facts keep it.
func moment(rfc3339 string) *time.Time {
	parsed, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		panic(err)
	}
	return &parsed
}

// fixture reads a recorded body.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// changed is a recorded body in which one text stands for another.
func changed(t testing.TB, name, before, after string) []byte {
	t.Helper()
	body := string(fixture(t, name))
	if !strings.Contains(body, before) {
		t.Fatalf("%s does not contain %q", name, before)
	}
	return []byte(strings.Replace(body, before, after, 1))
}

// mustParse parses a body that is well-formed.
func mustParse(t testing.TB, resource string, body []byte) Notice {
	t.Helper()
	notice, err := Parse(resource, body)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return notice
}

// wantSame compares field by field and shows both sides.
func wantSame(t testing.TB, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", shown(t, got), shown(t, want))
	}
}

func shown(t testing.TB, value any) []byte {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}
