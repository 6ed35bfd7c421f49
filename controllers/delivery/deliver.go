package delivery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

const (
	// writeTimeout bounds one exchange with the API server.
	writeTimeout = 5 * time.Second
	// recordTimeout bounds how long the outcome of a send is tried to be recorded: after that its claim has run out.
	recordTimeout = lifecycle.SendWithin + lifecycle.SendTimeout
	// retryPause is the pause after an exchange with the API server that failed.
	retryPause = 200 * time.Millisecond
	// atOnce is the shortest delay.
	atOnce = time.Millisecond
)

// Why an attempt was not made, in one word.
const (
	reasonTooLate  = "TooLate"
	reasonHeldBack = "HeldBack"
)

// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups=itoc360.io,resources=incidents,verbs=get
// +kubebuilder:rbac:groups=itoc360.io,resources=incidents/status,verbs=patch
// +kubebuilder:rbac:groups=itoc360.io,resources=notificationchannels,verbs=get;list;watch

// deliver tells a channel the next that is pending for it in an Incident's ledger, if its time has come. It says when to
// ask again; 0: never.
func (d *Dispatcher) deliver(channel, name types.NamespacedName, q *queue) (again time.Duration) {
	// Not the term's context: what was begun comes to its end.
	ctx := log.IntoContext(context.Background(), log.Log.WithName("delivery").WithValues("channel", channel, "incident", name))
	incident, err := d.read(ctx, name)
	if err != nil {
		return d.afterError(ctx, err, "Could not read the Incident")
	}
	before := incident.DeepCopy()
	place, next := lifecycle.Claim(incident.Status.Notifications, channel.Name, d.now())
	if place < 0 {
		return d.until(next)
	}
	entry := &incident.Status.Notifications[place]
	if entry.Kind == v1alpha1.KindPage && !isOpen(incident, d.now()) {
		// The controller, which has not seen yet what came in, will close the page.
		return loop.Soon
	}
	letter := letter{channel: channel, entry: *entry}
	held := q.held(d.now())
	failure := held
	if held == nil {
		failure, err = d.prepare(ctx, &letter, incident)
	}
	if err != nil {
		return d.afterError(ctx, err, "Could not prepare a message")
	}
	if failure != nil {
		lifecycle.Failed(entry, *failure, chance(), d.now())
	}
	incident, err = d.write(ctx, before, incident)
	switch {
	case err != nil:
		return d.afterError(ctx, err, "Could not claim a notification")
	case failure == nil:
		incident = d.send(ctx, letter, incident, q)
	case held == nil:
		d.failed(ctx, letter, *failure, q)
	}
	place, next = lifecycle.Claim(slices.Clone(incident.Status.Notifications), channel.Name, d.now())
	if place >= 0 {
		return atOnce
	}
	return d.until(next)
}

// isOpen tells whether an Incident's spec, as it is now, leaves anybody to be paged.
func isOpen(incident *v1alpha1.Incident, now time.Time) bool {
	status, _ := lifecycle.Fold(&incident.Spec, now)
	return status.State == v1alpha1.StateOpen
}

// send sends what is claimed, and records what became of it.
func (d *Dispatcher) send(ctx context.Context, letter letter, incident *v1alpha1.Incident, q *queue) *v1alpha1.Incident {
	var receipt string
	failure := &lifecycle.Failure{
		Class: lifecycle.FailureRetryable, Reason: reasonTooLate, Message: "The claim was written too late to send the message",
	}
	if d.now().Before(letter.entry.SendBefore.Time) {
		receipt, failure = letter.target.Send(ctx, letter.message)
	}
	ended := d.now()
	if failure != nil {
		d.failed(ctx, letter, *failure, q)
		return d.record(ctx, letter, incident, func(entry *v1alpha1.Notification) { lifecycle.Failed(entry, *failure, chance(), ended) })
	}
	d.Outcomes.Sent(letter.channel)
	observeSent(letter, ended)
	log.FromContext(ctx).Info("Told a channel", "kind", letter.entry.Kind, "step", letter.entry.Step)
	return d.record(ctx, letter, incident, func(entry *v1alpha1.Notification) { lifecycle.Sent(entry, receipt, ended) })
}

