package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	// gatherFor is how long the first summary of a storm gathers.
	gatherFor = 2 * time.Second
	// nameWithin is how long an Incident that is Critical waits in a storm until a summary names it and those that came since.
	// With what a send takes, people know of it within 10 s.
	nameWithin = 8 * time.Second
)

// Due is something that an Incident has for a channel, whose time has come.
type Due struct {
	// Incident that it is about.
	Incident types.NamespacedName
	// Priority of the Incident.
	Priority v1alpha1.Priority
	// Kind of the notification.
	Kind v1alpha1.NotificationKind
	// First is true if the channel heard nothing of the Incident so far.
	First bool
	// At is when it was due.
	At time.Time
	// Since is when it began to wait for its turn.
	Since time.Time
}

// Limit is how many messages go singly.
type Limit struct {
	// Burst is how many there are within Per; 0: all of them.
	Burst int
	// Per is the time within which they are counted.
	Per time.Duration
}

// Dispatched is a message that a channel was sent.
type Dispatched struct {
	// At is when.
	At time.Time
	// Critical is true if it was a page of an Incident that is Critical.
	Critical bool
	// Summary is true if it was a summary.
	Summary bool
}

// Next is what a channel is told next.
type Next struct {
	// Single are told singly, in this order.
	Single []Due
	// Gathered are told in one summary, in this order.
	Gathered []Due
	// Again is when to ask again for what is left; zero: when something happens.
	Again time.Time
}

// Dispatch says what of that which is due a channel is told now, given what it was told before. Within the limit messages
// go singly: pages that are Critical first, first pages before repeated ones and those before the rest; half of the burst is
// kept for what is Critical. The rest is gathered: the first summary goes gatherFor after there is a rest, the next ones Per
// apart, or earlier if one that is Critical would have to wait for more than nameWithin.
func Dispatch(due []Due, limit Limit, before []Dispatched, now time.Time) Next {
	due = slices.Clone(due)
	slices.SortStableFunc(due, compareDue)
	if limit.Burst == 0 {
		return Next{Single: due}
	}
	quota := quotaOf(limit, before, now)
	for _, one := range due {
		if IsCriticalPage(one) {
			quota.critical++
		}
	}
	var next Next
	for _, one := range due {
		if quota.take(IsCriticalPage(one), len(next.Gathered) > 0, now) {
			next.Single = append(next.Single, one)
			continue
		}
		next.Gathered = append(next.Gathered, one)
	}
	if len(next.Gathered) == 0 {
		return next
	}
	if at := quota.summaryAt(next.Gathered, now); at.After(now) {
		next.Gathered, next.Again = nil, at
		if quota.free.After(now) {
			next.Again = earlier(at, quota.free)
		}
	}
	return next
}

// quota counts what may still go singly.
type quota struct {
	limit Limit
	// all and others are the messages within Per, and those of them that were not Critical.
	all, others int
	// summary is when the last summary went, and storm is true if that was within Per.
	summary time.Time
	storm   bool
	// named is when one that is Critical was last named, or could have been.
	named time.Time
	// critical is how many of those wait.
	critical int
	// free is when the oldest message leaves Per.
	free time.Time
}

func quotaOf(limit Limit, before []Dispatched, now time.Time) quota {
	q := quota{limit: limit}
	for _, message := range before {
		if message.Critical || message.Summary {
			q.named = later(q.named, message.At)
		}
		if message.Summary {
			q.summary = later(q.summary, message.At)
		}
		leaves := message.At.Add(limit.Per)
		if !leaves.After(now) {
			continue
		}
		if q.free.IsZero() || leaves.Before(q.free) {
			q.free = leaves
		}
		q.all++
		if !message.Critical {
			q.others++
		}
		q.storm = q.storm || message.Summary
	}
	return q
}

