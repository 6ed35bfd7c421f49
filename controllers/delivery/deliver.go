package delivery

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
)

// recordTimeout bounds how long the outcome of a send is tried to be recorded: after that its claim has run out.
const recordTimeout = lifecycle.SendWithin + lifecycle.SendTimeout

// Why an attempt was not made, in one word.
const (
	reasonTooLate  = "TooLate"
	reasonHeldBack = "HeldBack"
)

// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups=itoc360.io,resources=incidents,verbs=get
// +kubebuilder:rbac:groups=itoc360.io,resources=incidents/status,verbs=patch
// +kubebuilder:rbac:groups=itoc360.io,resources=notificationchannels,verbs=get;list;watch

// tellAll tells a channel, in one message, what some Incidents have for it next.
func (d *Dispatcher) tellAll(channel types.NamespacedName, dues []lifecycle.Due, q *queue) told {
	// Not the term's context: what was begun comes to its end.
	ctx := log.IntoContext(context.Background(), d.logger(channel))
	var result told
	for _, due := range dues {
		result.incidents = append(result.incidents, due.Incident)
	}
	paper, err := d.prepare(ctx, channel, q)
	if err != nil {
		for _, due := range dues {
			result.left = append(result.left, d.retry(ctx, due, err, "Could not prepare a message")...)
		}
		return result
	}
	letters, left := d.claimAll(ctx, dues, paper, q)
	result.left, result.tried = left, len(letters) > 0
	if len(letters) == 0 {
		return result
	}
	d.send(ctx, letters, paper, q)
	for _, letter := range letters {
		result.left = append(result.left, d.leftOf(letter.incident, channel)...)
	}
	return result
}

// send sends what is claimed in one message, and records what became of it.
func (d *Dispatcher) send(ctx context.Context, letters []*letter, paper *paper, q *queue) {
	letters, messages := d.render(ctx, letters, paper)
	if len(letters) == 0 {
		return
	}
	var receipt string
	var failure *lifecycle.Failure
	if err := d.catch(paper.channel, "delivery send", func() { receipt, failure = d.post(ctx, letters, messages, paper, q) }); err != nil {
		failure = panicked(err, true)
	}
	ended := d.now()
	if failure == nil {
		d.Outcomes.Sent(paper.channel)
	} else {
		d.Outcomes.Failed(paper.channel, *failure)
		if failure.RetryAfter > 0 {
			q.hold(ended.Add(min(failure.RetryAfter, lifecycle.LongestWait)))
		}
	}
	gathered := len(letters) > 1
	inParallel(len(letters), func(i int) {
		letter := letters[i]
		ctx := log.IntoContext(ctx, log.FromContext(ctx).WithValues("incident", client.ObjectKeyFromObject(letter.incident)))
		// What is not recorded is tried again when its claim has run out.
		_ = d.catchOf(ctx, client.ObjectKeyFromObject(letter.incident), "delivery record", func() {
			if failure != nil {
				d.fail(ctx, letter, paper, *failure, ended)
				return
			}
			d.succeed(ctx, letter, paper, receipt, gathered, ended)
		})
	})
}

// fail records that a message did not arrive.
func (d *Dispatcher) fail(ctx context.Context, letter *letter, paper *paper, failure lifecycle.Failure, ended time.Time) {
	d.failed(ctx, letter, paper, failure)
	d.record(ctx, letter, func(entry *v1alpha1.Notification) { lifecycle.Failed(entry, failure, chance(), ended) })
}

// succeed records that a message was taken.
func (d *Dispatcher) succeed(ctx context.Context, letter *letter, paper *paper, receipt string, gathered bool, ended time.Time) {
	observeSent(letter, paper.kind, ended)
	log.FromContext(ctx).Info("Told a channel", "kind", letter.entry.Kind, "step", letter.entry.Step, "gathered", gathered)
	d.record(ctx, letter, func(entry *v1alpha1.Notification) {
		lifecycle.Sent(entry, receipt, ended)
		if entry.Gathered = gathered; gathered {
			// The summary is no message about this Incident alone: nothing is to be changed in it, nor to refer to it.
			entry.Receipt = ""
		}
	})
}

// render makes the message of each letter. One whose message cannot be made fails by itself, and is left out.
func (d *Dispatcher) render(ctx context.Context, letters []*letter, paper *paper) (rendered []*letter, messages []notify.Message) {
	for _, letter := range letters {
		var message notify.Message
		err := d.catchOf(ctx, client.ObjectKeyFromObject(letter.incident), "delivery text", func() { message = d.message(letter, paper) })
		if err == nil {
			rendered, messages = append(rendered, letter), append(messages, message)
			continue
		}
		_ = d.catchOf(ctx, client.ObjectKeyFromObject(letter.incident), "delivery record", func() {
			d.fail(ctx, letter, paper, *panicked(err, false), d.now())
		})
	}
	return rendered, messages
}

// post sends a message, if none of its claims has run out. The end of an Incident is not told while all is told how it stands.
func (d *Dispatcher) post(
	ctx context.Context, letters []*letter, messages []notify.Message, paper *paper, q *queue,
) (receipt string, failure *lifecycle.Failure) {
	q.ends.RLock()
	defer q.ends.RUnlock()
	for _, letter := range letters {
		if !d.now().Before(letter.entry.SendBefore.Time) {
			return "", &lifecycle.Failure{
				Class: lifecycle.FailureRetryable, Reason: reasonTooLate, Message: "The claim was written too late to send the message",
			}
		}
	}
	for _, letter := range letters {
		if paper.repeats && letter.entry.Kind == v1alpha1.KindResolved {
			q.ends.note(client.ObjectKeyFromObject(letter.incident), letter.entry.Cycle, d.now())
		}
	}
	message := messages[0]
	if len(messages) > 1 {
		message = notify.Summarize(paper.channel.String(), messages, d.now())
	}
	return paper.target.Send(ctx, message)
}

// failed tells the metrics and the log of a failure.
func (d *Dispatcher) failed(ctx context.Context, letter *letter, paper *paper, failure lifecycle.Failure) {
	observeFailed(letter, paper.kind, failure)
	log.FromContext(ctx).Info("Could not tell a channel", "kind", letter.entry.Kind, "step", letter.entry.Step,
		"reason", failure.Reason, "message", failure.Message)
}

// record writes the outcome of a send into the ledger, whoever else writes there meanwhile. It tries for as long as the
// claim keeps everybody else from sending again. The letter has the Incident as it is then known.
func (d *Dispatcher) record(ctx context.Context, letter *letter, change func(*v1alpha1.Notification)) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	for {
		incident := letter.incident.DeepCopy()
		place := slices.IndexFunc(incident.Status.Notifications, letter.isOf)
		if place < 0 || incident.Status.Notifications[place].State != v1alpha1.NotificationPending {
			return
		}
		change(&incident.Status.Notifications[place])
		written, err := d.write(ctx, letter.incident, incident)
		if err == nil {
			letter.incident = written
			return
		}
		read := d.readAfter(ctx, err, client.ObjectKeyFromObject(incident))
		if read == nil {
			return
		}
		letter.incident = read
	}
}

// chance spreads retries, no more.
func chance() float64 { return rand.Float64() } //nolint:gosec // nothing secret rests on it

func (d *Dispatcher) logger(channel types.NamespacedName) logr.Logger {
	return log.Log.WithName("delivery").WithValues("channel", channel)
}
