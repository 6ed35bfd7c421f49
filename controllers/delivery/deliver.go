package delivery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
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
	// claimWithin is how long claims are written for one message. The first of them must not run out before it is sent.
	claimWithin = 4 * time.Second
	// claimCriticalWithin is how long if one that is Critical waits for the message.
	claimCriticalWithin = time.Second
	// claimTries is how often one is tried to be written of an Incident that others write to as well.
	claimTries = 5
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
	letters, left := d.claimAll(ctx, dues, paper)
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

// claimAll claims what some Incidents have for a channel, in their order, and gives what is claimed. What it does not come to
// in time waits for the next message.
func (d *Dispatcher) claimAll(ctx context.Context, dues []lifecycle.Due, paper *paper) (letters []*letter, left []waiting) {
	ends := d.now().Add(claimWithin)
	if lifecycle.IsCriticalPage(dues[0]) {
		ends = d.now().Add(claimCriticalWithin)
	}
	claimed := make([]*letter, len(dues))
	kept := make([][]waiting, len(dues))
	inParallel(len(dues), func(i int) {
		if now := d.now(); i > 0 && now.After(ends) {
			kept[i] = []waiting{{dues[i], now}}
			return
		}
		// What waited for others the cache knows: the lock tells if it does not.
		isStale := len(dues) == 1
		if !isStale {
			claimed[i], kept[i], isStale = d.claim(ctx, dues[i], paper, d.Client)
			isStale = isStale || claimed[i] == nil
		}
		// Somebody else writes there too: the next look is at what they left.
		for tries := 0; isStale && tries < claimTries; tries++ {
			claimed[i], kept[i], isStale = d.claim(ctx, dues[i], paper, d.APIReader)
		}
	})
	for i := range dues {
		left = append(left, kept[i]...)
		if claimed[i] != nil {
			letters = append(letters, claimed[i])
		}
	}
	return letters, left
}

// inParallel does something for each place, some at the same time, those in front first.
func inParallel(places int, do func(place int)) {
	var all sync.WaitGroup
	slots := make(chan struct{}, workers)
	for place := range places {
		slots <- struct{}{}
		all.Go(func() {
			do(place)
			<-slots
		})
	}
	all.Wait()
}

// claim claims what an Incident has for a channel next. If that cannot be sent, the ledger hears why, and nothing is claimed.
// It is a conflict if somebody else wrote first.
func (d *Dispatcher) claim(
	ctx context.Context, due lifecycle.Due, paper *paper, from client.Reader,
) (claimed *letter, left []waiting, isConflict bool) {
	ctx = log.IntoContext(ctx, log.FromContext(ctx).WithValues("incident", due.Incident))
	incident, err := d.read(ctx, due.Incident, from)
	if err != nil {
		return nil, d.retry(ctx, due, err, "Could not read the Incident"), false
	}
	before := incident.DeepCopy()
	place, _ := lifecycle.Claim(incident.Status.Notifications, paper.channel.Name, d.now())
	if place < 0 {
		return nil, d.leftOf(incident, paper.channel), false
	}
	entry := &incident.Status.Notifications[place]
	if entry.Kind == v1alpha1.KindPage && !isOpen(incident, d.now()) {
		// The controller, which has not seen yet what came in, will close the page.
		return nil, []waiting{{due, d.now().Add(loop.Soon)}}, false
	}
	letter := &letter{entry: *entry}
	failure := paper.obstacle(*entry)
	if failure != nil {
		lifecycle.Failed(entry, *failure, chance(), d.now())
	}
	letter.incident, err = d.write(ctx, before, incident)
	switch {
	case err != nil:
		return nil, d.retry(ctx, due, err, "Could not claim a notification"), apierrors.IsConflict(err)
	case failure != nil:
		if !paper.held {
			d.failed(ctx, letter, paper, *failure)
			d.Outcomes.Failed(paper.channel, *failure)
		}
		return nil, d.leftOf(letter.incident, paper.channel), false
	default:
		return letter, nil, false
	}
}

// isOpen tells whether an Incident's spec, as it is now, leaves anybody to be paged.
func isOpen(incident *v1alpha1.Incident, now time.Time) bool {
	status, _ := lifecycle.Fold(&incident.Spec, now)
	return status.State == v1alpha1.StateOpen
}

// send sends what is claimed in one message, and records what became of it.
func (d *Dispatcher) send(ctx context.Context, letters []*letter, paper *paper, q *queue) {
	receipt, failure := d.post(ctx, letters, paper, q)
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
		if failure != nil {
			d.failed(ctx, letter, paper, *failure)
			d.record(ctx, letter, func(entry *v1alpha1.Notification) { lifecycle.Failed(entry, *failure, chance(), ended) })
			return
		}
		observeSent(letter, paper.kind, ended)
		log.FromContext(ctx).Info("Told a channel", "kind", letter.entry.Kind, "step", letter.entry.Step, "gathered", gathered)
		d.record(ctx, letter, func(entry *v1alpha1.Notification) {
			lifecycle.Sent(entry, receipt, ended)
			if entry.Gathered = gathered; gathered {
				// The summary is no message about this Incident alone: nothing is to be changed in it, nor to refer to it.
				entry.Receipt = ""
			}
		})
	})
}

// post sends a message, if none of its claims has run out. The end of an Incident is not told while all is told how it stands.
func (d *Dispatcher) post(ctx context.Context, letters []*letter, paper *paper, q *queue) (receipt string, failure *lifecycle.Failure) {
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
	return paper.target.Send(ctx, d.messageOf(letters, paper))
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

// leftOf is what an Incident has for a channel.
func (d *Dispatcher) leftOf(incident *v1alpha1.Incident, channel types.NamespacedName) []waiting {
	due, at, has := lifecycle.NextDue(incident, channel.Name, d.now())
	if !has {
		return nil
	}
	return []waiting{{due, at}}
}

// retry lets an Incident wait until an exchange with the API server that failed may be tried again.
func (d *Dispatcher) retry(ctx context.Context, due lifecycle.Due, err error, what string) []waiting {
	pause := d.afterError(ctx, err, what)
	if pause == 0 {
		return nil
	}
	return []waiting{{due, d.now().Add(pause)}}
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
		incident, err = d.read(ctx, name, d.APIReader)
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

func (d *Dispatcher) read(ctx context.Context, name types.NamespacedName, from client.Reader) (*v1alpha1.Incident, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	incident := &v1alpha1.Incident{}
	if err := from.Get(ctx, name, incident); err != nil {
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

func (d *Dispatcher) logger(channel types.NamespacedName) logr.Logger {
	return log.Log.WithName("delivery").WithValues("channel", channel)
}
