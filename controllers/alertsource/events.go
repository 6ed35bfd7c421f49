package alertsource

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// actionListen is what the operator was doing when it had something to tell; events.k8s.io asks for it in each Event.
const actionListen = "Listen"

// eventSourceTrouble tells that a source does not listen, or shares its token.
func eventSourceTrouble(recorder events.EventRecorder, source *v1alpha1.AlertSource, v verdict) {
	recorder.Eventf(source, nil, corev1.EventTypeWarning, v.reason, actionListen, "%s", v.message)
}

// eventNobodyPaged tells that a source listens and pages nobody.
func eventNobodyPaged(recorder events.EventRecorder, source *v1alpha1.AlertSource, v verdict) {
	recorder.Eventf(source, nil, corev1.EventTypeWarning, v1alpha1.ReasonNobodyPaged, actionListen, "%s", v.unpaged)
}

// eventSourceListening tells that a source has become ready.
func eventSourceListening(recorder events.EventRecorder, source *v1alpha1.AlertSource, v verdict) {
	recorder.Eventf(source, nil, corev1.EventTypeNormal, v1alpha1.ReasonListening, actionListen, "%s", v.message)
}

// eventRecording tells that signals of a source cannot be recorded, or can be again.
func eventRecording(recorder events.EventRecorder, source *v1alpha1.AlertSource, was, is metav1.Condition) {
	switch {
	case is.Status == metav1.ConditionFalse && was.Reason != is.Reason:
		recorder.Eventf(source, nil, corev1.EventTypeWarning, is.Reason, actionListen, "%s", is.Message)
	case is.Status == metav1.ConditionTrue && was.Status == metav1.ConditionFalse:
		recorder.Eventf(source, nil, corev1.EventTypeNormal, is.Reason, actionListen, "%s", is.Message)
	}
}