// take takes one message off the quota, if there is one left. In a storm, what is Critical goes singly only if it is the only
// one and none was named just before: one by one, the burst would be used up before the storm is over.
func (q *quota) take(critical, gathering bool, now time.Time) bool {
	most := q.limit.Burst
	kept := most / 2
	switch {
	case q.all >= most:
		return false
	case critical:
		if q.storm && (q.critical > 1 || now.Before(q.named.Add(nameWithin))) {
			return false
		}
		q.named = now
	case gathering, q.storm, q.others >= most-kept:
		return false
	default:
		q.others++
	}
	q.all++
	return true
}

// summaryAt is when the next summary goes.
func (q *quota) summaryAt(gathered []Due, now time.Time) time.Time {
	oldest, critical := now, time.Time{}
	for _, one := range gathered {
		oldest = earlier(oldest, one.Since)
		if IsCriticalPage(one) && (critical.IsZero() || one.At.Before(critical)) {
			critical = one.At
		}
	}
	at := later(oldest.Add(gatherFor), q.summary.Add(q.limit.Per))
	if !critical.IsZero() {
		at = earlier(at, later(critical.Add(nameWithin), q.named.Add(gatherFor)))
	}
	return at
}

// IsCriticalPage tells whether something is a page of an Incident that is Critical.
func IsCriticalPage(due Due) bool {
	return due.Kind == v1alpha1.KindPage && due.Priority == v1alpha1.PriorityCritical
}

// compareDue puts first what is to be told first.
func compareDue(a, b Due) int {
	return cmp.Or(
		-compareTrue(IsCriticalPage(a), IsCriticalPage(b)),
		-compareTrue(a.Kind == v1alpha1.KindPage && a.First, b.Kind == v1alpha1.KindPage && b.First),
		-compareTrue(a.Kind == v1alpha1.KindPage, b.Kind == v1alpha1.KindPage),
		-cmp.Compare(rank(a.Priority), rank(b.Priority)),
		a.At.Compare(b.At),
		cmp.Compare(a.Incident.Namespace, b.Incident.Namespace),
		cmp.Compare(a.Incident.Name, b.Incident.Name),
	)
}

func compareTrue(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// NextDue is what an Incident has next for a channel, and when it may be tried; false: nothing.
func NextDue(incident *v1alpha1.Incident, channel string, now time.Time) (due Due, at time.Time, has bool) {
	entries := incident.Status.Notifications
	place, again := Claim(slices.Clone(entries), channel, now)
	switch {
	case place >= 0:
		at = now
	case again.IsZero():
		return Due{}, time.Time{}, false
	default:
		place, at = pendingOf(entries, channel), again
	}
	heard := slices.ContainsFunc(entries, func(entry v1alpha1.Notification) bool {
		return entry.Channel == channel && (entry.State == v1alpha1.NotificationSent || entry.MayHaveArrived)
	})
	return Due{
		Incident: types.NamespacedName{Namespace: incident.Namespace, Name: incident.Name},
		Priority: incident.Spec.Priority, Kind: entries[place].Kind, First: !heard, At: entries[place].DueAt.Time,
	}, at, true
}

// History is what a channel was told of some Incidents within a time, as their ledgers say: after a restart the limit goes on
// from there.
func History(incidents []v1alpha1.Incident, channel string, since time.Time) []Dispatched {
	var history []Dispatched
	summaries := map[time.Time]bool{}
	for i := range incidents {
		for _, entry := range incidents[i].Status.Notifications {
			isSent := entry.Channel == channel && entry.State == v1alpha1.NotificationSent
			if !isSent || entry.ClosedAt == nil || !entry.ClosedAt.After(since) {
				continue
			}
			at := entry.ClosedAt.Time
			if entry.Gathered && summaries[at] {
				continue
			}
			summaries[at] = entry.Gathered
			history = append(history, Dispatched{
				At: at, Summary: entry.Gathered,
				Critical: entry.Kind == v1alpha1.KindPage && entry.Priority == v1alpha1.PriorityCritical,
			})
		}
	}
	return history
}
