// Package meaning says what Sentry's words mean to a source: of an action, by its mapping, and of an issue's facts. Webhooks and
// Sentry's API are read by the same rules.
package meaning

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// What Sentry's actions mean, unless a source's mapping says otherwise, and which priority its words name.
var (
	issueMeanings = map[string]v1alpha1.Meaning{
		"created":    v1alpha1.MeaningAlert,
		"assigned":   v1alpha1.MeaningAlert,
		"unresolved": v1alpha1.MeaningAlert,
		"archived":   v1alpha1.MeaningAlert,
		"triggered":  v1alpha1.MeaningAlert,
		"resolved":   v1alpha1.MeaningResolve,
	}
	metricMeanings = map[string]v1alpha1.Meaning{
		"critical": v1alpha1.MeaningAlert,
		"warning":  v1alpha1.MeaningAlert,
		"open":     v1alpha1.MeaningAlert,
		"resolved": v1alpha1.MeaningResolve,
	}
	issuePriorities = map[string]v1alpha1.Priority{
		"low":      v1alpha1.PriorityLow,
		"medium":   v1alpha1.PriorityMedium,
		"high":     v1alpha1.PriorityHigh,
		"critical": v1alpha1.PriorityCritical,
	}
	metricPriorities = map[string]v1alpha1.Priority{
		"critical": v1alpha1.PriorityCritical,
		"warning":  v1alpha1.PriorityMedium,
		"open":     v1alpha1.PriorityMedium,
	}
)

// OfIssue is what an action on an issue of that category means to a source; false for an action that nobody knows.
func OfIssue(mapping v1alpha1.Mapping, action, category string) (meaning v1alpha1.Meaning, known bool) {
	return of(issueMeanings, mapping, action, category)
}

// OfMetric is what an action on a metric alert means to a source; false for an action that nobody knows.
func OfMetric(mapping v1alpha1.Mapping, action, category string) (meaning v1alpha1.Meaning, known bool) {
	return of(metricMeanings, mapping, action, category)
}

func of(
	meanings map[string]v1alpha1.Meaning, mapping v1alpha1.Mapping, action, category string,
) (meaning v1alpha1.Meaning, known bool) {
	if meaning, known = meanings[action]; !known {
		return "", false
	}
	if byAction, ok := mapping.Actions[action]; ok {
		meaning = byAction
	}
	if byCategory, ok := mapping.Categories[category]; ok && meaning == v1alpha1.MeaningAlert {
		meaning = byCategory
	}
	return meaning, true
}

// IssuePriority is the priority that Sentry names for an issue; empty if it names none.
func IssuePriority(issue sentry.Issue) v1alpha1.Priority {
	return issuePriorities[issue.Priority.Value]
}

// MetricPriority is the priority that an action on a metric alert stands for; empty if none.
func MetricPriority(action string) v1alpha1.Priority { return metricPriorities[action] }

// Facts are what Sentry says of an issue, as Route takes them.
func Facts(issue sentry.Issue) lifecycle.Facts {
	facts := lifecycle.Facts{
		ID:        &issue.ID,
		ShortID:   fact(issue.ShortID),
		Title:     fact(issue.Title),
		Culprit:   fact(issue.Culprit),
		Level:     fact(issue.Level),
		Status:    fact(issue.Status),
		Substatus: fact(issue.Substatus),
		Project:   fact(issue.Project),
		Platform:  fact(issue.Platform),
		URL:       fact(issue.URL),
		Assignee:  fact(issue.Assignee),
	}
	if issue.ProjectID != "" {
		facts.ProjectID = &issue.ProjectID
	}
	if issue.FirstSeen != nil {
		firstSeen := metav1.NewTime(issue.FirstSeen.Truncate(time.Second))
		facts.FirstSeen = &firstSeen
	}
	return facts
}

func fact(text sentry.Text) *string {
	if !text.Present {
		return nil
	}
	return &text.Value
}
