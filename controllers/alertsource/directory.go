package alertsource

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// Directory is what the intake knows of each source's Secrets. It is filled by watches of its own, so what was just
// written to a Secret may not be known to it yet.
type Directory interface {
	// Problems are sentences for a human about Secrets and keys that a source references and that are not there; none
	// if the intake can authenticate its deliveries. They never hold a secret's value. Nothing is known until each
	// Secret was read once.
	Problems(source types.NamespacedName) (problems []string, known bool)
	// SharedWith names the other sources with the same token, and tells whether this one gets the deliveries.
	SharedWith(source types.NamespacedName) (others []types.NamespacedName, first bool)
	// Subscribe emits a source whenever one of its Secrets, or an answer above, may have changed. It must not wait for
	// a subscriber for ever, and ends with the context.
	Subscribe(ctx context.Context) <-chan event.TypedGenericEvent[*v1alpha1.AlertSource]
}
