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

// letter is a notification on its way.
type letter struct {
	// entry is the notification, as it is claimed.
	entry v1alpha1.Notification
	// incident is the one that it tells of, as it was written last.
	incident *v1alpha1.Incident
}

// isOf tells whether an entry of a ledger is the letter's.
func (l letter) isOf(entry v1alpha1.Notification) bool { return lifecycle.IsSame(entry, l.entry) }

// paper is what a message to a channel is written on: the channel as it is now.
type paper struct {
	channel types.NamespacedName
	// kind of the channel, such as slack.
	kind     string
	target   notify.Target
	template *notify.Template
	// failure says why nothing can be sent; nil if it can.
	failure *lifecycle.Failure
	// repeats is true if the channel is told again and again how things stand.
	repeats bool
	// leaving is true if the channel is being deleted: it hears of ends alone.
	leaving bool
	// held is true if the target wants to hear nothing for a while.
	held bool
}

// missing is the failure of a message to a channel that is not there, or not for long any more.
var missing = lifecycle.Failure{
	Class: lifecycle.FailureRetryable, Reason: v1alpha1.ReasonChannelMissing, Message: "The NotificationChannel is not there",
}

// obstacle says why a notification cannot be sent; nil if it can.
func (p *paper) obstacle(entry v1alpha1.Notification) *lifecycle.Failure {
	if p.failure == nil && p.leaving && entry.Kind != v1alpha1.KindResolved {
		return &missing
	}
	return p.failure
}

// prepare finds out how a channel is told now.
func (d *Dispatcher) prepare(ctx context.Context, name types.NamespacedName, q *queue) (*paper, error) {
	if held := q.held(d.now()); held != nil {
		return &paper{channel: name, failure: held, held: true}, nil
	}
	found := &v1alpha1.NotificationChannel{}
	switch err := d.Client.Get(ctx, name, found); {
	case apierrors.IsNotFound(err):
		return &paper{channel: name, kind: notify.KindOf(found.Spec), failure: &missing}, nil
	case err != nil:
		return nil, fmt.Errorf("get channel: %w", err)
	}
	target, failure, err := channel.Target(ctx, d.APIReader, d.Office, found)
	if err != nil {
		return nil, err
	}
	// What is wrong with a template shows on the channel; the default stands in.
	template, _ := notify.Compile(found.Spec.Template)
	return &paper{
		channel: name, kind: notify.KindOf(found.Spec), target: target, template: template, failure: failure,
		repeats: d.Office.Repeater(found.Spec) != nil, leaving: found.DeletionTimestamp != nil,
	}, nil
}

// message is the message that a letter makes.
func (d *Dispatcher) message(letter *letter, paper *paper) notify.Message {
	view := notify.ViewOf(letter.incident, letter.entry, d.now())
	return notify.Message{
		View: view, Text: paper.template.Render(view), ID: notify.IDOf(letter.incident, letter.entry),
		Receipt: receiptOf(letter.incident.Status.Notifications, letter.entry.Channel), MayHaveArrived: letter.entry.MayHaveArrived,
	}
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
