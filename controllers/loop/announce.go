package loop

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
)

// actionCheck is what the operator was doing when it found an object ready or not.
const actionCheck = "Check"

// AnnounceReady tells in an Event what is new in an object's Ready condition.
func AnnounceReady(recorder events.EventRecorder, object runtime.Object, was, is metav1.Condition) {
	if was.Reason == is.Reason && was.Message == is.Message {
		return
	}
	kind := corev1.EventTypeWarning
	if is.Status == metav1.ConditionTrue {
		kind = corev1.EventTypeNormal
	}
	recorder.Eventf(object, nil, kind, is.Reason, actionCheck, "%s", is.Message)
}
