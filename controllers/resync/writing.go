package resync

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// writingExpires is how long after a response nothing is written of it any more.
const writingExpires = 7 * 24 * time.Hour

// messageLimit is how long a record's message is, in characters.
const messageLimit = 512

// due is what is to be written of an Incident, or of its stub: what its source writes back, and was answered since it does.
func due(source *v1alpha1.AlertSource, incident *v1alpha1.Incident) []lifecycle.Writing {
	since := source.Status.WriteBack
	if since == nil || !source.WritesBack() {
		return nil
	}
	return slices.DeleteFunc(lifecycle.Unwritten(incident), func(w lifecycle.Writing) bool {
		isWanted, from := source.Spec.Sentry.WriteBack.Comment, since.CommentSince
		if w.Kind == v1alpha1.WriteResolve {
			isWanted, from = source.Spec.Sentry.WriteBack.Resolve, since.ResolveSince
		}
		return !isWanted || from == nil || w.At.Before(from)
	})
}

// writeView is what there is to judge a writing by: the Incident, the latest one of its alert, and what Sentry says of the issue.
type writeView struct {
	incident, latest *v1alpha1.Incident
	detail           sentry.Detail
	// isMissing is true if Sentry does not have it.
	isMissing bool
	// ahead is how far Sentry's clock is ahead of the operator's.
	ahead time.Duration
	// now is the operator's time.
	now time.Time
}

// judge says whether something is to be written: OutcomeWritten if so, or why it is not.
func (v writeView) judge(writing lifecycle.Writing) (outcome v1alpha1.WriteOutcome, why string) {
	switch {
	case v.isMissing:
		return v1alpha1.OutcomeDropped, "Sentry does not have the issue any more"
	case v.detail.ID != v.incident.Spec.AlertKey.IssueID():
		return v1alpha1.OutcomeDropped, "the issue was merged into issue " + v.detail.ID
	case writing.Kind == v1alpha1.WriteResolve:
		return v.judgeResolve(writing)
	case slices.Contains(v.detail.Comments, commentOf(v.incident, writing)):
		return v1alpha1.OutcomeNotNeeded, "the issue has this comment already"
	default:
		return v1alpha1.OutcomeWritten, ""
	}
}

func (v writeView) judgeResolve(writing lifecycle.Writing) (outcome v1alpha1.WriteOutcome, why string) {
	worsened := v.detail.WorsenedAt().Add(-v.ahead)
	status := v.detail.Status.Value
	switch {
	case v.latest != nil && v.latest.UID != v.incident.UID:
		return v1alpha1.OutcomeDropped, "a newer Incident, " + v.latest.Name + ", tells of the issue"
	case status == lifecycle.StatusResolved:
		return v1alpha1.OutcomeNotNeeded, "the issue is resolved already"
	case status == lifecycle.StatusArchived:
		return v1alpha1.OutcomeDropped, "the issue is archived"
	case status != lifecycle.StatusUnresolved:
		return v1alpha1.OutcomeDropped, fmt.Sprintf("Sentry calls the issue %q", status)
	case worsened.After(v.resolvedAt(writing)):
		return v1alpha1.OutcomeDropped, "the issue came back, or became worse, at " + worsened.UTC().Format(time.RFC3339)
	default:
		return v1alpha1.OutcomeWritten, ""
	}
}

// resolvedAt is when a responder resolved. A time ahead counts as that of the first look at it, which the status has once there was one.
func (v writeView) resolvedAt(writing lifecycle.Writing) time.Time {
	if !writing.At.After(v.now) {
		return writing.At.Time
	}
	cycles := v.incident.Status.Cycles
	if len(cycles) > 0 && cycles[len(cycles)-1].ResolvedBy == writing.By {
		return endOf(v.incident)
	}
	return v.now
}

// commentOf is what is written about a response. It is the same each time and, for its time, of no other response.
func commentOf(incident *v1alpha1.Incident, writing lifecycle.Writing) string {
	verb := "acknowledged"
	if writing.Kind == v1alpha1.WriteResolveComment {
		verb = "resolved"
	}
	by := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, writing.By)
	return fmt.Sprintf("Incident %s/%s was %s by %s at %s.", incident.Namespace, incident.Name, verb, by,
		writing.At.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// recordOf is what is remembered of a writing that has come to its end.
func recordOf(writing lifecycle.Writing, outcome v1alpha1.WriteOutcome, why string, now time.Time) v1alpha1.WriteRecord {
	return v1alpha1.WriteRecord{
		Kind: writing.Kind, By: writing.By, At: writing.At, Outcome: outcome, Message: cut(why), RecordedAt: metaTime(now),
	}
}

// cut is a message at the length that a record takes.
func cut(message string) string {
	if runes := []rune(message); len(runes) > messageLimit {
		return string(runes[:messageLimit-1]) + "…"
	}
	return message
}

// remember puts a record into those of an Incident, in place of an earlier one of its kind.
func remember(records []v1alpha1.WriteRecord, record v1alpha1.WriteRecord) []v1alpha1.WriteRecord {
	kept := slices.DeleteFunc(slices.Clone(records), func(r v1alpha1.WriteRecord) bool { return r.Kind == record.Kind })
	return append(kept, record)
}

// writtenBack is WrittenBack where nothing is left to be written: what was dropped comes first. Without a record it says nothing.
func writtenBack(records []v1alpha1.WriteRecord) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionWrittenBack, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonWritten}
	var told []string
	for _, record := range records {
		if record.Outcome != v1alpha1.OutcomeDropped {
			told = append(told, endingOf(record))
			continue
		}
		told = slices.Insert(told, 0, endingOf(record))
		condition.Status, condition.Reason = metav1.ConditionFalse, v1alpha1.ReasonDropped
	}
	condition.Message = sentence(strings.Join(told, "; "))
	return condition
}

// sentence is a text that begins as one.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// endingOf tells how a writing ended.
func endingOf(record v1alpha1.WriteRecord) string {
	what := nameOf(record.Kind)
	switch record.Outcome {
	case v1alpha1.OutcomeDropped:
		return fmt.Sprintf("%s was not written to Sentry: %s", what, record.Message)
	case v1alpha1.OutcomeNotNeeded:
		return fmt.Sprintf("%s was not needed in Sentry: %s", what, record.Message)
	default:
		return what + " was written to Sentry"
	}
}

// nameOf is what a human calls a writing.
func nameOf(kind v1alpha1.WriteKind) string {
	switch kind {
	case v1alpha1.WriteResolve:
		return "the resolve"
	case v1alpha1.WriteResolveComment:
		return "the comment on the resolve"
	default:
		return "the comment on the acknowledgement"
	}
}
