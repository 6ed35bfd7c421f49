package lifecycle

import (
	"slices"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	// RepeatEvery is how often a channel that must be told again and again is told how things stand.
	RepeatEvery = time.Minute
	// repeatResolved is for how long it is told that something is over.
	repeatResolved = 15 * time.Minute
)

// Standing is the notification by which a channel that must be told again and again is told how an Incident stands: a Page
// while it is open, an Update while somebody has answered, a Resolved for a while after it is over. False: it need not hear.
func Standing(incident *v1alpha1.Incident, channel string, now time.Time) (entry v1alpha1.Notification, must bool) {
	is, _ := Fold(&incident.Spec, now)
	l := &ledger{Situation: Situation{Spec: &incident.Spec, Is: is, Now: now}, entries: incident.Status.Notifications}
	if slices.Contains(l.awaiting(l.cycle()), channel) {
		entry = v1alpha1.Notification{Cycle: l.cycle(), Run: 1, Channel: channel, Kind: v1alpha1.KindPage, Priority: incident.Spec.Priority}
		if isHeld(is.State) {
			entry.Kind = v1alpha1.KindUpdate
		}
		// One that was told in an earlier cycle alone is told of its end, or of a page, any moment.
		return entry, is.State != v1alpha1.StateResolved && slices.Contains(l.told(l.cycle()), channel)
	}
	place := -1
	for i, known := range l.entries {
		if known.Channel == channel && known.Kind == v1alpha1.KindResolved && known.State == v1alpha1.NotificationSent {
			place = i
		}
	}
	if place < 0 || !repeatedUntil(l.entries[place]).After(now) {
		return v1alpha1.Notification{}, false
	}
	return l.entries[place], true
}

// RepeatedUntil is until when channels that must be told again and again are told that an Incident is over; zero if nobody was
// told.
func RepeatedUntil(incident *v1alpha1.Incident) time.Time {
	var last time.Time
	for _, entry := range incident.Status.Notifications {
		if entry.Kind == v1alpha1.KindResolved && entry.State == v1alpha1.NotificationSent {
			last = later(last, repeatedUntil(entry))
		}
	}
	return last
}

// repeatedUntil is until when an end that was told is told again; zero if its entry does not say when that was, as one that
// somebody wrote by hand may not.
func repeatedUntil(entry v1alpha1.Notification) time.Time {
	if entry.ClosedAt == nil {
		return time.Time{}
	}
	return entry.ClosedAt.Add(repeatResolved)
}
