package resync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	sentryapi "github.com/itoc360/itoc360-operator/internal/sentry/client"
)

const (
	// firstPause is how long after what failed it is tried again; the pause doubles, up to the longest one.
	firstPause   = 10 * time.Second
	longestPause = time.Hour
	// statusAgain is how soon a source is looked at again that does not say yet since when it writes, or has no connection yet.
	statusAgain = 5 * time.Second
	// missingFor is how long after a response an issue may be missing from Sentry: while it is merged, it is.
	missingFor = 10 * time.Minute
)

// WriteBack writes to Sentry what responders do, as far as their sources say so: it looks at the issue, drops what no longer fits, writes,
// and records each write on the Incident once it is done.
type WriteBack struct {
	feeds *Reconciler
	// pauses are how long what failed waits.
	pauses workqueue.TypedRateLimiter[types.NamespacedName]
}

// NewWriteBack makes a WriteBack that writes through the feeds of a Reconciler.
func NewWriteBack(feeds *Reconciler) *WriteBack {
	return &WriteBack{
		feeds:  feeds,
		pauses: workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](firstPause, longestPause),
	}
}

// +kubebuilder:rbac:groups=itoc360.io,resources=incidents,verbs=get;list;watch
// +kubebuilder:rbac:groups=itoc360.io,resources=incidents/status,verbs=patch

// Reconcile writes what is due of an Incident.
func (w *WriteBack) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	incident := &v1alpha1.Incident{}
	if err := w.feeds.Client.Get(ctx, request.NamespacedName, incident); err != nil {
		w.pauses.Forget(request.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	name := types.NamespacedName{Namespace: incident.Namespace, Name: incident.Spec.SourceRef.Name}
	source := &v1alpha1.AlertSource{}
	err := w.feeds.Client.Get(ctx, name, source)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return ctrl.Result{}, fmt.Errorf("get the source: %w", err)
	case err != nil, source.DeletionTimestamp != nil, !source.WritesBack(), len(lifecycle.Unwritten(incident)) == 0:
		return w.giveUp(ctx, incident)
	case source.Status.WriteBack == nil, w.feeds.feedOf(name) == nil && isConnecting(source):
		return ctrl.Result{RequeueAfter: statusAgain}, nil
	case len(due(source, incident)) == 0:
		return w.giveUp(ctx, incident)
	}
	// What an earlier leader has recorded may not have come to the cache yet.
	if err := w.feeds.APIReader.Get(ctx, request.NamespacedName, incident); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if incident.DeletionTimestamp != nil || len(due(source, incident)) == 0 {
		return ctrl.Result{}, nil
	}
	err = w.write(ctx, source, incident)
	var failed *writeError
	switch {
	case errors.As(err, &failed):
		return w.tellFailure(ctx, source, incident, failed)
	case err != nil:
		return loop.Again(err)
	default:
		w.pauses.Forget(request.NamespacedName)
		return ctrl.Result{}, nil
	}
}

// writeError says why Sentry could not be told of a response, and is to be told later.
type writeError struct {
	reason string
	err    error
}

// Error implements error.
func (e *writeError) Error() string { return e.err.Error() }

// Unwrap gives what went wrong.
func (e *writeError) Unwrap() error { return e.err }

// write writes what is due of an Incident, one after the other, and records each.
func (w *WriteBack) write(ctx context.Context, source *v1alpha1.AlertSource, incident *v1alpha1.Incident) error {
	if !lifecycle.RestoredAt(incident).IsZero() {
		return w.drop(ctx, incident, due(source, incident), "the Incident was restored from a backup, and Sentry may know better by now")
	}
	feed := w.feeds.feedOf(client.ObjectKeyFromObject(source))
	if feed == nil {
		return notConnected(source)
	}
	sentry, end, err := feed.sentry.Turn(ctx, 1+len(due(source, incident)))
	if err != nil {
		return failureOf(err)
	}
	defer end()
	// The turn may have come minutes later. From here to the write as little as possible may happen.
	if err := w.feeds.APIReader.Get(ctx, client.ObjectKeyFromObject(incident), incident); err != nil {
		return fmt.Errorf("get the Incident: %w", err)
	}
	left := due(source, incident)
	if len(left) == 0 {
		return nil
	}
	view, err := w.look(ctx, feed, sentry, incident, left)
	if err != nil {
		return err
	}
	for _, one := range left {
		outcome, why := view.judge(one)
		if outcome == v1alpha1.OutcomeWritten {
			if outcome, why, err = send(ctx, sentry, incident, one); err != nil {
				return failureOf(err)
			}
		}
		if err := w.record(ctx, incident, recordOf(one, outcome, why, w.feeds.Clock.Now())); err != nil {
			return err
		}
	}
	return nil
}

