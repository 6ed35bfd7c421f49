package loop

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/panics"
)

// EventPanicked records that the operator panicked while it did something for an object. The error says where, and nothing else.
func EventPanicked(recorder events.EventRecorder, object runtime.Object, action string, err error) {
	recorder.Eventf(object, nil, corev1.EventTypeWarning, v1alpha1.ReasonPanicked, action, "It is tried again: %s", err.Error())
}

// ReportPanics makes a controller record in an Event on the object that its Reconcile panicked. The panic goes on to controller-runtime,
// which recovers, logs and counts it, and tries again with backoff.
func ReportPanics(
	reconciler reconcile.Reconciler, reader client.Reader, recorder events.EventRecorder, object client.Object,
) reconcile.Reconciler {
	return reconcile.Func(func(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			found, isObject := object.DeepCopyObject().(client.Object)
			if isObject && reader.Get(ctx, request.NamespacedName, found) == nil {
				EventPanicked(recorder, found, actionCheck, &panics.Error{Unit: "controller"})
			}
			panic(value)
		}()
		return reconciler.Reconcile(ctx, request)
	})
}
