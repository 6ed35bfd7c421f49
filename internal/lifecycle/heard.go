package lifecycle

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// ActionSilence is the action of the signal by which the operator resolves an Incident of which nothing was heard for
// its source's autoResolveAfter.
const ActionSilence = "silence"

// ActionAcknowledgementTimeout is the action of the signal by which the operator withdraws an acknowledgement that is older
// than the escalation policy's ackTimeout.
const ActionAcknowledgementTimeout = "acknowledgement-timeout"

// What else signals are told apart by: Sentry's action, and what responders do.
const (
	actionUnresolved  = "unresolved"
	actionAssigned    = "assigned"
	actionArchived    = "archived"
	actionAcknowledge = "acknowledge"
	actionSnooze      = "snooze"
)

// substatusRegressed is Sentry's word for an issue that was resolved and has come again.
const substatusRegressed = "regressed"

// Heard is one signal on its way to an Incident, before Route has judged it.
type Heard struct {
	// Signal is what was heard, its effect still empty, its time that of the sender. An Alert that cannot speak for the present,
	// because its own payload says resolved, is an Update here.
	Signal v1alpha1.Signal `json:"signal"`
	// Untimed is true if the sender named no usable time: then the arrival stands in for it.
	Untimed bool `json:"untimed,omitempty"`
	// Orphaned is true for a Resolve that found no Incident before, or may have, and is judged again: its Alert may have arrived
	// on another replica, before it or after it.
	Orphaned bool `json:"-"`
	// Facts are what the signal tells of the issue.
	Facts Facts `json:"facts,omitzero"`
	// Acknowledged is the time that the acknowledgement which has timed out bears in the spec (see AcknowledgementOf), for a signal
	// of that action. Any other acknowledgement stays.
	Acknowledged time.Time `json:"acknowledged,omitzero"`
	// Test is true for a test notification.
	Test bool `json:"test,omitempty"`
	// Asked is the moment that Sentry's answer speaks of, by the operator's clock. Only a signal by Resync has it.
	Asked time.Time `json:"asked,omitzero"`
	// Changed is when, by the operator's clock, Sentry's activity says that the issue last became unresolved, or worse; zero if that
	// is not known. Only a signal by Resync needs it.
	Changed time.Time `json:"changed,omitzero"`
	// Merged is what became of an issue that was merged into this one; nil if none was.
	Merged *Merged `json:"merged,omitempty"`
}

// Merged is what the Incident of a merged issue hands on.
type Merged struct {
	// AcknowledgedBy and AcknowledgedAt tell who had answered; empty and zero if nobody had.
	AcknowledgedBy string      `json:"acknowledgedBy,omitempty"`
	AcknowledgedAt metav1.Time `json:"acknowledgedAt,omitzero"`
	// Pages is true if people are being paged of it: then the alert opens again, whoever resolved it.
	Pages bool `json:"pages,omitempty"`
}

// Facts are what one signal tells of an issue: nil for what it does not carry, "" for what it clears.
type Facts struct {
	ID        *string `json:"id,omitempty"`
	ShortID   *string `json:"shortID,omitempty"`
	Title     *string `json:"title,omitempty"`
	Culprit   *string `json:"culprit,omitempty"`
	Level     *string `json:"level,omitempty"`
	Status    *string `json:"status,omitempty"`
	Substatus *string `json:"substatus,omitempty"`
	Project   *string `json:"project,omitempty"`
	ProjectID *string `json:"projectID,omitempty"`
	Platform  *string `json:"platform,omitempty"`
	URL       *string `json:"url,omitempty"`
	Assignee  *string `json:"assignee,omitempty"`

	// FirstSeen is when Sentry first saw the issue; nil if the signal does not say.
	FirstSeen *metav1.Time `json:"firstSeen,omitempty"`
}

// regressed tells whether Sentry says that the issue was resolved and has come again.
func (f Facts) regressed() bool { return ptr.Deref(f.Substatus, "") == substatusRegressed }

// Refresh brings an issue up to date with what a signal tells of it.
func (f Facts) Refresh(issue *v1alpha1.Issue) {
	for _, fact := range []struct {
		to   *string
		from *string
	}{
		{&issue.ID, f.ID},
		{&issue.ShortID, f.ShortID},
		{&issue.Title, f.Title},
		{&issue.Culprit, f.Culprit},
		{&issue.Level, f.Level},
		{&issue.Status, f.Status},
		{&issue.Substatus, f.Substatus},
		{&issue.Project, f.Project},
		{&issue.ProjectID, f.ProjectID},
		{&issue.Platform, f.Platform},
		{&issue.URL, f.URL},
		{&issue.Assignee, f.Assignee},
	} {
		if fact.from != nil {
			*fact.to = *fact.from
		}
	}
	if f.FirstSeen != nil {
		issue.FirstSeen = f.FirstSeen
	}
}

// Rules are what Route judges by besides signals: parts of the AlertSource, and what an Incident's spec does not tell.
type Rules struct {
	// Restored is when the latest Incident was restored from a backup; zero if it was not.
	Restored time.Time
	// Deleted is true if the latest Incident is being deleted: nothing is recorded in it any more.
	Deleted bool
	// ReopenWindow is the time after a resolve within which an Alert reopens the same Incident; 0: never.
	ReopenWindow time.Duration
	// AutoResolveAfter is the silence after which an Incident resolves; 0: never.
	AutoResolveAfter time.Duration
	// Levels are the priorities of issues for which Sentry names none, where the defaults do not fit.
	Levels map[string]v1alpha1.Priority
}

func (r Rules) priority(level string) v1alpha1.Priority {
	if priority, ok := r.Levels[level]; ok {
		return priority
	}
	switch level {
	case "fatal":
		return v1alpha1.PriorityCritical
	case "error":
		return v1alpha1.PriorityHigh
	case "warning":
		return v1alpha1.PriorityMedium
	default:
		return v1alpha1.PriorityLow
	}
}
