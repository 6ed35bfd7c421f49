package webhook

import (
	"math"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/meaning"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// Why an authentic webhook is not for us.
const (
	ignoredForm        = "settings_form"
	ignoredResource    = "resource"
	ignoredAction      = "action"
	ignoredID          = "id"
	ignoredProject     = "project"
	ignoredMapping     = "mapping"
	ignoredSuspended   = "suspended"
	ignoredTerminating = "terminating"
	ignoredNothingOpen = "nothing_open"
)

// verdict is what a webhook is to its source: a signal of an alert key or, with a reason, nothing.
type verdict struct {
	key     v1alpha1.AlertKey
	heard   lifecycle.Heard
	ignored string
}

// classify says what a notice is to a source. The hook time is the header Sentry-Hook-Timestamp as it came.
func classify(source *v1alpha1.AlertSource, notice sentry.Notice, hookTime string, arrival time.Time) verdict {
	key, of, reason := subject(notice)
	if reason != "" {
		return verdict{ignored: reason}
	}
	means, known := of(source.Spec.Mapping, notice.Action, notice.Issue.Category.Value)
	if !known {
		return verdict{key: key, ignored: ignoredAction}
	}
	if reason := unwanted(source, notice, means); reason != "" {
		return verdict{key: key, ignored: reason}
	}
	heard := lifecycle.Heard{
		Signal: v1alpha1.Signal{
			ReceivedAt: metav1.NewMicroTime(arrival.Truncate(time.Microsecond)),
			Event:      signalEvent(means, notice),
			Action:     notice.Action,
			By:         v1alpha1.BySentry,
			Priority:   priority(notice),
			Rule:       notice.Rule,
		},
		Facts: meaning.Facts(notice.Issue),
		Test:  notice.Sample,
	}
	heard.Signal.Time, heard.Untimed = signalTime(hookTime, notice.EventReceived, heard.Signal.ReceivedAt)
	return verdict{key: key, heard: heard}
}

// meaningOf says what an action means to a source.
type meaningOf func(mapping v1alpha1.Mapping, action, category string) (meaning v1alpha1.Meaning, known bool)

// subject is the alert that a notice speaks of, and what actions mean there; else the reason why there is none.
func subject(notice sentry.Notice) (key v1alpha1.AlertKey, of meaningOf, reason string) {
	switch {
	case notice.Subject == sentry.SubjectNone:
		return "", nil, ignoredResource
	case !sentry.ValidID(notice.Issue.ID):
		return "", nil, ignoredID
	case notice.Subject == sentry.SubjectMetric:
		return v1alpha1.MetricKey(notice.Issue.ID), meaning.OfMetric, ""
	default:
		return v1alpha1.IssueKey(notice.Issue.ID), meaning.OfIssue, ""
	}
}

// unwanted is why a source does not want a notice. A Resolve is always wanted: it can only end what is open.
func unwanted(source *v1alpha1.AlertSource, notice sentry.Notice, means v1alpha1.Meaning) string {
	switch {
	case means == v1alpha1.MeaningIgnore:
		return ignoredMapping
	case means == v1alpha1.MeaningResolve:
		return ""
	case !source.DeletionTimestamp.IsZero():
		return ignoredTerminating
	case source.Spec.Suspend:
		return ignoredSuspended
	case !source.LetsPass(notice.Projects...):
		return ignoredProject
	default:
		return ""
	}
}

// signalEvent is the meaning as a signal. Sentry serialises an issue when it sends: an Alert that says resolved comes after
// the resolve that it does not mention, and must neither open nor reopen.
func signalEvent(means v1alpha1.Meaning, notice sentry.Notice) v1alpha1.SignalEvent {
	if means == v1alpha1.MeaningAlert && notice.Issue.Status.Value == "resolved" {
		return v1alpha1.SignalUpdate
	}
	return v1alpha1.SignalEvent(means)
}

func priority(notice sentry.Notice) v1alpha1.Priority {
	if notice.Subject == sentry.SubjectMetric {
		return meaning.MetricPriority(notice.Action)
	}
	return meaning.IssuePriority(notice.Issue)
}

// signalTime is the time of sending, for an event_alert the earlier time at which Sentry received the event. Route bounds it: the
// header is not signed. Where the sender's time is absent or unreadable, it is the arrival, and untimed.
func signalTime(hookTime string, eventReceived *time.Time, arrival metav1.MicroTime) (at metav1.MicroTime, untimed bool) {
	sent, ok := unixTime(hookTime)
	if !ok {
		return arrival, true
	}
	if eventReceived != nil && eventReceived.Before(sent) {
		sent = *eventReceived
	}
	return metav1.NewMicroTime(sent.Truncate(time.Microsecond)), false
}

// unixTime reads seconds since 1970, with or without a fraction.
func unixTime(text string) (time.Time, bool) {
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(seconds) || seconds <= 0 || seconds > math.MaxInt32*2 {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC(), true
}
