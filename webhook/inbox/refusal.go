package inbox

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/panics"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// refusal is why signals of a queue's batch were not recorded, for which another try at once is vain; without a reason, none was.
type refusal struct {
	key             store.Key
	reason, message string
	// isShared is true if signals were refused of which perhaps only one is at fault.
	isShared bool
	// alone is the signal that was refused by itself, nil if none was.
	alone *letter
	// isRecorded is true if anything was recorded.
	isRecorded bool
}

func (r refusal) isAlone(one *letter) bool { return one == r.alone }

// trouble is what keeps the signals of a source from being recorded, since when, and when that last showed.
type trouble struct {
	since, at       time.Time
	reason, message string
	// queues are those that have signals which wait for that reason.
	queues map[*queue]bool
}

// written is when Incidents were last written in a namespace.
type written struct {
	// key is the alert of the last write, at its time, and before the time of the last one of any other alert.
	key        store.Key
	at, before time.Time
}

// Problem is what keeps the signals of a source from being recorded.
type Problem struct {
	// Since is when the first of them was refused.
	Since time.Time
	// Reason in one word, and Message as the API server said it.
	Reason, Message string
	// Alerts is how many alerts have signals that wait.
	Alerts int
}

// Problems are the sources of which signals are not recorded. Where none waits, as without a disk, that is so until one is
// recorded, but for an hour at most.
func (b *Inbox) Problems() map[types.NamespacedName]Problem {
	b.mu.Lock()
	defer b.mu.Unlock()
	problems := make(map[types.NamespacedName]Problem, len(b.troubles))
	for source, known := range b.troubles {
		if len(known.queues) == 0 && b.clock.Since(known.at) > v1alpha1.IntakeMemory {
			delete(b.troubles, source)
			continue
		}
		problems[source] = Problem{known.since, known.reason, known.message, len(known.queues)}
	}
	return problems
}

// noteRefusal sees why signals of a batch were refused, and whether one of them was by itself. It needs the lock.
func (b *Inbox) noteRefusal(q *queue, outcomes map[*letter]store.Outcome) refusal {
	found := refusal{key: q.key}
	var failed []*letter
	q.refused = false
	for _, one := range q.batch {
		outcome, isKnown := outcomes[one]
		switch reason := reasonOf(outcome.Err); {
		case !isKnown:
		case outcome.Err == nil:
			found.isRecorded = true
			if outcome.Incident != "" {
				b.noteWritten(q.key)
			}
		case reason != "":
			found.reason, found.message = reason, cut(outcome.Err.Error())
			failed = append(failed, one)
		}
	}
	switch {
	case len(failed) == 0:
		q.size = min(2*q.size, maxBatch)
		if q.size == maxBatch {
			q.size = 0
		}
	case found.reason != v1alpha1.ReasonInvalid && found.reason != v1alpha1.ReasonPanicked:
		q.refused, q.size = true, 0
	case len(failed) > 1:
		found.isShared, q.size = true, max(len(failed)/2, 1)
	default:
		found.alone, q.size = failed[0], 0
	}
	return found
}

// reasonOf is why another try at once is vain; empty if it is not.
func reasonOf(err error) string {
	if panics.Is(err) {
		return v1alpha1.ReasonPanicked
	}
	return string(store.RefusalOf(err))
}

func cut(message string) string {
	if runes := []rune(message); len(runes) > maxProblem {
		return string(runes[:maxProblem-1]) + "…"
	}
	return message
}

// putAside lets a letter that was refused by itself wait for its next try, and those behind it go on without it. It needs the lock.
func (b *Inbox) putAside(q *queue, one *letter) {
	if !one.alone {
		one.alone, one.refusedAt = true, b.clock.Now()
		setAside.WithLabelValues(asideRefused).Inc()
	}
	one.refusals++
	q.aside = append(q.aside, one)
	b.after(b.backoff(one.refusals), func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		q.aside = slices.DeleteFunc(q.aside, func(known *letter) bool { return known == one })
		if one.settled {
			return
		}
		q.waiting = append([]*letter{one}, q.waiting...)
		b.lineUp(q)
	})
}

// noteSettled takes note that nothing is left to be done about a letter. It needs the lock.
func (b *Inbox) noteSettled(one *letter) {
	one.settled = true
	if one.alone {
		setAside.WithLabelValues(asideRefused).Dec()
	}
}

// isHopeless tells whether a letter on disk is refused for ever: by itself, for invalidMemory, while Incidents of other alerts are
// written in its namespace. Until the CRDs are brought up to date, none may be.
func (b *Inbox) isHopeless(one *letter, refusal refusal) bool {
	return refusal.isAlone(one) && refusal.reason == v1alpha1.ReasonInvalid && one.alone &&
		b.clock.Since(one.refusedAt) > invalidMemory && b.othersWritten(refusal.key).After(one.refusedAt)
}

func (b *Inbox) noteWritten(key store.Key) {
	known := b.written[key.Source.Namespace]
	if known.key != key {
		known.key, known.before = key, known.at
	}
	known.at = b.clock.Now()
	b.written[key.Source.Namespace] = known
}

// forgetWritten forgets the writes that are too old to tell of a signal that is refused now. It needs the lock.
func (b *Inbox) forgetWritten() {
	for namespace, known := range b.written {
		if b.clock.Since(known.at) > 2*invalidMemory {
			delete(b.written, namespace)
		}
	}
}

// othersWritten is when an Incident of another alert was last written in an alert's namespace; zero: never.
func (b *Inbox) othersWritten(key store.Key) time.Time {
	known := b.written[key.Source.Namespace]
	if known.key == key {
		return known.before
	}
	return known.at
}

// noteTrouble takes note of whether a queue has signals that cannot be recorded. Once one of its source could be, some of those that
// wait are tried again at once, and more the more succeed. It needs the lock.
func (b *Inbox) noteTrouble(q *queue, refusal refusal) {
	known := b.troubles[q.key.Source]
	isStuck := q.refused && len(q.waiting) > 0 || len(q.aside) > 0
	switch {
	case refusal.reason != "" && !refusal.isShared:
		known = b.troubleOf(q.key.Source)
		known.at, known.reason, known.message = b.clock.Now(), refusal.reason, refusal.message
	case known == nil:
		return
	}
	if isStuck {
		known.queues[q] = true
	} else {
		delete(known.queues, q)
	}
	if refusal.isRecorded {
		b.release(known)
	}
	if len(known.queues) == 0 && refusal.reason == "" {
		delete(b.troubles, q.key.Source)
	}
}

// troubleOf is what keeps the signals of a source from being recorded, from now on if nothing has so far. It needs the lock.
func (b *Inbox) troubleOf(source types.NamespacedName) *trouble {
	known := b.troubles[source]
	if known == nil {
		known = &trouble{since: b.clock.Now(), queues: map[*queue]bool{}}
		b.troubles[source] = known
	}
	return known
}

// release lets some of the queues that wait be tried at once. It looks at a few, in no order, so that it takes no time where thousands
// are in line already. It needs the lock.
func (b *Inbox) release(known *trouble) {
	looked, released := 0, 0
	for q := range known.queues {
		if looked == maxLooked || released == releasedAtOnce {
			return
		}
		looked++
		if q.refused && q.paused {
			q.paused = false
			b.lineUp(q)
			released++
		}
	}
}
