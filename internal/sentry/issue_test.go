package sentry

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestIssueDecodesLeniently(t *testing.T) {
	allNull := Issue{
		ShortID: null, Title: null, Culprit: null, Level: null, Status: null, Substatus: null, Priority: null,
		Platform: null, Category: null, Project: Text{}, Assignee: null,
	}
	tests := []struct {
		name string
		body string
		want Issue
	}{
		{"nothing is nothing", `{}`, Issue{}},
		{"null everywhere", `{"id":null,"shortId":null,"title":null,"culprit":null,"level":null,"status":null,
			"substatus":null,"priority":null,"platform":null,"issueCategory":null,"project":null,"permalink":null,"web_url":null,
			"assignedTo":null,"firstSeen":null}`, allNull},
		{"objects everywhere", `{"id":{},"shortId":{},"title":{},"culprit":{},"level":{},"status":{},"substatus":{},
			"priority":{},"platform":{},"issueCategory":{},"project":{},"permalink":{},"web_url":{},
			"assignedTo":{},"firstSeen":{}}`, Issue{}},
		{"lists everywhere", `{"id":[],"shortId":[],"title":[],"culprit":[],"level":[],"status":[],"substatus":[],
			"priority":[],"platform":[],"issueCategory":[],"project":[],"permalink":[],"web_url":[],
			"assignedTo":[],"firstSeen":[]}`, Issue{}},
		{"an id that is a string", `{"id":"6123456789"}`, Issue{ID: "6123456789"}},
		{"an id that is a number beyond 53 bits", `{"id":9007199254740993}`, Issue{ID: "9007199254740993"}},
		{
			"enumerations of the future", `{"level":"catastrophe","status":"haunted","substatus":"x","priority":"critical"}`,
			Issue{Level: text("catastrophe"), Status: text("haunted"), Substatus: text("x"), Priority: text("critical")},
		},
		{"a project that is its slug", `{"project":"checkout"}`, Issue{Project: text("checkout")}},
		{"a project that is its id", `{"project":4505281256090153}`, Issue{ProjectID: "4505281256090153"}},
		{"a project without a slug", `{"project":{"id":"1","name":"Checkout"}}`, Issue{ProjectID: "1"}},
		{"a project with an id that is none", `{"project":{"id":"one","slug":"checkout"}}`, Issue{Project: text("checkout")}},
		{"a count that is a number", `{"id":"42","count":17,"userCount":"3"}`, Issue{ID: "42"}},
		{
			"a page in web_url", `{"permalink":null,"web_url":"https://acme.sentry.io/issues/42/"}`,
			Issue{URL: text("https://acme.sentry.io/issues/42/")},
		},
		{"a page that is a script", `{"permalink":"javascript:alert(1)"}`, Issue{}},
		{"a first sight that cannot be read", `{"firstSeen":"last Tuesday"}`, Issue{}},
		{
			"metadata and annotations of any shape", `{"id":"42","metadata":[1],
			"annotations":{"a":{"b":null}},"statusDetails":"x"}`,
			Issue{ID: "42"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got Issue
			if err := json.Unmarshal([]byte(test.body), &got); err != nil {
				t.Fatal(err)
			}
			wantSame(t, got, test.want)
		})
	}
}

func TestIssueCutsTextsWithoutBreakingACharacter(t *testing.T) {
	tests := []struct {
		name  string
		title string
		want  string
	}{
		{"Latin", strings.Repeat("é", 300), strings.Repeat("é", 256)},
		{"Chinese", strings.Repeat("支付失败", 100), strings.Repeat("支付失败", 64)},
		{"Arabic stays as it reads", "خطأ في الدفع", "خطأ في الدفع"},
		{"emoji outside the basic plane", strings.Repeat("🔥", 300), strings.Repeat("🔥", 256)},
		{"a joined emoji at the limit", strings.Repeat("a", 255) + "👩\u200d🚀", strings.Repeat("a", 255)},
		{"several lines", "Error:\n\tat line 1", "Error:  at line 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body, err := json.Marshal(map[string]string{"title": test.title, "culprit": test.title})
			if err != nil {
				t.Fatal(err)
			}
			var got Issue
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			wantSame(t, got, Issue{Title: text(test.want), Culprit: text(test.want)})
		})
	}
}

func TestIssueIsNoOtherValue(t *testing.T) {
	for _, body := range []string{`"42"`, `42`, `[]`} {
		if err := json.Unmarshal([]byte(body), new(Issue)); err == nil {
			t.Errorf("%s was read as an issue", body)
		}
	}
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"1":                     true,
		"6123456789":            true,
		"18446744073709551615":  true,
		"118446744073709551615": false,
		"":                      false,
		"-1":                    false,
		"1.5":                   false,
		"1e9":                   false,
		"42 ":                   false,
		"42\n":                  false,
		"٤٢":                    false,
		"../42":                 false,
		"null":                  false,
	} {
		if got := ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %t, want %t", id, got, want)
		}
	}
}
