package webhook

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/panics"
	"github.com/itoc360/itoc360-operator/webhook/inbox"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// resolvedWatch tells the inbox of Incidents that others ended: what it took for repeats of an open one may open the next.
type resolvedWatch struct {
	cache cache.Cache
	inbox *inbox.Inbox
	clock clock.PassiveClock
	log   logr.Logger
}

// Start watches until the context ends.
func (w *resolvedWatch) Start(ctx context.Context) error {
	informer, err := w.cache.GetInformer(ctx, &v1alpha1.Incident{})
	if err != nil {
		return fmt.Errorf("watch Incidents: %w", err)
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		UpdateFunc: func(_, now any) { w.lookAndCatch(now) },
		DeleteFunc: w.lookAndCatch,
	})
	if err != nil {
		return fmt.Errorf("watch Incidents: %w", err)
	}
	<-ctx.Done()
	_ = informer.RemoveEventHandler(registration)
	return nil
}

// lookAndCatch is look in an informer's goroutine, where a panic would end the process. What waits is written a little later.
func (w *resolvedWatch) lookAndCatch(object any) {
	_ = panics.Catch(w.log, "resolved watch", func() { w.look(object) })
}

func (w *resolvedWatch) look(object any) {
	if last, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	incident, ok := object.(*v1alpha1.Incident)
	if !ok {
		return
	}
	source := types.NamespacedName{Namespace: incident.Namespace, Name: incident.Spec.SourceRef.Name}
	key := store.Key{Source: source, Alert: incident.Spec.AlertKey}
	if w.inbox.Waits(key) && !store.IsOpen(incident, w.clock.Now()) {
		w.inbox.Flush(key)
	}
}
