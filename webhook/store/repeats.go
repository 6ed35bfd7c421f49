package store

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook/sources"
)

// Repeats tells whether a signal would change nothing but counters, as far as this process knows: then its record can wait.
// It gives the namespace and name of the Incident that would have it.
func (s *Store) Repeats(
	ctx context.Context, source *sources.Source, key v1alpha1.AlertKey, heard lifecycle.Heard,
) (incident string, repeats bool) {
	if heard.Signal.Event != v1alpha1.SignalAlert && heard.Signal.Event != v1alpha1.SignalUpdate {
		return "", false
	}
	known, err := s.view.recall(ctx, source.Name, key)
	if err != nil || known == nil || isLeftTo(source.Object, known) {
		return "", false
	}
	now := s.clock.Now()
	if !IsOpen(known, now) {
		return "", false
	}
	identity := v1alpha1.IncidentSpec{SourceRef: known.Spec.SourceRef, AlertKey: key}
	decision := lifecycle.Route(&known.Spec, time.Time{}, heard, identity, rulesOf(source, known), now)
	isCounted := decision.Effect == v1alpha1.EffectUpdated || decision.Effect == v1alpha1.EffectNone
	if decision.Seals || !isCounted || decision.Spec == nil || !differsInSignalsAlone(known.Spec, *decision.Spec) {
		return "", false
	}
	return source.Name.Namespace + "/" + known.Name, true
}

func differsInSignalsAlone(was, is v1alpha1.IncidentSpec) bool {
	was.Signals, was.SignalCount = is.Signals, is.SignalCount
	return equality.Semantic.DeepEqual(was, is)
}
