package resync

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/meaning"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// What Sentry would have called the change in a webhook; actionChanged is for what it tells by none.
const (
	actionCreated    = "created"
	actionResolved   = "resolved"
	actionUnresolved = "unresolved"
	actionArchived   = "archived"
	actionAssigned   = "assigned"
	actionChanged    = "changed"
)

// Sentry's words that matter here.
const (
	substatusOngoing    = "ongoing"
	substatusRegressed  = "regressed"
	substatusEscalating = "escalating"
	categoryError       = "error"
)

// settleAfter is how long after a signal of an alert Sentry is asked for it again: an answer must be so much newer than the signal that
// lifecycle.Settling lets it count, though it speaks of an earlier moment than that at which it comes.
const settleAfter = lifecycle.Settling + 4*time.Second

// verdict is what to do about an issue.
type verdict int

const (
	// doNothing: nothing is to be done: what is recorded is what Sentry says.
	doNothing verdict = iota
	// doTell hands the difference in.
	doTell
	// doAsk asks for the issue singly: whether it is news its activity alone tells.
	doAsk
	// doWait asks for the issue singly a little later: something was heard of it just now.
	doWait
)

// difference is what an issue differs in from what is recorded of it.
type difference struct {
	verdict verdict
	// action is the one that the missed webhook would have named.
	action string
	// opens is true if it is to begin a cycle.
	opens bool
	// rank orders what is to be asked for, the lowest first.
	rank rank
}

// rank is how urgent it is to ask for an issue.
type rank int

const (
	// rankNews is for what probably is news.
	rankNews rank = iota
	// rankDisputed is for what others than Sentry resolved.
	rankDisputed
	// rankOngoing is for what probably is old.
	rankOngoing
)

// judge says what an issue differs in, as Sentry's API shows it. The issue is judged by its own status, whatever was asked for.
func (v view) judge(issue sentry.Issue) difference {
	found := v.compare(issue)
	if found.verdict != doNothing && !v.isSettled() {
		found.verdict = doWait
	}
	return found
}

func (v view) compare(issue sentry.Issue) difference {
	status := issue.Status.Value
	switch {
	case v.latest != nil && v.latest.Spec.Test, v.latest != nil && v.latest.DeletionTimestamp != nil:
		return difference{}
	case v.isOpen():
		return v.compareOpen(issue)
	case status == lifecycle.StatusUnresolved:
		return v.compareClosed(issue)
	case status == lifecycle.StatusResolved && v.latest != nil && lifecycle.IsDisputed(v.latest):
		return v.wanted(difference{verdict: doTell, action: actionResolved}, issue)
	default:
		return difference{}
	}
}

// compareOpen compares with an Incident that is open.
func (v view) compareOpen(issue sentry.Issue) difference {
	found := difference{verdict: doTell, action: v.missedAction(issue)}
	switch {
	case found.action == "":
		return difference{}
	case found.action != actionResolved && v.eventOf(found, issue) == "":
		// The action is ignored, and what else Sentry says of the issue is not.
		found.action = actionChanged
	case found.action == actionUnresolved && lifecycle.IsQuiet(v.latest):
		found.verdict = doAsk
	}
	return v.wanted(found, issue)
}

// missedAction is what Sentry would have called the change of an issue whose Incident is open, "" if there is none. While an issue is
// being merged, deleted or processed anew there is none: that has another end.
func (v view) missedAction(issue sentry.Issue) string {
	known, status := v.latest.Spec.Issue, issue.Status.Value
	isNamed := issue.Assignee.Present && issue.Assignee.Value != ""
	switch {
	case status == lifecycle.StatusResolved:
		return actionResolved
	case status == lifecycle.StatusArchived && known.Status != lifecycle.StatusArchived:
		return actionArchived
	case status == lifecycle.StatusUnresolved && hasComeBack(known, issue):
		return actionUnresolved
	case status != lifecycle.StatusUnresolved && status != lifecycle.StatusArchived && status != "":
		return ""
	case isNamed && issue.Assignee.Value != known.Assignee:
		return actionAssigned
	case differs(v.latest.Spec, issue):
		return actionChanged
	default:
		return ""
	}
}

