package delivery

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/channel"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
)

// letter is a message on its way.
type letter struct {
	channel types.NamespacedName
	// entry is the notification, as it is claimed.
	entry v1alpha1.Notification
	// kind of the channel, such as slack.
	kind    string
	target  notify.Target
	message notify.Message
}

// isOf tells whether an entry of a ledger is the letter's.
func (l letter) isOf(entry v1alpha1.Notification) bool {
	return entry.Run == l.entry.Run && entry.Loop == l.entry.Loop && entry.Step == l.entry.Step &&
		entry.Channel == l.entry.Channel && entry.Kind == l.entry.Kind && entry.Sequence == l.entry.Sequence
}

// prepare makes a letter's message, and the target that takes it. A failure says what the channel lacks.
func (d *Dispatcher) prepare(ctx context.Context, letter *letter, incident *v1alpha1.Incident) (failure *lifecycle.Failure, err error) {
	found := &v1alpha1.NotificationChannel{}
	err = d.Client.Get(ctx, letter.channel, found)
	letter.kind = notify.KindOf(found.Spec)
	if apierrors.IsNotFound(err) {
		return &lifecycle.Failure{
			Class: lifecycle.FailureRetryable, Reason: v1alpha1.ReasonChannelMissing, Message: "The NotificationChannel is not there",
		}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get channel: %w", err)
	}
	letter.target, failure, err = channel.Target(ctx, d.APIReader, d.Office, found)
	if err != nil || failure != nil {
		return failure, err
	}
	// What is wrong with a template shows on the channel; the default stands in.
	template, _ := notify.Compile(found.Spec.Template)
	view := notify.ViewOf(incident, letter.entry, d.now())
	letter.message = notify.Message{
		View: view, Text: template.Render(view), ID: notify.IDOf(incident, letter.entry),
		Receipt: receiptOf(incident.Status.Notifications, letter.entry.Channel),
	}
	return nil, nil
}

// receiptOf is the newest receipt of a channel, empty if there is none.
func receiptOf(entries []v1alpha1.Notification, channel string) string {
	for _, entry := range slices.Backward(entries) {
		if entry.Channel == channel && entry.Receipt != "" {
			return entry.Receipt
		}
	}
	return ""
}
