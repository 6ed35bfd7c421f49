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
	// Nobody is asked: the API server may be away.
	known, err := s.view.remembered(ctx, source.Name, key)
	now := s.clock.Now()
	if err != nil || known == nil || !IsOpen(known, now) || isLeftTo(source.Object, known) {
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
