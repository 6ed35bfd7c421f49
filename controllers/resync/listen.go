package resync

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// actionTriggered is that of an alert rule that fired.
const actionTriggered = "triggered"

// listen hears of what webhooks made of Incidents: it wakes no reconcile, but counts what they told, and has Sentry asked where one
// contradicts itself.
func (r *Reconciler) listen() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, _ loop.Requests) {
			if incident, ok := e.Object.(*v1alpha1.Incident); ok {
				r.hear(nil, incident, e.IsInInitialList)
			}
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, _ loop.Requests) {
			was, ok := e.ObjectOld.(*v1alpha1.Incident)
			is, isIncident := e.ObjectNew.(*v1alpha1.Incident)
			if ok && isIncident && was.Generation != is.Generation {
				r.hear(was, is, false)
			}
		},
	}
}

func (r *Reconciler) hear(was, is *v1alpha1.Incident, isOld bool) {
	id := is.Spec.AlertKey.IssueID()
	feed := r.feedOf(types.NamespacedName{Namespace: is.Namespace, Name: is.Spec.SourceRef.Name})
	if feed == nil || id == "" || lifecycle.IsStub(is) || is.Spec.Test {
		return
	}
	if !isOld {
		feed.heardOf(newlyTold(was, is))
	}
	if last := is.Spec.Signals[len(is.Spec.Signals)-1]; isContradictory(is, r.Clock.Now()) {
		feed.checkAt(id, last.ReceivedAt.Add(settleAfter))
	}
}
