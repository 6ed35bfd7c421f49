package main

import (
	"strings"
	"testing"
	"time"
)

var begin = time.Date(2026, 1, 31, 3, 4, 5, 0, time.UTC)

func TestTheStoryIsOverBeforeItIsTold(t *testing.T) {
	for _, chapter := range story(begin) {
		for _, post := range chapter.posts {
			if at := post.webhook.Time; at.Before(begin) || !at.Before(begin.Add(storyAge)) {
				t.Errorf("%s of %q is at %s", post.what, chapter.title, at)
			}
		}
	}
}

func TestEverySourceIsAppliedBeforeAnybodyPostsToIt(t *testing.T) {
	applied := map[string]bool{payments: true}
	for _, chapter := range story(begin) {
		applied[chapter.source] = true
		for _, post := range chapter.posts {
			if !applied[post.to] {
				t.Errorf("%s of %q is posted to %s", post.what, chapter.title, post.to)
			}
		}
	}
}

func TestTheStoryOpensExactlyTheIncidentsOfItsEnding(t *testing.T) {
	opened := map[string]bool{}
	for _, chapter := range story(begin) {
		for _, post := range chapter.posts {
			if name, ok := strings.CutPrefix(post.answer, "200 opened "+demoNamespace+"/"); ok {
				opened[name] = true
			}
		}
	}
	for _, row := range ending {
		if !opened[row.name] {
			t.Errorf("%s is not opened", row.name)
		}
	}
	if len(opened) != len(ending) {
		t.Errorf("opened: %v", opened)
	}
}

func TestForgeriesAreRefusedAndNothingElseIs(t *testing.T) {
	for _, chapter := range story(begin) {
		for _, post := range chapter.posts {
			if refused := strings.HasPrefix(post.answer, "401 "); refused != (post.forgery != genuine) {
				t.Errorf("%s of %q: %s", post.what, chapter.title, post.answer)
			}
		}
	}
}
