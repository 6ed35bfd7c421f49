package lifecycle

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// Why a notification was closed that nobody sent.
const (
	reasonLater   = "Later"
	reasonGivenUp = "GivenUp"
)

// ledger is the ledger of one Incident while Escalate works on it.
type ledger struct {
	Situation
	run     v1alpha1.EscalationRun
	entries []v1alpha1.Notification
	next    time.Time
}

// cycle is the number of the cycle that the Incident is in.
func (l *ledger) cycle() int32 { return int32(min(len(l.Is.Cycles), v1alpha1.MaxCycles)) }

// wake makes Escalate be asked again at a time, if nothing wants it earlier.
func (l *ledger) wake(at time.Time) {
	if at.After(l.Now) && (l.next.IsZero() || at.Before(l.next)) {
		l.next = at
	}
}

// add appends an entry.
func (l *ledger) add(entry v1alpha1.Notification) {
	entry.Run, entry.Priority, entry.State = l.run.Run, l.Spec.Priority, v1alpha1.NotificationPending
	l.entries = append(l.entries, entry)
}

func (l *ledger) addPage(round int32, step, channel string, due time.Time) {
	l.add(v1alpha1.Notification{
		Cycle: l.cycle(), Loop: round, Step: step, Channel: channel, Kind: v1alpha1.KindPage, DueAt: metav1.NewMicroTime(due),
	})
}

// supersedeOlder closes what a later entry for the same channel outdoes.
func (l *ledger) supersedeOlder() {
	later := map[string]bool{}
	for i := range slices.Backward(l.entries) {
		entry := &l.entries[i]
		if later[entry.Channel] {
			l.close(entry, reasonLater, "a later message to the same channel says more")
		}
		later[entry.Channel] = true
	}
}

// supersede closes those of the pending entries that need not be sent any more.
func (l *ledger) supersede(needless func(v1alpha1.Notification) bool, why string) {
	for i := range l.entries {
		if needless(l.entries[i]) {
			l.close(&l.entries[i], v1alpha1.ReasonNotNeeded, why)
		}
	}
}

// isOver tells whether an entry speaks of a cycle that is over as if it was not.
func (l *ledger) isOver(entry v1alpha1.Notification) bool {
	cycle := int(entry.Cycle) - 1
	return entry.Kind != v1alpha1.KindResolved && cycle < len(l.Is.Cycles) && l.Is.Cycles[cycle].ResolvedAt != nil
}

// close ends a pending entry, unless its send is under way: then its outcome is awaited, or its claim's end.
func (l *ledger) close(entry *v1alpha1.Notification, reason, why string) {
	if entry.State != v1alpha1.NotificationPending {
		return
	}
	if isClaimed(*entry, l.Now) {
		l.wake(claimEnds(*entry))
		return
	}
	overrun(entry)
	entry.State, entry.ClosedAt, entry.NextAttempt = v1alpha1.NotificationSuperseded, ptr.To(metav1.NewMicroTime(l.Now)), nil
	entry.Reason, entry.Error = reason, why
}

// giveUp ends what was tried in vain for giveUpAfter.
func (l *ledger) giveUp() {
	for i := range l.entries {
		entry := &l.entries[i]
		if entry.State != v1alpha1.NotificationPending || isClaimed(*entry, l.Now) || entry.DueAt.Add(giveUpAfter).After(l.Now) {
			continue
		}
		overrun(entry)
		entry.State, entry.ClosedAt, entry.NextAttempt = v1alpha1.NotificationFailed, ptr.To(metav1.NewMicroTime(l.Now)), nil
		entry.Reason = reasonGivenUp
		if entry.Error == "" {
			entry.Error = "not sent within a day"
		}
	}
}

// waitForPending makes Escalate be asked again when something pending is given up.
func (l *ledger) waitForPending() {
	for _, entry := range l.entries {
		if entry.State == v1alpha1.NotificationPending {
			l.wake(entry.DueAt.Add(giveUpAfter))
		}
	}
}

// told are the channels that have, or may have, received a page in a cycle, in the order in which they were first told.
func (l *ledger) told(cycle int32) []string {
	var channels []string
	for _, entry := range l.entries {
		if entry.Cycle == cycle && isTold(entry) && !slices.Contains(channels, entry.Channel) {
			channels = append(channels, entry.Channel)
		}
	}
	return channels
}

