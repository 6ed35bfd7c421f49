package lifecycle

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// record puts a signal into its place in time and drops what is over the bounds.
func record(spec *v1alpha1.IncidentSpec, signal v1alpha1.Signal) {
	spec.Signals = slices.Insert(spec.Signals, placeOf(spec.Signals, signal), signal)
	spec.SignalCount++
	bound(spec)
}

// placeOf is the place of a signal in time, behind those of the same time.
func placeOf(signals []v1alpha1.Signal, signal v1alpha1.Signal) int {
	place := len(signals)
	for place > 0 && signals[place-1].Time.After(signal.Time.Time) {
		place--
	}
	return place
}

// insertAt puts what a responder said among what Sentry said, its time moved between those of its neighbours.
func insertAt(spec *v1alpha1.IncidentSpec, place int, latest metav1.MicroTime, signal v1alpha1.Signal) {
	signal.Time = signal.ReceivedAt
	if latest.Before(&signal.Time) {
		signal.Time = latest
	}
	if place > 0 && signal.Time.Before(&spec.Signals[place-1].Time) {
		signal.Time = spec.Signals[place-1].Time
	}
	spec.Signals = slices.Insert(spec.Signals, place, signal)
}

// bound drops the oldest of the repeats until no more than MaxRepeats are left. What is no repeat fits: four signals a
// cycle, of eight, and nine more.
func bound(spec *v1alpha1.IncidentSpec) {
	stays := telling(spec.Signals)
	repeats := 0
	for _, tells := range stays {
		if !tells {
			repeats++
		}
	}
	place := -1
	spec.Signals = slices.DeleteFunc(spec.Signals, func(v1alpha1.Signal) bool {
		place++
		surplus := !stays[place] && repeats > v1alpha1.MaxRepeats
		if surplus {
			repeats--
		}
		return surplus
	})
	// An Incident that somebody else wrote may have more of what tells than there can be.
	for len(spec.Signals) > v1alpha1.MaxSignals {
		spec.Signals = slices.Delete(spec.Signals, 1, 2)
	}
}

// telling says of each signal whether it is more than a repeat: the first, the changes of each cycle, and what the next
// signal is judged by.
func telling(signals []v1alpha1.Signal) []bool {
	stays := make([]bool, len(signals))
	stays[0], stays[len(signals)-1] = true, true
	for _, i := range []int{
		newest(signals, isAlert), newest(signals, isResolve), newest(signals, isWithdrawal), newest(signals, isWaking),
		lastArrived(signals),
	} {
		if i >= 0 {
			stays[i] = true
		}
	}
	// Backwards, so that the first acknowledgement met in a cycle is its last, and behind it stands what withdrew it.
	sought, withdrawal := true, -1
	for i := len(signals) - 1; i >= 0; i-- {
		switch signal := signals[i]; {
		case isOpening(signal):
			stays[i], sought = true, false
		case signal.Effect == v1alpha1.EffectResolved:
			stays[i], sought, withdrawal = true, true, -1
		case signal.Effect == v1alpha1.EffectUnacknowledged && sought:
			withdrawal = i
		case isAcknowledgement(signal) && sought:
			stays[i], sought = true, false
			if withdrawal >= 0 {
				stays[withdrawal] = true
			}
		}
	}
	return stays
}

func isAlert(s v1alpha1.Signal) bool           { return s.Event == v1alpha1.SignalAlert }
func isResolve(s v1alpha1.Signal) bool         { return s.Event == v1alpha1.SignalResolve }
func isDecisive(s v1alpha1.Signal) bool        { return isAlert(s) || isResolve(s) }
func isAcknowledgement(s v1alpha1.Signal) bool { return s.Effect == v1alpha1.EffectAcknowledged }

// isFromSentry tells whether Sentry said it, by a webhook or by its API.
func isFromSentry(s v1alpha1.Signal) bool { return s.By == v1alpha1.BySentry || isFound(s) }

// isFound tells whether Sentry said it by its API alone.
func isFound(s v1alpha1.Signal) bool { return s.By == v1alpha1.ByResync }

func isWaking(s v1alpha1.Signal) bool { return s.Effect == v1alpha1.EffectWoken }

// isOpening tells whether a signal began a cycle.
func isOpening(s v1alpha1.Signal) bool {
	return s.Effect == v1alpha1.EffectOpened || s.Effect == v1alpha1.EffectReopened
}

// isWithdrawal tells whether a signal outdoes what Sentry acknowledged before it.
func isWithdrawal(s v1alpha1.Signal) bool {
	return isAlert(s) && (s.Action == actionUnresolved || isOpening(s)) ||
		isFromSentry(s) && s.Effect == v1alpha1.EffectUnacknowledged
}

// lastCycle is the signals from the last opening on; all, if nothing opened.
func lastCycle(signals []v1alpha1.Signal) []v1alpha1.Signal {
	return signals[max(newest(signals, isOpening), 0):]
}

// newest is the index of the last signal of which f is true, -1 if there is none.
func newest(signals []v1alpha1.Signal, f func(v1alpha1.Signal) bool) int {
	for i := len(signals) - 1; i >= 0; i-- {
		if f(signals[i]) {
			return i
		}
	}
	return -1
}

// newestTime is the time of the last signal of which f is true, zero if there is none.
func newestTime(signals []v1alpha1.Signal, f func(v1alpha1.Signal) bool) time.Time {
	if i := newest(signals, f); i >= 0 {
		return signals[i].Time.Time
	}
	return time.Time{}
}

// lastSent is the newest time that any signal bears.
func lastSent(signals []v1alpha1.Signal) metav1.MicroTime {
	return signals[len(signals)-1].Time
}

// LastArrived is when something last arrived from Sentry, by the operator's clock; zero if nothing did, and for a stub.
func LastArrived(incident *v1alpha1.Incident) time.Time {
	if last := lastArrived(incident.Spec.Signals); last >= 0 {
		return incident.Spec.Signals[last].ReceivedAt.Time
	}
	return time.Time{}
}

// lastArrived is the index of what arrived last from Sentry, by the operator's clock, -1 if nothing did.
func lastArrived(signals []v1alpha1.Signal) int {
	last := -1
	for i, signal := range signals {
		if isFromSentry(signal) && (last < 0 || signal.ReceivedAt.After(signals[last].ReceivedAt.Time)) {
			last = i
		}
	}
	return last
}