// look asks Sentry for the issue of an Incident. That it is missing is an answer only some time after the responses.
func (w *WriteBack) look(
	ctx context.Context, feed *feed, sentry *sentryapi.Client, incident *v1alpha1.Incident, left []lifecycle.Writing,
) (writeView, error) {
	now := w.feeds.Clock.Now()
	isYoung := func(one lifecycle.Writing) bool { return now.Before(one.At.Add(missingFor)) }
	detail, answer, err := sentry.Issue(ctx, incident.Spec.AlertKey.IssueID())
	isMissing := sentryapi.IsNotFound(err)
	switch {
	case sentryapi.IsForbidden(err):
		err = fmt.Errorf("%w: see that the token sees the issue's project", err)
		return writeView{}, &writeError{v1alpha1.ReasonProjectUnreachable, err}
	case err != nil && !isMissing, isMissing && slices.ContainsFunc(left, isYoung):
		return writeView{}, failureOf(err)
	}
	latest, err := w.feeds.Intake.Latest(ctx, feed.name, incident.Spec.AlertKey)
	if err != nil {
		return writeView{}, err
	}
	return writeView{
		incident: incident, latest: latest, detail: detail, isMissing: isMissing, ahead: answer.Ahead(), now: now,
	}, nil
}

// send makes one change in Sentry. A comment that Sentry refuses as invalid it has had within the last hour.
func send(
	ctx context.Context, sentry *sentryapi.Client, incident *v1alpha1.Incident, writing lifecycle.Writing,
) (outcome v1alpha1.WriteOutcome, why string, err error) {
	id := incident.Spec.AlertKey.IssueID()
	if writing.Kind == v1alpha1.WriteResolve {
		return v1alpha1.OutcomeWritten, "", sentry.Resolve(ctx, id)
	}
	err = sentry.Comment(ctx, id, commentOf(incident, writing))
	if sentryapi.IsInvalid(err) {
		return v1alpha1.OutcomeNotNeeded, err.Error(), nil
	}
	return v1alpha1.OutcomeWritten, "", err
}

// isConnecting tells whether nothing is known that keeps a source from a connection to Sentry.
func isConnecting(source *v1alpha1.AlertSource) bool {
	return loop.ConditionOf(source.Status.Conditions, v1alpha1.ConditionInSync).Status != metav1.ConditionFalse
}

// notConnected is why a source without a connection to Sentry cannot tell it of a response.
func notConnected(source *v1alpha1.AlertSource) error {
	synced := loop.ConditionOf(source.Status.Conditions, v1alpha1.ConditionInSync)
	return &writeError{cmp.Or(synced.Reason, v1alpha1.ReasonSentryUnavailable), errors.New("Sentry cannot be asked: " + synced.Message)}
}

// failureOf is why a call to Sentry did not do what it should.
func failureOf(err error) error {
	switch {
	case sentryapi.IsForbidden(err):
		return &writeError{v1alpha1.ReasonScopeMissing, fmt.Errorf("%w: %s", err, missingWrite)}
	case sentryapi.IsUnauthorized(err):
		return &writeError{v1alpha1.ReasonAuthTokenInvalid, err}
	default:
		return &writeError{v1alpha1.ReasonSentryUnavailable, err}
	}
}
