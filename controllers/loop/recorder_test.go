package loop

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestAStormOfEventsIsCut(t *testing.T) {
	const storm = 1000
	heard := events.NewFakeRecorder(storm)
	recorder := CalmRecorder(heard)
	before := testutil.ToFloat64(eventsDropped.WithLabelValues(corev1.EventTypeNormal))
	for range storm {
		recorder.Eventf(&v1alpha1.Incident{}, nil, corev1.EventTypeNormal, "Opened", "Conclude", "it opened")
	}
	recorder.Eventf(&v1alpha1.Incident{}, nil, corev1.EventTypeWarning, "NotNotified", "Escalate", "nobody was told")
	dropped := testutil.ToFloat64(eventsDropped.WithLabelValues(corev1.EventTypeNormal)) - before
	written := len(heard.Events)
	if written < eventsAtOnce+1 || dropped == 0 || written+int(dropped) != storm+1 {
		t.Errorf("%d written, %g dropped", written, dropped)
	}
	last := ""
	for range written {
		last = <-heard.Events
	}
	if last != "Warning NotNotified nobody was told" {
		t.Errorf("the last is %q: a warning waits behind what is normal", last)
	}
}
