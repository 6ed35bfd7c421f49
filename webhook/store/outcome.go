package store

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/webhook/sources"
)

// Key is an alert key of a source.
type Key struct {
	// Source is the AlertSource's namespace and name.
	Source types.NamespacedName
	// Alert is the alert key.
	Alert v1alpha1.AlertKey
}

// Named find a source by its name, nil if it is not known.
type Named interface {
	ByName(name types.NamespacedName) *sources.Source
}

// Outcome is what became of one signal.
type Outcome struct {
	// Effect is what it did, None if nothing.
	Effect v1alpha1.SignalEffect
	// Incident is where it is recorded; empty if it is recorded nowhere.
	Incident string
	// Spooled is true for a signal that is on disk, and not known to be recorded yet.
	Spooled bool
	// Orphan is true for a Resolve of which no Incident is known.
	Orphan bool
	// Err says why it could not be recorded.
	Err error
}

// What an outcome is in one word.
const (
	ResultOpened   = "opened"
	ResultUpdated  = "updated"
	ResultReopened = "reopened"
	ResultResolved = "resolved"
	ResultIgnored  = "ignored"
	ResultAccepted = "accepted"
)

// Result is an outcome in one word.
func (o Outcome) Result() string {
	if o.Spooled {
		return ResultAccepted
	}
	switch o.Effect {
	case v1alpha1.EffectOpened:
		return ResultOpened
	case v1alpha1.EffectReopened:
		return ResultReopened
	case v1alpha1.EffectResolved:
		return ResultResolved
	case v1alpha1.EffectUpdated, v1alpha1.EffectAcknowledged, v1alpha1.EffectUnacknowledged, v1alpha1.EffectWoken:
		return ResultUpdated
	case v1alpha1.EffectNone:
	}
	if o.Incident != "" {
		return ResultUpdated
	}
	return ResultIgnored
}
