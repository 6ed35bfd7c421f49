package lifecycle

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// Decision is what Route makes of one signal.
type Decision struct {
	// Spec is to be written: to the latest Incident if it has its number, else to a new one. Nil: nothing is recorded.
	Spec *v1alpha1.IncidentSpec
	// Effect is what the signal does to the Incident.
	Effect v1alpha1.SignalEffect
	// Seals is true if Spec only seals the latest Incident: the signal is to be judged again once that is written.
	Seals bool
	// Orphan is true for a Resolve of which no Incident is known. Its Time is to be remembered for a while against an Alert that
	// is older and comes later.
	Orphan bool
	// Time is the one that the signal bears.
	Time time.Time
}

// Opens tells whether a decision makes an Incident that was not there.
func (d Decision) Opens() bool { return d.Effect == v1alpha1.EffectOpened }

// Route judges one signal of an alert key. Latest is the key's Incident with the highest number, nil if there is none;
// it is not changed. Orphan is the time of the newest orphaned Resolve of the key, zero if there is none. A first
// Incident gets its identity from identity, which names source and alert key.
func Route(
	latest *v1alpha1.IncidentSpec, orphan time.Time, heard Heard,
	identity v1alpha1.IncidentSpec, rules Rules, now time.Time,
) Decision {
	heard.Signal.Time = timeOf(latest, orphan, heard)
	decision := route(latest, orphan, heard, identity, rules, now)
	decision.Time = heard.Signal.Time.Time
	if heard.Merged != nil && decision.Spec != nil && !decision.Seals {
		takeOver(decision.Spec, heard, now)
	}
	return decision
}

func route(
	latest *v1alpha1.IncidentSpec, orphan time.Time, heard Heard,
	identity v1alpha1.IncidentSpec, rules Rules, now time.Time,
) Decision {
	switch {
	case latest != nil && isUnsettled(latest, heard):
		return Decision{Effect: v1alpha1.EffectNone}
	case latest == nil:
		return routeFirst(identity, 1, orphan, heard, rules)
	case rules.Deleted:
		return routeFirst(identity, latest.Number+1, orphan, heard, rules)
	case isOpen(latest):
		return routeOpen(latest.DeepCopy(), heard, rules, now)
	default:
		return routeResolved(latest.DeepCopy(), heard, rules, now)
	}
}

// Settling is how much older than what Sentry's API says all else must be for that to count: a webhook that is younger may be under
// way, or may tell more.
const Settling = 10 * time.Second

// isUnsettled tells whether a signal by Resync is too close to what arrived last. Both times are the operator's.
func isUnsettled(latest *v1alpha1.IncidentSpec, heard Heard) bool {
	last := lastArrived(latest.Signals)
	return isFound(heard.Signal) && last >= 0 && heard.Asked.Before(latest.Signals[last].ReceivedAt.Add(Settling))
}

// timeOf is the sender's time of a webhook, but no later than its arrival or, if something bears a later time already, than that.
// So a sender whose clock is ahead keeps the order of arrival, and cannot name a time that outdoes what comes later. A webhook
// without a usable time bears that bound itself. What others say bears a time of the operator's.
func timeOf(latest *v1alpha1.IncidentSpec, orphan time.Time, heard Heard) metav1.MicroTime {
	if heard.Signal.By != v1alpha1.BySentry {
		return heard.Signal.Time
	}
	bound := later(heard.Signal.ReceivedAt.Time, orphan)
	if latest != nil {
		bound = later(bound, lastSent(latest.Signals).Time)
	}
	if heard.Untimed {
		return metav1.NewMicroTime(bound)
	}
	return metav1.NewMicroTime(earlier(heard.Signal.Time.Time, bound))
}

// routeFirst judges a signal of an alert key of which there is no Incident, or none that stays.
func routeFirst(identity v1alpha1.IncidentSpec, number int32, orphan time.Time, heard Heard, rules Rules) Decision {
	if isResolve(heard.Signal) {
		return Decision{Effect: v1alpha1.EffectNone, Orphan: heard.Signal.By == v1alpha1.BySentry}
	}
	if !isAlert(heard.Signal) || heard.Signal.Time.Time.Before(orphan) {
		return Decision{Effect: v1alpha1.EffectNone}
	}
	identity.Number = number
	return open(identity, heard, rules)
}

