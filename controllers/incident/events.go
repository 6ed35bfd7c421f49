package incident

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// What the operator was doing when it had something to tell; events.k8s.io asks for it in each Event.
const (
	actionConclude = "Conclude"
	actionEscalate = "Escalate"
)

// eventOpened tells that an Incident has opened.
func eventOpened(recorder events.EventRecorder, incident *v1alpha1.Incident) {
	recorder.Eventf(incident, nil, corev1.EventTypeNormal, v1alpha1.ReasonOpened, actionConclude,
		"Opened with priority %s", incident.Spec.Priority)
}

// eventTestNotification tells that the Incident is the trace of a test notification.
func eventTestNotification(recorder events.EventRecorder, incident *v1alpha1.Incident) {
	recorder.Eventf(incident, nil, corev1.EventTypeNormal, v1alpha1.ReasonTestNotification, actionConclude,
		"A test notification arrived; it pages nobody and is gone after an hour")
}

// eventReopened tells that an Incident has begun a further cycle.
func eventReopened(recorder events.EventRecorder, incident *v1alpha1.Incident, cycle int) {
	recorder.Eventf(incident, nil, corev1.EventTypeNormal, v1alpha1.ReasonReopened, actionConclude,
		"Reopened with priority %s: cycle %d", incident.Spec.Priority, cycle)
}

// eventAcknowledged tells that a cycle was acknowledged; the message names by whom.
func eventAcknowledged(recorder events.EventRecorder, incident *v1alpha1.Incident, message string) {
	recorder.Eventf(incident, nil, corev1.EventTypeNormal, v1alpha1.ReasonAcknowledged, actionConclude, "%s", message)
}

// eventAcknowledgementGone tells that an acknowledgement no longer holds.
func eventAcknowledgementGone(recorder events.EventRecorder, incident *v1alpha1.Incident) {
	recorder.Eventf(incident, nil, corev1.EventTypeNormal, v1alpha1.ReasonAcknowledgementGone, actionConclude,
		"The acknowledgement was withdrawn")
}

// eventSnoozed tells that a responder has snoozed an Incident.
func eventSnoozed(recorder events.EventRecorder, incident *v1alpha1.Incident, response v1alpha1.Response) {
	recorder.Eventf(incident, nil, corev1.EventTypeNormal, v1alpha1.ReasonSnoozed, actionConclude,
		"Snoozed by %s until %s", response.SnoozedBy, response.SnoozedUntil.UTC().Format(time.RFC3339))
}

// eventSnoozeEnded tells that a snooze is over while the Incident is not.
func eventSnoozeEnded(recorder events.EventRecorder, incident *v1alpha1.Incident) {
	recorder.Eventf(incident, nil, corev1.EventTypeNormal, v1alpha1.ReasonSnoozeEnded, actionConclude, "The snooze is over")
}

// eventNotified tells through which channels people were paged first.
func eventNotified(recorder events.EventRecorder, incident *v1alpha1.Incident, notified metav1.Condition) {
	recorder.Eventf(incident, nil, corev1.EventTypeNormal, notified.Reason, actionEscalate, "%s", notified.Message)
}

// eventNotNotified tells what keeps people from being paged.
func eventNotNotified(recorder events.EventRecorder, incident *v1alpha1.Incident, notified metav1.Condition) {
	recorder.Eventf(incident, nil, corev1.EventTypeWarning, notified.Reason, actionEscalate, "%s", notified.Message)
}

// eventResolved tells that a cycle is over; reason and message name by whom.
func eventResolved(recorder events.EventRecorder, incident *v1alpha1.Incident, reason, message string) {
	recorder.Eventf(incident, nil, corev1.EventTypeNormal, reason, actionConclude, "%s", message)
}
