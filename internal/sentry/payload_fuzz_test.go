package sentry

import (
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzParse checks that no body makes the parser panic, that every failure is
// a MalformedError, and that what it returns is within its bounds, valid UTF-8
// and consistent with the subject.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, resource := range []string{resourceIssue, resourceEventAlert, resourceActivityAlert, resourceMetricAlert, ""} {
			f.Add(resource, body)
		}
	}
	f.Fuzz(func(t *testing.T, resource string, body []byte) {
		notice, err := Parse(resource, body)
		if err != nil {
			if !IsMalformed(err) || len(err.Error()) > 100 {
				t.Errorf("got %v, want a short MalformedError", err)
			}
			wantSame(t, notice, Notice{})
			return
		}
		checkBounds(t, notice)
		checkSubject(t, notice)
	})
}

func checkBounds(t *testing.T, notice Notice) {
	t.Helper()
	issue := notice.Issue
	short := []string{
		notice.Resource, notice.Action, notice.Rule, issue.ID, issue.ShortID.Value, issue.Level.Value,
		issue.Status.Value, issue.Substatus.Value, issue.Priority.Value, issue.Platform.Value, issue.Category.Value,
		issue.Project.Value, issue.Assignee.Value,
	}
	for _, each := range append(short, notice.Projects...) {
		checkText(t, each, textLimit)
	}
	checkText(t, issue.Title.Value, titleLimit)
	checkText(t, issue.Culprit.Value, culpritLimit)
	checkText(t, issue.URL.Value, linkLimit)
	if len(issue.URL.Value) > linkLimit || len(notice.Projects) > projectsLimit {
		t.Errorf("out of bounds: %s", shown(t, notice))
	}
	for _, each := range []*time.Time{issue.FirstSeen, notice.EventReceived} {
		if each != nil && (each.Location() != time.UTC || each.Year() < 1970 || each.Year() > 9999) {
			t.Errorf("a time out of bounds: %v", each)
		}
	}
}

func checkText(t *testing.T, text string, limit int) {
	t.Helper()
	if utf8.RuneCountInString(text) > limit || !utf8.ValidString(text) || clip(text, limit) != text {
		t.Errorf("not a line of at most %d characters: %q", limit, text)
	}
}

func checkSubject(t *testing.T, notice Notice) {
	t.Helper()
	switch notice.Subject {
	case SubjectNone:
		wantSame(t, notice.Issue, Issue{})
		wantSame(t, len(notice.Projects), 0)
	case SubjectIssue:
		if len(notice.Projects) > 1 || len(notice.Projects) == 1 && notice.Projects[0] != notice.Issue.Project.Value {
			t.Errorf("an issue is of one project: %s", shown(t, notice))
		}
	case SubjectMetric:
		wantSame(t, notice.Issue.Category, text(categoryMetric))
		wantSame(t, notice.Issue.Status, Text{})
	}
	if notice.Action == "" {
		t.Error("a notice without an action")
	}
}
