package channel

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
)

const (
	// maxRequest bounds the value of the annotation that asks for a test.
	maxRequest = 253
	// actionTest is what the operator was doing when it sent a test message.
	actionTest = "Test"
)

// requested is the test that is asked for, empty if none is.
func requested(channel *v1alpha1.NotificationChannel) string {
	return bounded(channel.Annotations[v1alpha1.AnnotationTest], maxRequest)
}

// asksForTest tells whether a test is asked for that was not made yet.
func asksForTest(channel *v1alpha1.NotificationChannel) bool {
	asked := requested(channel)
	return asked != "" && (channel.Status.Test == nil || channel.Status.Test.Request != asked)
}

// test sends one test message and notes what became of it.
func (r *Reconciler) test(
	ctx context.Context, channel *v1alpha1.NotificationChannel, target notify.Target, template *notify.Template, failure *lifecycle.Failure,
) {
	name, asked, now := client.ObjectKeyFromObject(channel), requested(channel), r.Clock.Now()
	if failure == nil {
		view := notify.TestView(channel, now)
		_, failure = target.Send(ctx, notify.Message{
			View: view, Text: template.Render(view), ID: fmt.Sprintf("%s/%d", view.Key, now.UnixMilli()),
		})
		if failure == nil {
			r.Health.Sent(name)
		} else {
			r.Health.Failed(name, *failure)
		}
	}
	done := &v1alpha1.ChannelTest{
		Request: asked, Result: v1alpha1.TestSent, FinishedAt: metav1.NewTime(r.Clock.Now().UTC()).Rfc3339Copy(),
	}
	if failure != nil {
		done.Result, done.Message = v1alpha1.TestFailed, failure.Message
	}
	channel.Status.Test = done
}

// announce tells in Events what is new in a channel's status.
func (r *Reconciler) announce(before, channel *v1alpha1.NotificationChannel) {
	if test := channel.Status.Test; test != nil && (before.Status.Test == nil || *before.Status.Test != *test) {
		if test.Result == v1alpha1.TestSent {
			r.Recorder.Eventf(channel, nil, corev1.EventTypeNormal, v1alpha1.ReasonTestSent, actionTest, "The test message was sent")
		} else {
			r.Recorder.Eventf(channel, nil, corev1.EventTypeWarning, v1alpha1.ReasonTestFailed, actionTest,
				"The test message was not sent: %s", test.Message)
		}
	}
	was := loop.ConditionOf(before.Status.Conditions, v1alpha1.ConditionReady)
	is := loop.ConditionOf(channel.Status.Conditions, v1alpha1.ConditionReady)
	loop.AnnounceReady(r.Recorder, channel, was, is)
}