func routeOpen(spec *v1alpha1.IncidentSpec, heard Heard, rules Rules, now time.Time) Decision {
	effect := v1alpha1.EffectNone
	switch heard.Signal.Event {
	case v1alpha1.SignalAlert, v1alpha1.SignalUpdate:
		if heard.Signal.Action == ActionAcknowledgementTimeout {
			return routeTimeout(spec, heard, now)
		}
		switch {
		case withdraw(spec, heard, now):
			effect = v1alpha1.EffectUnacknowledged
		case wakes(heard.Signal, rules.Restored) && isQuiet(spec, rules.Restored) && isTimely(spec, heard.Signal):
			return write(spec, wakingIn(spec, heard), v1alpha1.EffectWoken)
		case isLate(spec, heard.Signal):
		default:
			effect = v1alpha1.EffectUpdated
		}
	case v1alpha1.SignalAcknowledge:
		if !heard.Signal.Time.Time.Before(newestTime(spec.Signals, isWithdrawal)) {
			effect = v1alpha1.EffectAcknowledged
		}
	case v1alpha1.SignalResolve:
		if heard.Signal.Action == ActionSilence {
			return routeSilence(spec, heard, rules)
		}
		if isEnd(spec.Signals, heard) {
			effect = v1alpha1.EffectResolved
		}
	case v1alpha1.SignalResponse:
	}
	return write(spec, heard, effect)
}

// isEnd tells whether a Resolve is not older than the newest Alert. Of the same time, what is recorded later counts as the newer;
// but an orphaned Resolve is recorded late because its Alert was unknown, and so the one that arrived later does.
func isEnd(signals []v1alpha1.Signal, heard Heard) bool {
	at := heard.Signal.Time.Time
	return !at.Before(newestTime(signals, isAlert)) && !(heard.Orphaned && slices.ContainsFunc(signals, func(s v1alpha1.Signal) bool {
		return isAlert(s) && s.Time.Time.Equal(at) && s.ReceivedAt.After(heard.Signal.ReceivedAt.Time)
	}))
}

// isTimely tells whether a signal speaks of the cycle that goes on. What was found opened it when a pass came to it, and the webhook
// of its beginning may come later; what was restored knows when Sentry last spoke.
func isTimely(spec *v1alpha1.IncidentSpec, signal v1alpha1.Signal) bool {
	return !isLate(spec, signal) || lastCycle(spec.Signals)[0].Quiet
}

// wakingIn is a signal that wakes the cycle that goes on. One that was sent before it opened belongs to it nevertheless: it takes the
// newest signal's time, and what it tells of the issue is out of date.
func wakingIn(spec *v1alpha1.IncidentSpec, heard Heard) Heard {
	if isLate(spec, heard.Signal) {
		heard.Signal.Time, heard.Signal.Priority, heard.Facts = lastSent(spec.Signals), "", Facts{}
	}
	return heard
}

// routeSilence resolves, unless something was heard meanwhile. It takes the newest signal's time, so that whatever
// Sentry says next, by its own clock, is newer, and everything heard in the cycle stands before its end.
func routeSilence(spec *v1alpha1.IncidentSpec, heard Heard, rules Rules) Decision {
	due := SilentAt(spec, rules.AutoResolveAfter)
	if due.IsZero() || heard.Signal.ReceivedAt.Time.Before(due) {
		return Decision{Effect: v1alpha1.EffectNone}
	}
	heard.Signal.Time = lastSent(spec.Signals)
	return write(spec, heard, v1alpha1.EffectResolved)
}

// routeTimeout withdraws the acknowledgement that has timed out, and no other. It takes the newest signal's time, as a silence does.
func routeTimeout(spec *v1alpha1.IncidentSpec, heard Heard, now time.Time) Decision {
	acknowledged := AcknowledgementOf(spec)
	if acknowledged.IsZero() || !acknowledged.Equal(heard.Acknowledged) {
		return Decision{Effect: v1alpha1.EffectNone}
	}
	heard.Signal.Time = lastSent(spec.Signals)
	takeAcknowledgement(spec, heard.Signal, now)
	return write(spec, heard, v1alpha1.EffectUnacknowledged)
}

// SilentAt is when an unresolved Incident has been silent for so long that it resolves; zero if never.
func SilentAt(spec *v1alpha1.IncidentSpec, autoResolveAfter time.Duration) time.Time {
	last := lastArrived(spec.Signals)
	if autoResolveAfter <= 0 || last < 0 || !isOpen(spec) {
		return time.Time{}
	}
	return spec.Signals[last].ReceivedAt.Add(autoResolveAfter)
}

// routeResolved judges what comes after a resolve. An Alert is news only if nothing that decides was newer: neither a
// Resolve nor, where a responder resolved, another Alert, which that person knew.
func routeResolved(spec *v1alpha1.IncidentSpec, heard Heard, rules Rules, now time.Time) Decision {
	at, alerts := heard.Signal.Time.Time, isAlert(heard.Signal)
	resolves := isResolve(heard.Signal) && isFromSentry(heard.Signal)
	last := newest(spec.Signals, isResolve)
	// Of what was found already, the webhook comes late.
	isLateWebhook := resolves && !isFound(heard.Signal) && last >= 0 && isFound(spec.Signals[last])
	switch {
	case alerts && isFound(heard.Signal) && !isNewsSince(spec, heard):
		return Decision{Effect: v1alpha1.EffectNone}
	case alerts && !at.Before(newestTime(spec.Signals, isDecisive)) && isAfterHand(spec, heard.Signal, now):
		return recur(spec, heard, rules, now)
	case alerts, isLateWebhook, resolves && at.After(newestTime(spec.Signals, isResolve)):
		return write(spec, heard, v1alpha1.EffectNone)
	default:
		return Decision{Effect: v1alpha1.EffectNone}
	}
}

