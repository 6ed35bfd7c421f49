package delivery

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/panics"
)

const (
	// panicPause is the pause after a panic; it doubles with each further one of the same Incident, up to longestPanicPause.
	panicPause        = time.Second
	longestPanicPause = 5 * time.Minute
)

// actionDeliver is what the operator was doing when it had something to tell.
const actionDeliver = "Deliver"

// catch does something for a channel, and records in an Event on the channel that it panicked, if it did.
func (d *Dispatcher) catch(channel types.NamespacedName, unit string, do func()) error {
	err := panics.Catch(d.logger(channel), unit, do)
	if err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	found := &v1alpha1.NotificationChannel{}
	if d.Client.Get(ctx, channel, found) == nil {
		loop.EventPanicked(d.Recorder, found, actionDeliver, err)
	}
	return err
}

// catchOf does something for an Incident, and records in an Event on the Incident that it panicked, if it did.
func (d *Dispatcher) catchOf(ctx context.Context, name types.NamespacedName, unit string, do func()) error {
	err := panics.Catch(log.FromContext(ctx).WithValues("incident", name), unit, do)
	if err == nil {
		return nil
	}
	if incident, failed := d.read(ctx, name, d.Client); failed == nil {
		loop.EventPanicked(d.Recorder, incident, actionDeliver, err)
	}
	return err
}

// tellAndCatch is tellAll for which nothing is lost by a panic: what it was about is tried again later.
func (d *Dispatcher) tellAndCatch(channel types.NamespacedName, dues []lifecycle.Due, q *queue) (result told) {
	if d.catch(channel, "delivery message", func() { result = d.tellAll(channel, dues, q) }) == nil {
		return result
	}
	// Whether the message was sent is not known; if it was claimed, the claim has to run out first.
	result = told{tried: true}
	for _, due := range dues {
		result.incidents = append(result.incidents, due.Incident)
		result.left = append(result.left, waiting{due, d.now().Add(q.pauseAfterPanic(due.Incident))})
	}
	return result
}

// pauseAfterPanic is how long an Incident waits after a panic.
func (q *queue) pauseAfterPanic(incident types.NamespacedName) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	pause := min(max(panicPause, 2*q.pauses[incident]), longestPanicPause)
	q.pauses[incident] = pause
	return pause
}

// forgetPanics makes the next pause of an Incident a short one again.
func (q *queue) forgetPanics(incident types.NamespacedName) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.pauses, incident)
}

// panicked is the failure of a message that could not be made, or sent, because the operator panicked.
func panicked(err error, mayHaveArrived bool) *lifecycle.Failure {
	return &lifecycle.Failure{
		Class: lifecycle.FailureRetryable, Reason: v1alpha1.ReasonPanicked, Message: err.Error(), MayHaveArrived: mayHaveArrived,
	}
}
