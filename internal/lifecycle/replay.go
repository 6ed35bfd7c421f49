package lifecycle

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// replay is the cycles that the signals' effects make, without the responders' response. There is always at least one:
// an Incident that somebody wrote without an opening signal counts as open since its first.
func replay(signals []v1alpha1.Signal) []v1alpha1.Cycle {
	cycles := make([]v1alpha1.Cycle, 0, 1)
	var current *v1alpha1.Cycle
	if !slices.ContainsFunc(signals, isOpening) {
		cycles = append(cycles, v1alpha1.Cycle{OpenedAt: signals[0].Time})
		current = &cycles[0]
	}
	for _, signal := range signals {
		switch {
		case isOpening(signal):
			cycles = append(cycles, v1alpha1.Cycle{OpenedAt: notBeforeEnd(current, signal.Time)})
			current = &cycles[len(cycles)-1]
		case current == nil || current.ResolvedAt != nil:
		case isAcknowledgement(signal):
			current.AcknowledgedAt = within(*current, acknowledgeTime(signal))
		case signal.Effect == v1alpha1.EffectUnacknowledged:
			current.AcknowledgedAt = nil
		case signal.Effect == v1alpha1.EffectResolved:
			end(current, resolveTime(signal), authorOf(signal))
		}
	}
	return cycles
}

// authorOf is whose doing a signal tells of: what its API shows, Sentry did.
func authorOf(signal v1alpha1.Signal) string {
	if isFound(signal) {
		return v1alpha1.BySentry
	}
	return signal.By
}

// acknowledgementIn is the place of the signal that acknowledges the present cycle, -1 if none does, or it was withdrawn.
func acknowledgementIn(signals []v1alpha1.Signal) int {
	place := newest(signals, func(s v1alpha1.Signal) bool {
		return isOpening(s) || isAcknowledgement(s) || s.Effect == v1alpha1.EffectUnacknowledged
	})
	if place >= 0 && isAcknowledgement(signals[place]) {
		return place
	}
	return -1
}

// AcknowledgerOf is who acknowledged the present cycle: a responder, whose response it is or was, or Sentry.
func AcknowledgerOf(spec *v1alpha1.IncidentSpec) string {
	if response := spec.Response; response != nil && response.AcknowledgedAt != nil {
		return response.AcknowledgedBy
	}
	if place := acknowledgementIn(spec.Signals); place >= 0 {
		return authorOf(spec.Signals[place])
	}
	return v1alpha1.BySentry
}

// openingOf is the place of the signal that opened a cycle, numbered from 1; -1 if none did.
func openingOf(signals []v1alpha1.Signal, cycle int) int {
	return slices.IndexFunc(signals, func(s v1alpha1.Signal) bool {
		if isOpening(s) {
			cycle--
		}
		return cycle == 0
	})
}

// end resolves a cycle. Nothing in it is later.
func end(cycle *v1alpha1.Cycle, at metav1.MicroTime, by string) {
	cycle.ResolvedAt = within(*cycle, at)
	cycle.ResolvedBy = by
	if cycle.AcknowledgedAt != nil {
		cycle.AcknowledgedAt = within(*cycle, *cycle.AcknowledgedAt)
	}
}

// within is a time moved into its cycle: Sentry's clock, the operator's and the responders' need not agree, and a
// cycle's times must not go back.
func within(cycle v1alpha1.Cycle, at metav1.MicroTime) *metav1.MicroTime {
	if cycle.ResolvedAt != nil && at.After(cycle.ResolvedAt.Time) {
		at = *cycle.ResolvedAt
	}
	if at.Time.Before(cycle.OpenedAt.Time) {
		at = cycle.OpenedAt
	}
	return &at
}

// notBeforeEnd is a time moved behind the end of the last cycle, if there is one: a silence ends by our clock, an
// Alert bears Sentry's.
func notBeforeEnd(last *v1alpha1.Cycle, at metav1.MicroTime) metav1.MicroTime {
	if last != nil && last.ResolvedAt != nil && last.ResolvedAt.After(at.Time) {
		return *last.ResolvedAt
	}
	return at
}

// resolveTime is when a Resolve took effect. That of a silence bears the time of what was heard last, which it answers.
func resolveTime(signal v1alpha1.Signal) metav1.MicroTime {
	if signal.Action == ActionSilence && signal.ReceivedAt.After(signal.Time.Time) {
		return signal.ReceivedAt
	}
	return signal.Time
}

// acknowledgeTime is when an acknowledgement was made. A responder's bears, as its time, only its place among what
// Sentry said.
func acknowledgeTime(signal v1alpha1.Signal) metav1.MicroTime {
	if isFromSentry(signal) {
		return signal.Time
	}
	return signal.ReceivedAt
}
