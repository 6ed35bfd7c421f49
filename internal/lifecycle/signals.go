package lifecycle

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// record puts a signal into its place in time, behind those of the same time, and drops what is over the bound.
func record(spec *v1alpha1.IncidentSpec, signal v1alpha1.Signal) {
	at := len(spec.Signals)
	for at > 0 && spec.Signals[at-1].Time.After(signal.Time.Time) {
		at--
	}
	spec.Signals = slices.Insert(spec.Signals, at, signal)
	spec.SignalCount++
	bound(spec)
}

// bound drops the oldest of the least telling signals until the list fits. What must stay always does: the sixteen
// changes of eight cycles, the first, the newest, and what decides whether it is open are nineteen. While it is open
// they are eighteen, so that what arrived last and the newest acknowledgement or withdrawal stay as well.
func bound(spec *v1alpha1.IncidentSpec) {
	for len(spec.Signals) > v1alpha1.MaxSignals {
		least := 0
		worth := worths(spec.Signals)
		for i := range worth {
			if worth[i] < worth[least] {
				least = i
			}
		}
		spec.Signals = slices.Delete(spec.Signals, least, least+1)
	}
}

// How much a signal tells: what ranks lower is dropped earlier.
const (
	worthLittle = iota
	// worthHistory is that of acknowledgements and of what withdrew them. They rank alike: an acknowledgement, being the
	// older, is never kept without its withdrawal.
	worthHistory
	// worthSilence is that of what arrived last, from which a silence is counted.
	worthSilence
	worthAll
)

// worths ranks signals.
func worths(signals []v1alpha1.Signal) []int {
	worth := make([]int, len(signals))
	for i, signal := range signals {
		switch {
		case isOpening(signal), signal.Effect == v1alpha1.EffectResolved:
			worth[i] = worthAll
		case isAcknowledgement(signal), isWithdrawal(signal):
			worth[i] = worthHistory
		default:
			worth[i] = worthLittle
		}
	}
	if i := lastArrived(signals); i >= 0 {
		worth[i] = max(worth[i], worthSilence)
	}
	worth[0] = worthAll
	worth[len(signals)-1] = worthAll
	if i := newest(signals, isDecisive); i >= 0 {
		worth[i] = worthAll
	}
	return worth
}

func isAlert(s v1alpha1.Signal) bool           { return s.Event == v1alpha1.SignalAlert }
func isResolve(s v1alpha1.Signal) bool         { return s.Event == v1alpha1.SignalResolve }
func isDecisive(s v1alpha1.Signal) bool        { return isAlert(s) || isResolve(s) }
func isFromSentry(s v1alpha1.Signal) bool      { return s.By == v1alpha1.BySentry }
func isAcknowledgement(s v1alpha1.Signal) bool { return s.Effect == v1alpha1.EffectAcknowledged }

// isOpening tells whether a signal began a cycle.
func isOpening(s v1alpha1.Signal) bool {
	return s.Effect == v1alpha1.EffectOpened || s.Effect == v1alpha1.EffectReopened
}

// isWithdrawal tells whether a signal ends what Sentry acknowledged before it.
func isWithdrawal(s v1alpha1.Signal) bool {
	return isAlert(s) && (s.Action == "unresolved" || isOpening(s))
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