// isNewsSince tells whether what Sentry's API shows is news to whoever resolved: after a responder's resolve, or silence, the issue
// must have become unresolved, or worse, once more. What it is called proves nothing, Sentry calls it so for days.
func isNewsSince(spec *v1alpha1.IncidentSpec, heard Heard) bool {
	if heard.Merged != nil && heard.Merged.Pages {
		return true
	}
	ended := time.Time{}
	if last := newest(spec.Signals, func(s v1alpha1.Signal) bool { return s.Effect == v1alpha1.EffectResolved }); last >= 0 &&
		spec.Signals[last].Action == ActionSilence {
		ended = spec.Signals[last].ReceivedAt.Time
	}
	if isByHand(spec) {
		ended = later(ended, spec.Response.ResolvedAt.Time)
	}
	return ended.IsZero() || heard.Changed.After(ended)
}

// recur makes of an Alert after the end a further cycle, or the next Incident. Before that, an Incident that another
// Alert could still reopen is sealed, so that not both can happen.
func recur(spec *v1alpha1.IncidentSpec, heard Heard, rules Rules, now time.Time) Decision {
	cycles, at := replay(spec.Signals), heard.Signal.Time.Time
	switch {
	case rules.ReopenWindow <= 0 || spec.Sealed || isByHand(spec) || len(cycles) >= v1alpha1.MaxCycles:
		spec.Number++
		return open(*spec, heard, rules)
	case at.Sub(cycles[len(cycles)-1].ResolvedAt.Time) > rules.ReopenWindow:
		spec.Sealed = true
		return Decision{Spec: spec, Effect: v1alpha1.EffectNone, Seals: true}
	default:
		keepResponse(spec, now)
		withdrawAhead(spec, at)
		return write(spec, heard, v1alpha1.EffectReopened)
	}
}

// withdrawAhead withdraws acknowledgements of a time ahead of the Alert that reopens: having arrived before it, they
// spoke of the cycle that is over, and the next one would be born acknowledged.
func withdrawAhead(spec *v1alpha1.IncidentSpec, at time.Time) {
	for i := range spec.Signals {
		if signal := &spec.Signals[i]; isAcknowledgement(*signal) && signal.Time.After(at) {
			signal.Effect = v1alpha1.EffectUpdated
		}
	}
}

// open makes the Incident that a signal opens. What Sentry told of the issue in an earlier Incident still holds, and
// outdoes the signal where it is newer.
func open(spec v1alpha1.IncidentSpec, heard Heard, rules Rules) Decision {
	if !isLate(&spec, heard.Signal) {
		heard.Facts.Refresh(&spec.Issue)
	}
	heard.Signal.Effect = v1alpha1.EffectOpened
	spec.Priority = heard.Signal.Priority
	if spec.Priority == "" {
		spec.Priority = rules.priority(spec.Issue.Level)
	}
	spec.Test = spec.Test || heard.Test
	spec.Signals = []v1alpha1.Signal{heard.Signal}
	spec.SignalCount = 1
	spec.Response, spec.Sealed = nil, false
	return Decision{Spec: &spec, Effect: v1alpha1.EffectOpened}
}

// write records a signal in an Incident. Only one that is not late refreshes facts and priority, and a Resolve no
// priority.
func write(spec *v1alpha1.IncidentSpec, heard Heard, effect v1alpha1.SignalEffect) Decision {
	if isFromSentry(heard.Signal) && !isLate(spec, heard.Signal) {
		heard.Facts.Refresh(&spec.Issue)
		if heard.Signal.Priority != "" && !isResolve(heard.Signal) {
			spec.Priority = heard.Signal.Priority
		}
	}
	spec.Test = spec.Test || heard.Test
	heard.Signal.Effect = effect
	// Of what changed nothing, or woke, it does not matter whether it was news.
	heard.Signal.Quiet = heard.Signal.Quiet && (isOpening(heard.Signal) || effect == v1alpha1.EffectUnacknowledged)
	record(spec, heard.Signal)
	return Decision{Spec: spec, Effect: effect}
}

// isLate tells whether Sentry has already said something newer. What others say bears no later time than Sentry's.
func isLate(spec *v1alpha1.IncidentSpec, signal v1alpha1.Signal) bool {
	return len(spec.Signals) > 0 && signal.Time.Time.Before(lastSent(spec.Signals).Time)
}
