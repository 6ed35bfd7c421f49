package lifecycle

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// tellResolved tells whoever was paged, and has not heard of the end of the last cycle that is over. If the next one goes on
// already, a page outdoes that, and then it is not told again. If the Incident or its source is being deleted, the cycle that
// goes on counts as over.
func (l *ledger) tellResolved() {
	over := l.cycle()
	if l.Is.State != v1alpha1.StateResolved && !l.Plan.Closing {
		over--
	}
	for _, channel := range l.awaiting(over) {
		l.tellEnd(channel, over)
	}
}

// tellLeaving tells channels that are being deleted that the cycle is over, whatever becomes of it.
func (l *ledger) tellLeaving() {
	for _, channel := range l.awaiting(l.cycle()) {
		if l.Plan.Leaving[channel] {
			l.tellEnd(channel, l.cycle())
		}
	}
}

// tellEnd tells a channel that a cycle is over, unless something that says so, or more, was added since it was told of it.
func (l *ledger) tellEnd(channel string, over int32) {
	sequence, isDone := over, false
	for _, entry := range l.entries {
		switch {
		case entry.Channel != channel:
		case entry.Kind == v1alpha1.KindResolved:
			sequence = max(sequence, entry.Sequence+1)
			isDone = isDone || entry.Cycle >= over && entry.State != v1alpha1.NotificationSuperseded
		case entry.Cycle > over:
			isDone = true
		case isTold(entry):
			isDone = false
		}
	}
	if !isDone {
		l.add(v1alpha1.Notification{
			Cycle: over, Channel: channel, Kind: v1alpha1.KindResolved, Sequence: sequence, DueAt: metav1.NewMicroTime(l.Now),
		})
	}
}

// IsOpenAt tells whether a channel was told of an Incident, and not of its end: nothing tells it then that it is over but the
// Incident's own ledger. An empty name stands for any channel.
func IsOpenAt(incident *v1alpha1.Incident, channel string) bool {
	l := &ledger{Situation: Situation{Is: incident.Status}, entries: incident.Status.Notifications}
	open := l.awaiting(l.cycle())
	for _, entry := range l.entries {
		// A page under way may arrive, and an end that is not told yet is none.
		isUnderWay := entry.State == v1alpha1.NotificationPending && (entry.SendBefore != nil || entry.Kind == v1alpha1.KindResolved)
		if isUnderWay {
			open = append(open, entry.Channel)
		}
	}
	return len(open) > 0 && (channel == "" || slices.Contains(open, channel))
}

func isNoEnd(entry v1alpha1.Notification) bool { return entry.Kind != v1alpha1.KindResolved }
