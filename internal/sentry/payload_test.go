package sentry

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkoutIssue are the facts that most recorded bodies share.
func checkoutIssue(mods ...func(*Issue)) Issue {
	issue := Issue{
		ID:        "6123456789",
		ShortID:   text("CHECKOUT-2K7"),
		Title:     text("TypeError: basket is undefined"),
		Culprit:   text("app/checkout/basket in total"),
		Level:     text("error"),
		Status:    text("unresolved"),
		Substatus: text("ongoing"),
		Priority:  text("high"),
		Platform:  text("javascript"),
		Category:  text("error"),
		Project:   text("checkout"), ProjectID: "4505281256090153",
		URL:       text("https://acme.sentry.io/issues/6123456789/"),
		Assignee:  null,
		FirstSeen: moment("2026-09-01T10:15:30Z"),
	}
	for _, modify := range mods {
		modify(&issue)
	}
	return issue
}

func TestParseReadsWhatSentrySends(t *testing.T) {
	tests := []struct {
		name     string
		resource string
		fixture  string
		want     Notice
	}{
		{"a new issue with everything that 2026 sends", "issue", "issue_created", Notice{
			Resource: "issue", Action: "created", Subject: SubjectIssue, Projects: []string{"checkout"},
			Issue: checkoutIssue(func(i *Issue) {
				i.Title = text("TypeError: can’t read «basket» of undefined")
				i.Substatus = text("new")
				i.FirstSeen = moment("2026-09-01T10:15:30.123456Z")
			}),
		}},
		{"an assigned issue without permalink and culprit", "issue", "issue_assigned", Notice{
			Resource: "issue", Action: "assigned", Subject: SubjectIssue, Projects: []string{"checkout"},
			Issue: checkoutIssue(func(i *Issue) {
				i.Culprit, i.Platform = null, null
				i.Priority = text("medium")
				i.Assignee = text("Jane Doe")
			}),
		}},
		{"a resolved issue as 2020 sent it", "issue", "issue_resolved_2020", Notice{
			Resource: "issue", Action: "resolved", Subject: SubjectIssue, Projects: []string{"ledger"},
			Issue: Issue{
				ID:       "1170820242",
				ShortID:  text("LEDGER-1"),
				Title:    text("OperationalError: server closed the connection"),
				Culprit:  text("ledger.tasks in book"),
				Level:    text("fatal"),
				Status:   text("resolved"),
				Platform: text("python"),
				Project:  text("ledger"), ProjectID: "1768",
				Assignee:  text("payments"),
				FirstSeen: moment("2020-05-01T09:30:00Z"),
			},
		}},
		{"an archived issue, which says ignored", "issue", "issue_ignored", Notice{
			Resource: "issue", Action: "archived", Subject: SubjectIssue, Projects: []string{"checkout"},
			Issue: checkoutIssue(func(i *Issue) {
				i.Culprit, i.Priority = null, null
				i.Level, i.Category = text("warning"), text("performance")
				i.Status, i.Substatus = text("ignored"), text("archived_until_escalating")
			}),
		}},
		{"an alert rule that fired", "event_alert", "event_alert", Notice{
			Resource: "event_alert", Action: "triggered", Subject: SubjectIssue, Projects: []string{"checkout"},
			Rule:          "Page the on-call – checkout",
			EventReceived: moment("2026-09-01T10:15:31.5Z"),
			Issue: Issue{
				ID:       "6123456789",
				Title:    text("TypeError: basket is undefined"),
				Culprit:  text("app/checkout/basket in total"),
				Level:    text("error"),
				Platform: text("javascript"),
				Project:  text("checkout"), ProjectID: "4505281256090153",
				URL: text("https://acme.sentry.io/issues/6123456789/events/e4874d664c3540c1a32eab185f12c5ab/"),
			},
		}},
		{"an alert rule that fired in 2020, without issue_id", "event_alert", "event_alert_2020", Notice{
			Resource: "event_alert", Action: "triggered", Subject: SubjectIssue, Projects: []string{"ledger"},
			Rule:          "Ledger is down",
			EventReceived: moment("2020-05-04T08:00:02Z"),
			Issue: Issue{
				ID:       "1170820242",
				Title:    text("server closed the connection"),
				Culprit:  null,
				Level:    text("fatal"),
				Platform: text("python"),
				Project:  text("ledger"), ProjectID: "1768",
				URL: text("https://sentry.io/organizations/acme/issues/1170820242/events/a89cd4cfd5a24b6bb7cbb7be7e7a5e4c/"),
			},
		}},
		{"a test notification", "event_alert", "event_alert_sample", Notice{
			Resource: "event_alert", Action: "triggered", Subject: SubjectIssue, Projects: []string{"checkout"},
			Sample:        true,
			EventReceived: moment("2026-09-01T10:15:31Z"),
			Issue: Issue{
				ID:       "6123456999",
				Title:    text("TypeError: Object [object Object] has no method 'updateFrom'"),
				Culprit:  text("../../sentry/scripts/views.js in poll"),
				Level:    text("error"),
				Platform: text("javascript"),
				Project:  text("checkout"), ProjectID: "4505281256090153",
				URL: text("https://acme.sentry.io/issues/6123456999/events/b1f4b4b2f5d84a2da1f1d0b8c8a3c7de/"),
			},
		}},
		{"what happened to an issue", "activity_alert", "activity_alert", Notice{
			Resource: "activity_alert", Action: "resolved", Subject: SubjectIssue, Projects: []string{"checkout"},
			Rule: "Tell when resolved",
			Issue: checkoutIssue(func(i *Issue) {
				i.Status, i.Substatus = text("resolved"), null
				i.Assignee = text("jane.doe")
			}),
		}},
		{"a metric alert", "metric_alert", "metric_alert_critical", Notice{
			Resource: "metric_alert", Action: "critical", Subject: SubjectMetric, Projects: []string{"checkout", "ledger"},
			Rule: "Checkout error rate",
			Issue: Issue{
				ID:        "9001",
				Title:     text("Critical: Checkout error rate"),
				Category:  text("metric"),
				Project:   text("checkout"),
				URL:       text("https://acme.sentry.io/alerts/rules/details/321/?alert=77"),
				FirstSeen: moment("2026-09-01T10:15:30.123456Z"),
			},
		}},
		{"an installation", "installation", "installation_created", Notice{Resource: "installation", Action: "created"}},
		{"a comment, which is no alert", "comment", "comment_created", Notice{Resource: "comment", Action: "created"}},
		{"an error, which is no alert", "error", "error_created", Notice{Resource: "error", Action: "created"}},
		{"a resource of the future", "wormhole", "issue_created", Notice{Resource: "wormhole", Action: "created"}},
		{"a body without a resource", "", "issue_created", Notice{Action: "created"}},
		{
			"a resource in other letters, which is another", "Issue", "issue_created",
			Notice{Resource: "Issue", Action: "created"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantSame(t, mustParse(t, test.resource, fixture(t, test.fixture)), test.want)
		})
	}
}

func TestParseCopiesNothingOfPersonsButTheAssigneesName(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded bodies: %v", err)
	}
	personal := []string{
		"@acme.example", "@mail.example", "@sentry.example", "203.0.113.7", "127.0.0.1",
		"customer", "4711", "Vienna", "Mozilla",
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, resource := range []string{"issue", "event_alert", "activity_alert", "metric_alert", "error", "comment"} {
			notice, err := Parse(resource, body)
			result := fmt.Sprintf("%s %v", shown(t, notice), err)
			for _, word := range personal {
				if strings.Contains(result, word) {
					t.Errorf("%s as %s copies %q: %s", file, resource, word, result)
				}
			}
		}
	}
}