// awaiting are the channels that were told up to a cycle, and of no resolve since. While a later cycle goes on, a resolve
// that a page has outdone counts as well.
func (l *ledger) awaiting(cycle int32) []string {
	var channels []string
	for _, entry := range l.entries {
		isHeard := entry.State != v1alpha1.NotificationSuperseded || cycle < l.cycle()
		switch known := slices.Contains(channels, entry.Channel); {
		case entry.Cycle > cycle:
		case isTold(entry) && !known:
			channels = append(channels, entry.Channel)
		case entry.Kind == v1alpha1.KindResolved && isHeard && known:
			channels = slices.DeleteFunc(channels, func(channel string) bool { return channel == entry.Channel })
		}
	}
	return channels
}

// listening are the channels that were told in the present cycle, are to stay, and have not heard of its end, as one does that
// was to be deleted.
func (l *ledger) listening() []string {
	awaiting := l.awaiting(l.cycle())
	return slices.DeleteFunc(l.told(l.cycle()), func(channel string) bool {
		return l.Plan.Leaving[channel] || !slices.Contains(awaiting, channel)
	})
}

func isTold(entry v1alpha1.Notification) bool {
	return isPage(entry) && (entry.State == v1alpha1.NotificationSent || entry.MayHaveArrived)
}

// lastRound is the last round of the run of which the ledger has anything.
func (l *ledger) lastRound() int32 {
	round := int32(0)
	for _, entry := range l.entries {
		if isPage(entry) && entry.Run == l.run.Run {
			round = max(round, entry.Loop)
		}
	}
	return round
}

// isDone tells whether a step was taken in a round of the run.
func (l *ledger) isDone(round int32, step string) bool {
	return slices.ContainsFunc(l.entries, func(entry v1alpha1.Notification) bool {
		return isPage(entry) && entry.Run == l.run.Run && entry.Loop == round && entry.Step == step
	})
}

// How much an entry is needed, the least first.
const (
	needNothing = iota
	// needDropped: a done step that the policy no longer has, which could come back.
	needDropped
	// needDone: it keeps a step of the present round from being done again.
	needDone
	// needTold: it says whom to tell of the resolve, or which message to bring up to date.
	needTold
	// needSend: it is still to be sent.
	needSend
)

// prune drops the oldest of what is needed least, until the rest fits.
func (l *ledger) prune() {
	surplus := len(l.entries) - v1alpha1.MaxNotifications
	if surplus <= 0 {
		return
	}
	needs := l.needs()
	for need := needNothing; need <= needSend && surplus > 0; need++ {
		place := -1
		kept := needs[:0:0]
		l.entries = slices.DeleteFunc(l.entries, func(v1alpha1.Notification) bool {
			place++
			drop := needs[place] == need && surplus > 0
			if drop {
				surplus--
			} else {
				kept = append(kept, needs[place])
			}
			return drop
		})
		needs = kept
	}
}

// needs says of each entry how much it is needed.
func (l *ledger) needs() []int {
	needs := make([]int, len(l.entries))
	round := l.lastRound()
	policy := ptr.Deref(l.Plan.Policy, v1alpha1.EscalationPolicySpec{})
	for i, entry := range l.entries {
		isKnown := slices.ContainsFunc(policy.Steps, func(step v1alpha1.EscalationStep) bool { return step.Name == entry.Step })
		isPresent := entry.Run == l.run.Run && entry.Loop == round
		switch {
		case entry.State == v1alpha1.NotificationPending:
			needs[i] = needSend
		case entry.Kind == v1alpha1.KindUpdate && entry.Run == l.run.Run, isPage(entry) && isPresent && isKnown:
			needs[i] = needDone
		case isPage(entry) && isPresent:
			needs[i] = needDropped
		}
	}
	l.needTold(needs)
	return needs
}

// needTold marks, of each channel, the newest page that was or may have been received in a cycle, the newest Resolved,
// and the newest receipt.
func (l *ledger) needTold(needs []int) {
	type told struct {
		channel string
		kind    v1alpha1.NotificationKind
	}
	marked := map[told]bool{}
	receipts := map[string]bool{}
	for i, entry := range slices.Backward(l.entries) {
		key := told{entry.Channel, entry.Kind}
		if (isTold(entry) || entry.Kind == v1alpha1.KindResolved) && !marked[key] {
			marked[key], needs[i] = true, max(needs[i], needTold)
		}
		if entry.Receipt != "" && !receipts[entry.Channel] {
			receipts[entry.Channel], needs[i] = true, max(needs[i], needTold)
		}
	}
}
