package sentry

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// metricWebhook is the body of a metric_alert with the members of the alert.
func metricWebhook(alert string) []byte {
	return []byte(`{"action":"warning","data":{"metric_alert":` + alert + `,"description_title":null}}`)
}

func TestMetricAlertKeepsItsIDThroughAllActions(t *testing.T) {
	for _, action := range []string{"critical", "warning", "open", "resolved"} {
		body := changed(t, "metric_alert_critical", `"action": "critical"`, `"action": "`+action+`"`)
		notice := mustParse(t, "metric_alert", body)
		wantSame(t, notice.Action, action)
		wantSame(t, notice.Subject, SubjectMetric)
		wantSame(t, notice.Issue.ID, "9001")
	}
}

func TestFactsOfAMetricAlert(t *testing.T) {
	tests := []struct {
		name  string
		alert string
		want  Issue
	}{
		{"has an id that is a number", `{"id":9001,"title":"Rate"}`, Issue{ID: "9001", Title: text("Rate")}},
		{
			"is of the first project with a slug", `{"title":"Rate","projects":[null,7,"",{"slug":"checkout"},"ledger"]}`,
			Issue{Title: text("Rate"), Project: text("checkout")},
		},
		{"passes over a rule that is a word", `{"title":"Rate","alert_rule":"321"}`, Issue{Title: text("Rate")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.want.Category = text("metric")
			wantSame(t, mustParse(t, "metric_alert", metricWebhook(test.alert)).Issue, test.want)
		})
	}
}

func TestAMetricAlertIsTitledByItsDescriptionWhereThereIsOne(t *testing.T) {
	for title, body := range map[string]string{
		"Warning: Rate": `{"action":"warning","data":{"metric_alert":{"title":"Rate"},"description_title":"Warning: Rate"}}`,
		"Rate":          `{"action":"warning","data":{"metric_alert":{"title":"Rate"},"description_title":""}}`,
	} {
		wantSame(t, mustParse(t, "metric_alert", []byte(body)).Issue.Title, text(title))
	}
}

func TestProjectsOfAMetricAlert(t *testing.T) {
	many := make([]string, 60)
	for i := range many {
		many[i] = fmt.Sprintf("project-%d", i)
	}
	encoded, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		projects string
		want     []string
	}{
		{"are all slugs in order", `["checkout","ledger"]`, []string{"checkout", "ledger"}},
		{"may be objects", `[{"id":"7","slug":"checkout"},"ledger"]`, []string{"checkout", "ledger"}},
		{"are those with a slug", `[null,7,"",{},"ledger"]`, []string{"ledger"}},
		{"are at most 50", string(encoded), many[:50]},
		{"are cut at a sane length", `["` + strings.Repeat("p", 300) + `"]`, []string{strings.Repeat("p", 128)}},
		{"are none in an empty list", `[]`, nil},
		{"are none in a null", `null`, nil},
		{"are none in a word", `"checkout"`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			notice := mustParse(t, "metric_alert", metricWebhook(`{"id":"9001","projects":`+test.projects+`}`))
			wantSame(t, notice.Projects, test.want)
		})
	}
}
