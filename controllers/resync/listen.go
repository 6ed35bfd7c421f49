package resync

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/panics"
)

// actionTriggered is that of an alert rule that fired.
const actionTriggered = "triggered"

// listen hears of what webhooks made of Incidents: it wakes no reconcile, but counts what they told, and has Sentry asked where one
// contradicts itself.
func (r *Reconciler) listen() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, _ loop.Requests) {
			if incident, ok := e.Object.(*v1alpha1.Incident); ok {
				r.hearAndCatch(nil, incident, e.IsInInitialList)
			}
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, _ loop.Requests) {
			was, ok := e.ObjectOld.(*v1alpha1.Incident)
			is, isIncident := e.ObjectNew.(*v1alpha1.Incident)
			if ok && isIncident && was.Generation != is.Generation {
				r.hearAndCatch(was, is, false)
			}
		},
	}
}

// hearAndCatch is hear in an informer's goroutine, where a panic would end the process. The next sync run comes to what was missed.
func (r *Reconciler) hearAndCatch(was, is *v1alpha1.Incident, isOld bool) {
	source := types.NamespacedName{Namespace: is.Namespace, Name: is.Spec.SourceRef.Name}
	_ = panics.Catch(log.Log.WithName("resync").WithValues("source", source, "incident", is.Name), "resync webhook", func() {
		r.hear(was, is, isOld)
	})
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

// isContradictory tells whether what webhooks said of an issue cannot all be true: it is open and Sentry called it resolved, or the other
// way round, an alert rule opened it again of which Sentry does not say that it is unresolved, or one may have overtaken the other.
func isContradictory(incident *v1alpha1.Incident, now time.Time) bool {
	status := incident.Spec.Issue.Status
	last := incident.Spec.Signals[len(incident.Spec.Signals)-1]
	if last.By != v1alpha1.BySentry {
		return false
	}
	if mayBeOvertaken(incident) {
		return true
	}
	if !isOpen(incident, now) {
		return last.Effect == v1alpha1.EffectResolved && status != "" && status != lifecycle.StatusResolved
	}
	isOpenedByRule := last.Action == actionTriggered &&
		(last.Effect == v1alpha1.EffectOpened && incident.Spec.Number > 1 || last.Effect == v1alpha1.EffectReopened)
	return status == lifecycle.StatusResolved || isOpenedByRule
}

// mayBeOvertaken tells whether the webhook that last opened or ended a cycle may have been sent before one that says the opposite, and
// have been overtaken by it: they arrived one shortly after the other, and it bears the time of its arrival because its sender's clock is
// ahead, or names no time.
func mayBeOvertaken(incident *v1alpha1.Incident) bool {
	signals := incident.Spec.Signals
	last := signals[len(signals)-1]
	isChange := last.Effect == v1alpha1.EffectOpened || last.Effect == v1alpha1.EffectReopened || last.Effect == v1alpha1.EffectResolved
	if !isChange || last.Time.Time.Before(last.ReceivedAt.Time) {
		return false
	}
	if len(signals) == 1 {
		// The one that ended the former Incident stands there.
		return incident.Spec.Number > 1
	}
	return slices.ContainsFunc(signals[:len(signals)-1], func(s v1alpha1.Signal) bool {
		isOpposite := s.Event == v1alpha1.SignalAlert && last.Event == v1alpha1.SignalResolve ||
			s.Event == v1alpha1.SignalResolve && last.Event == v1alpha1.SignalAlert
		return s.By == v1alpha1.BySentry && isOpposite && last.ReceivedAt.Sub(s.ReceivedAt.Time) < lifecycle.Settling
	})
}

// newlyTold is how many openings and resolves webhooks told of between two versions of an Incident; the first may be nil.
func newlyTold(was, is *v1alpha1.Incident) int32 {
	before := int32(0)
	if was != nil && !lifecycle.IsStub(was) {
		before = told(was)
	}
	return max(0, told(is)-before)
}

func told(incident *v1alpha1.Incident) int32 {
	var count int32
	for _, signal := range incident.Spec.Signals {
		switch signal.Effect {
		case v1alpha1.EffectOpened, v1alpha1.EffectReopened, v1alpha1.EffectResolved:
			if signal.By == v1alpha1.BySentry {
				count++
			}
		default:
		}
	}
	return count
}
