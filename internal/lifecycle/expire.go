package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	// MinRetention is how long a resolved Incident is kept at least, whatever its source's retention says.
	MinRetention = time.Hour
	// TestRetention is how long the Incident of a test notification is kept after it was made, resolved or not.
	TestRetention = time.Hour
)

// Retention is how long the resolved Incidents of one source are kept.
type Retention struct {
	// MaxAge is how long after its resolve an Incident is kept.
	MaxAge time.Duration
	// MaxResolved is how many resolved ones are kept at most.
	MaxResolved int
	// KeepsDisputed is true if the newest Incident of an alert is kept while it is disputed: were it gone, what Sentry's API says of
	// the issue would be news.
	KeepsDisputed bool
}

// Expire says which Incidents of one source have outlived their use, and when the next one will (zero: none is in
// sight). One of which somebody is still to be told stays. Of one alert key the lowest numbers go first, so that the
// numbers of those kept have no gap.
func Expire(incidents []Kept, retention Retention, now time.Time) (expired []*Kept, next time.Time) {
	queue, resolved := candidatesOf(incidents, retention)
	slices.SortStableFunc(queue, func(a, b candidate) int {
		return cmp.Or(a.resolvedAt.Compare(b.resolvedAt), cmp.Compare(a.incident.AlertKey, b.incident.AlertKey))
	})
	for _, c := range queue {
		due := c.due
		if surplus := !c.incident.Test && resolved > retention.MaxResolved; surplus {
			due = c.resolvedAt.Add(MinRetention)
		}
		switch {
		case !due.After(now):
			expired = append(expired, c.incident)
			if !c.incident.Test {
				resolved--
			}
		case next.IsZero() || due.Before(next):
			next = due
		}
	}
	return expired, next
}

// candidatesOf are the Incidents that will go one day, and how many of them are resolved ones.
func candidatesOf(incidents []Kept, retention Retention) (queue []candidate, resolved int) {
	for _, sameKey := range byAlertKey(incidents) {
		var earliest time.Time
		for i, incident := range sameKey {
			if incident.Test {
				queue = append(queue, candidate{incident, incident.Created.Add(TestRetention), time.Time{}})
				continue
			}
			isSpared := retention.KeepsDisputed && incident.Disputed && i == len(sameKey)-1
			if incident.Resolved == nil || isSpared {
				break
			}
			resolvedAt := incident.Resolved.Time
			if resolvedAt.Before(earliest) {
				resolvedAt = earliest
			}
			earliest = resolvedAt
			resolved++
			queue = append(queue, candidate{incident, resolvedAt.Add(max(retention.MaxAge, MinRetention)), resolvedAt})
		}
	}
	return queue, resolved
}

// candidate is an Incident that will go one day.
type candidate struct {
	incident   *Kept
	due        time.Time
	resolvedAt time.Time
}

// byAlertKey groups Incidents by alert key, each group in the order of its numbers.
func byAlertKey(incidents []Kept) map[v1alpha1.AlertKey][]*Kept {
	groups := map[v1alpha1.AlertKey][]*Kept{}
	for i := range incidents {
		key := incidents[i].AlertKey
		groups[key] = append(groups[key], &incidents[i])
	}
	for _, group := range groups {
		slices.SortFunc(group, func(a, b *Kept) int { return int(a.Number - b.Number) })
	}
	return groups
}

// hasPending tells whether somebody is still to be told of an Incident. It is given up after a day at the latest.
func hasPending(incident *v1alpha1.Incident) bool {
	return slices.ContainsFunc(incident.Status.Notifications, func(entry v1alpha1.Notification) bool {
		return entry.State == v1alpha1.NotificationPending
	})
}

// resolvedAt is when an Incident was last resolved, as its status says; false while it is unresolved, or its status
// does not speak of its spec yet.
func resolvedAt(incident *v1alpha1.Incident) (time.Time, bool) {
	cycles := incident.Status.Cycles
	if incident.Status.ObservedGeneration != incident.Generation || len(cycles) == 0 || cycles[len(cycles)-1].ResolvedAt == nil {
		return time.Time{}, false
	}
	return cycles[len(cycles)-1].ResolvedAt.Time, true
}
