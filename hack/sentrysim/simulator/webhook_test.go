package simulator

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/internal/sentry"
)

var sending = time.Date(2026, 9, 1, 10, 15, 30, 0, time.UTC)

var null = sentry.Text{Present: true}

func text(value string) sentry.Text {
	return sentry.Text{Present: true, Value: value}
}

// heard is what the operator reads in a webhook.
func heard(t *testing.T, webhook Webhook) sentry.Notice {
	t.Helper()
	notice, err := sentry.Parse(webhook.Resource, webhook.Body)
	if err != nil {
		t.Fatalf("Parse: %v in %s", err, webhook.Body)
	}
	return notice
}

func wantSame(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestIssueWebhookHasSensibleDefaults(t *testing.T) {
	notice := heard(t, IssueWebhook("created", Issue{}, sending))
	wantSame(t, notice, sentry.Notice{
		Resource: "issue", Action: "created", Subject: sentry.SubjectIssue, Projects: []string{"checkout"},
		Issue: sentry.Issue{
			ID:        "1170820242",
			ShortID:   text("CHECKOUT-JD2QOI"),
			Title:     text("TimeoutError: payment provider did not answer"),
			Culprit:   text("checkout.payments in charge"),
			Level:     text("error"),
			Status:    text("unresolved"),
			Substatus: text("new"),
			Priority:  text("high"),
			Platform:  text("python"),
			Category:  text("error"),
			Project:   text("checkout"), ProjectID: "4505281256090153",
			URL:       text("https://acme.sentry.io/issues/1170820242/"),
			Assignee:  null,
			FirstSeen: &sending,
		},
	})
}

func TestIssueWebhookLeavesTheIssueAsTheActionDoes(t *testing.T) {
	tests := []struct {
		action, status string
		substatus      sentry.Text
		heard          string
	}{
		{"created", "unresolved", text("new"), "created"},
		{"assigned", "unresolved", text("ongoing"), "assigned"},
		{"unresolved", "unresolved", text("ongoing"), "unresolved"},
		{"resolved", "resolved", null, "resolved"},
		{"ignored", "ignored", text("archived_until_escalating"), "archived"},
		{"archived", "ignored", text("archived_until_escalating"), "archived"},
	}
	for _, test := range tests {
		t.Run(test.action, func(t *testing.T) {
			notice := heard(t, IssueWebhook(test.action, Issue{}, sending))
			wantSame(t, notice.Action, test.heard)
			wantSame(t, notice.Issue.Status, text(test.status))
			wantSame(t, notice.Issue.Substatus, test.substatus)
		})
	}
}

func TestIssueWebhookSaysWhatItIsTold(t *testing.T) {
	first := sending.Add(-time.Hour)
	issue := Issue{
		ID: "42", ShortID: "LEDGER-1", Title: "Zahlung schlägt fehl 🔥", Culprit: "a in b", Priority: "low",
		Level: "fatal", Status: "resolved", Substatus: "regressed",
		Project: "ledger", Platform: "go", Assignee: "Zoë", Category: "cron",
		FirstSeen: first,
	}
	wantSame(t, heard(t, IssueWebhook("assigned", issue, sending)).Issue, sentry.Issue{
		ID: "42", ShortID: text("LEDGER-1"), Title: text("Zahlung schlägt fehl 🔥"), Culprit: text("a in b"),
		Priority: text("low"), Level: text("fatal"), Status: text("resolved"), Substatus: text("regressed"),
		Project: text("ledger"), ProjectID: "4505281256090153", Platform: text("go"), Assignee: text("Zoë"), Category: text("cron"),
		URL: text("https://acme.sentry.io/issues/42/"), FirstSeen: &first,
	})
}

func TestIssueWebhookSaysNullAndLeavesOut(t *testing.T) {
	all := func(word string) Issue {
		return Issue{
			ID: word, ShortID: word, Title: word, Culprit: word, Priority: word, Level: word, Status: word,
			Substatus: word, Project: word, ProjectID: "4505281256090153", Platform: word, Assignee: word, Category: word,
		}
	}
	got := heard(t, IssueWebhook("created", all(Null), sending)).Issue
	wantSame(t, got, sentry.Issue{
		ShortID: null, Title: null, Culprit: null, Priority: null, Level: null, Status: null, Substatus: null,
		Project: null, ProjectID: "4505281256090153", Platform: null, Assignee: null, Category: null,
		URL: text("https://acme.sentry.io/issues/0/"), FirstSeen: &sending,
	})
	got = heard(t, IssueWebhook("created", all(Absent), sending)).Issue
	wantSame(t, got, sentry.Issue{ProjectID: "4505281256090153", URL: text("https://acme.sentry.io/issues/0/"), FirstSeen: &sending})
}

func TestAssignedNamesAnAssignee(t *testing.T) {
	for name, want := range map[string]sentry.Text{
		"":     text("Jane Doe"),
		"Zoë":  text("Zoë"),
		Absent: text("Jane Doe"),
		Null:   null,
	} {
		wantSame(t, heard(t, IssueWebhook("assigned", Issue{Assignee: name}, sending)).Issue.Assignee, want)
	}
}

func TestEventAlertNamesNeitherPriorityNorStatus(t *testing.T) {
	received := sending.Add(-90 * time.Second)
	issue := Issue{ID: "42", Title: "Disk full", Level: "fatal", Received: received}
	wantSame(t, heard(t, EventAlert(issue, "Page us", false, sending)), sentry.Notice{
		Resource: "event_alert", Action: "triggered", Subject: sentry.SubjectIssue, Projects: []string{"checkout"},
		Rule: "Page us", EventReceived: &received,
		Issue: sentry.Issue{
			ID:       "42",
			Title:    text("Disk full"),
			Culprit:  text("checkout.payments in charge"),
			Level:    text("fatal"),
			Platform: text("python"),
			Project:  text("checkout"), ProjectID: "4505281256090153",
			URL: text("https://acme.sentry.io/issues/42/events/" + eventID + "/"),
		},
	})
}

func TestEventAlertVariants(t *testing.T) {
	sample := heard(t, EventAlert(Issue{ID: "42"}, "Page us", true, sending))
	wantSame(t, sample.Sample, true)
	wantSame(t, sample.Rule, "")
	wantSame(t, *sample.EventReceived, sending)

	old := EventAlert(Issue{ID: "42", OldEvent: true}, "Page us", false, sending)
	wantSame(t, strings.Contains(string(old.Body), "issue_id"), false)
	wantSame(t, heard(t, old).Issue.ID, "42")

	wantSame(t, heard(t, EventAlert(Issue{ID: Absent}, "", false, sending)).Issue.ID, "")
	wantSame(t, heard(t, EventAlert(Issue{Project: Absent}, "", false, sending)).Projects, []string(nil))
}

func TestActivityAlertLeavesTheIssueAsTheActivityDoes(t *testing.T) {
	for activity, want := range map[string][2]string{
		"status_resolved":           {"resolved", "resolved"},
		"status_resolved_by_age":    {"resolved", "resolved"},
		"status_resolved_in_commit": {"resolved", "resolved"},
		"status_ignored":            {"archived", "ignored"},
		"status_regression":         {"unresolved", "unresolved"},
		"status_escalating":         {"unresolved", "unresolved"},
		"note":                      {"note", "unresolved"},
	} {
		notice := heard(t, ActivityAlert(activity, Issue{ID: "42"}, sending))
		wantSame(t, notice.Action, want[0])
		wantSame(t, notice.Issue.Status, text(want[1]))
		wantSame(t, notice.Rule, "Tell what happens")
	}
}

func TestMetricAlert(t *testing.T) {
	notice := heard(t, MetricAlert("warning", "77", "Rate", "Rule", []string{"ledger", "checkout"}, sending))
	wantSame(t, notice, sentry.Notice{
		Resource: "metric_alert", Action: "warning", Subject: sentry.SubjectMetric, Projects: []string{"ledger", "checkout"},
		Rule: "Rule",
		Issue: sentry.Issue{
			ID: "77", Title: text("Warning: Rate"), Category: text("metric"), Project: text("ledger"),
			URL: text("https://acme.sentry.io/alerts/rules/details/321/?alert=77"), FirstSeen: &sending,
		},
	})
	notice = heard(t, MetricAlert("critical", "", "", "", nil, sending))
	wantSame(t, notice.Issue.ID, "9001")
	wantSame(t, notice.Issue.Title, text("Critical: Checkout error rate"))
	wantSame(t, notice.Projects, []string{"checkout"})
}

func TestWebhooksThatAreNoAlert(t *testing.T) {
	wantSame(t, heard(t, Installation("deleted", sending)), sentry.Notice{Resource: "installation", Action: "deleted"})
	wantSame(t, heard(t, Other("seer", "started", sending)), sentry.Notice{Resource: "seer", Action: "started"})
}

func TestPersonalDataIsSentAndNotHeard(t *testing.T) {
	webhooks := []Webhook{
		EventAlert(Issue{}, "", false, sending),
		IssueWebhook("assigned", Issue{}, sending),
		MetricAlert("critical", "", "", "", nil, sending),
	}
	for _, word := range PersonalData() {
		sent := 0
		for _, webhook := range webhooks {
			sent += strings.Count(string(webhook.Body), word)
			notice := heard(t, webhook)
			values := reflect.ValueOf(notice.Issue)
			for i := range values.NumField() {
				if text, ok := values.Field(i).Interface().(sentry.Text); ok && strings.Contains(text.Value, word) {
					t.Errorf("%s copies %q", webhook.Resource, word)
				}
			}
		}
		if sent == 0 {
			t.Errorf("%q is in no webhook", word)
		}
	}
}