// hasComeBack tells whether an issue became unresolved, or worse, since it was last heard of.
func hasComeBack(known v1alpha1.Issue, issue sentry.Issue) bool {
	if known.Status != "" && known.Status != lifecycle.StatusUnresolved {
		return true
	}
	substatus := issue.Substatus.Value
	isWorse := substatus == substatusRegressed || substatus == substatusEscalating
	return isWorse && known.Substatus != "" && known.Substatus != substatus
}

// differs tells whether Sentry says anything of an issue that is not recorded.
func differs(spec v1alpha1.IncidentSpec, issue sentry.Issue) bool {
	is := spec.Issue
	meaning.Facts(issue).Refresh(&is)
	// Which page of the issue is linked makes no difference, and lists do not tell when it was first seen.
	is.URL, is.FirstSeen = spec.Issue.URL, spec.Issue.FirstSeen
	priority := meaning.IssuePriority(issue)
	return is != spec.Issue || priority != "" && priority != spec.Priority
}

// compareClosed compares an unresolved issue with an Incident that is over, or with none.
func (v view) compareClosed(issue sentry.Issue) difference {
	if !opensByItself(v.source, issue) {
		return difference{}
	}
	found := difference{verdict: doAsk, action: actionUnresolved, opens: true}
	switch {
	case v.latest == nil:
		found.action, found.rank = actionCreated, rankNews
		if issue.Substatus.Value == substatusOngoing {
			found.rank = rankOngoing
		}
	case isEndedByOthers(v.latest):
		found.rank = rankDisputed
	}
	return v.wanted(found, issue)
}

// opensByItself tells whether an issue of that category opens an Incident without a webhook: errors do and, of others, those that the
// source's mapping names.
func opensByItself(source *v1alpha1.AlertSource, issue sentry.Issue) bool {
	category := issue.Category.Value
	_, isNamed := source.Spec.Mapping.Categories[category]
	return category == "" || category == categoryError || isNamed
}

// wanted is a difference that the source wants to hear of, else nothing.
func (v view) wanted(found difference, issue sentry.Issue) difference {
	event := v.eventOf(found, issue)
	isEnd := event == v1alpha1.SignalResolve
	switch {
	case event == "", found.opens && event != v1alpha1.SignalAlert:
		return difference{}
	case isEnd:
		return found
	case v.source.Spec.Suspend, !v.source.LetsPass(projectsOf(issue)...):
		return difference{}
	default:
		return found
	}
}

func projectsOf(issue sentry.Issue) []string {
	if issue.Project.Value == "" {
		return nil
	}
	return []string{issue.Project.Value}
}

// eventOf is what a difference means to the source; empty if nothing. Only what opens, or comes back, is an Alert: what is archived or
// assigned opens nothing here.
func (v view) eventOf(found difference, issue sentry.Issue) v1alpha1.SignalEvent {
	if found.action == actionChanged {
		return v1alpha1.SignalUpdate
	}
	meant, _ := meaning.OfIssue(v.source.Spec.Mapping, found.action, issue.Category.Value)
	switch {
	case meant == v1alpha1.MeaningIgnore:
		return ""
	case meant == v1alpha1.MeaningAlert && (found.action == actionArchived || found.action == actionAssigned):
		return v1alpha1.SignalUpdate
	default:
		return v1alpha1.SignalEvent(meant)
	}
}

// heard is a difference as Route takes it.
func (v view) heard(found difference, issue sentry.Issue) lifecycle.Heard {
	return lifecycle.Heard{
		Signal: v1alpha1.Signal{
			Time: metav1.NewMicroTime(v.sent.Truncate(time.Microsecond)), Event: v.eventOf(found, issue), Action: found.action,
			By: v1alpha1.ByResync, Priority: meaning.IssuePriority(issue),
		},
		Asked: v.asked, Facts: meaning.Facts(issue),
	}
}
