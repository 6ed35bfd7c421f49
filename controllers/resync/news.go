package resync

import (
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// newsSince is the time, by Sentry's clock, after which what changed is news: the start of the last full pass but one or, before there
// were two, of the first that was ever begun. Two passes, because a change may be missed by the one during which it came about. What
// waits from one pass to the next does not become old by that.
func newsSince(status v1alpha1.ResyncStatus) time.Time {
	past := len(status.Passes)
	if past > 0 {
		if last := status.Passes[past-1]; last.Waiting > 0 && last.NewsSince != nil {
			return last.NewsSince.Time
		}
	}
	if past >= 2 {
		return status.Passes[past-2].StartedAt.Time
	}
	if status.FirstStartedAt == nil {
		return time.Time{}
	}
	return status.FirstStartedAt.Time
}

// isNews tells whether an issue became unresolved, or worse, after a time.
func isNews(detail sentry.Detail, since time.Time) bool {
	return !since.IsZero() && detail.ChangedAt().After(since)
}

// What else Sentry's activity tells.
const (
	activityArchived      = "set_ignored"
	activityResolvedByAge = "set_resolved_by_age"
)

// isUnarchived tells whether an issue became unresolved because a person took it out of the archive, which Sentry does not reliably
// tell by webhook.
func isUnarchived(detail sentry.Detail) bool {
	isBack := false
	for _, one := range detail.Activity {
		switch one.Type {
		case sentry.ActivityUnresolved:
			isBack = true
		case activityArchived:
			return isBack
		case sentry.ActivityRegression, sentry.ActivityEscalating, "set_resolved", "set_resolved_in_release", "set_resolved_in_commit",
			activityResolvedByAge:
			return false
		}
	}
	return false
}

// isResolvedByAge tells whether Sentry resolved an issue because it was old, of which it sends no webhook.
func isResolvedByAge(detail sentry.Detail) bool {
	for _, one := range detail.Activity {
		switch one.Type {
		case activityResolvedByAge:
			return true
		case "set_resolved", "set_resolved_in_release", "set_resolved_in_commit":
			return false
		}
	}
	return false
}