// failed tells everybody but the ledger of a failure.
func (d *Dispatcher) failed(ctx context.Context, letter letter, failure lifecycle.Failure, q *queue) {
	if failure.RetryAfter > 0 {
		q.hold(d.now().Add(min(failure.RetryAfter, lifecycle.LongestWait)))
	}
	d.Outcomes.Failed(letter.channel, failure)
	observeFailed(letter, failure)
	log.FromContext(ctx).Info("Could not tell a channel", "kind", letter.entry.Kind, "step", letter.entry.Step,
		"reason", failure.Reason, "message", failure.Message)
}

// record writes the outcome of a send into the ledger, whoever else writes there meanwhile. It tries for as long as the
// claim keeps everybody else from sending again, and gives the Incident as it is then known.
func (d *Dispatcher) record(
	ctx context.Context, letter letter, incident *v1alpha1.Incident, change func(*v1alpha1.Notification),
) *v1alpha1.Incident {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	for {
		place := slices.IndexFunc(incident.Status.Notifications, letter.isOf)
		if place < 0 || incident.Status.Notifications[place].State != v1alpha1.NotificationPending {
			return incident
		}
		before := incident.DeepCopy()
		change(&incident.Status.Notifications[place])
		written, err := d.write(ctx, before, incident)
		if err == nil {
			return written
		}
		if incident = d.readAfter(ctx, err, client.ObjectKeyFromObject(before)); incident == nil {
			return before
		}
	}
}

// readAfter reads an Incident after a write that failed, until it succeeds; nil if the Incident is gone or the context ends.
func (d *Dispatcher) readAfter(ctx context.Context, err error, name types.NamespacedName) (incident *v1alpha1.Incident) {
	for err != nil {
		pause := d.afterError(ctx, err, "Could not record what became of a message")
		if pause == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		incident, err = d.read(ctx, name)
	}
	return incident
}

// afterError is when to try again after an exchange with the API server that failed.
func (d *Dispatcher) afterError(ctx context.Context, err error, what string) (again time.Duration) {
	switch {
	case apierrors.IsNotFound(err):
		return 0
	case apierrors.IsConflict(err):
		return atOnce
	default:
		log.FromContext(ctx).Error(err, what)
		return retryPause
	}
}

func (d *Dispatcher) read(ctx context.Context, name types.NamespacedName) (*v1alpha1.Incident, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	incident := &v1alpha1.Incident{}
	if err := d.APIReader.Get(ctx, name, incident); err != nil {
		return nil, fmt.Errorf("get incident: %w", err)
	}
	return incident, nil
}

// write patches the status of an Incident, provided that it is still the one that was read, and gives what is there then.
func (d *Dispatcher) write(ctx context.Context, before, incident *v1alpha1.Incident) (*v1alpha1.Incident, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	patch, err := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}).Data(incident)
	if err != nil {
		return nil, fmt.Errorf("encode the patch: %w", err)
	}
	// A new object: what the answer leaves out would otherwise stay.
	written := &v1alpha1.Incident{ObjectMeta: metav1.ObjectMeta{Namespace: incident.Namespace, Name: incident.Name}}
	if err := d.Client.Status().Patch(ctx, written, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return nil, fmt.Errorf("patch status: %w", err)
	}
	return written, nil
}

// chance spreads retries, no more.
func chance() float64 { return rand.Float64() } //nolint:gosec // nothing secret rests on it

// now is in microseconds, as the ledger's times are.
func (d *Dispatcher) now() time.Time { return d.Clock.Now().UTC().Truncate(time.Microsecond) }

func (d *Dispatcher) until(next time.Time) time.Duration {
	if next.IsZero() {
		return 0
	}
	return max(next.Sub(d.now()), atOnce)
}
