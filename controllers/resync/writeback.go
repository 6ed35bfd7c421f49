package resync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

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

	actionWriteBack = "WriteBack"
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

// giveUp takes note that what could not be written so far need not be any more: the response was taken back, or the source writes nothing.
func (w *WriteBack) giveUp(ctx context.Context, incident *v1alpha1.Incident) (ctrl.Result, error) {
	w.pauses.Forget(client.ObjectKeyFromObject(incident))
	if !lifecycle.IsWriting(incident) {
		return ctrl.Result{}, nil
	}
	err := w.patch(ctx, incident, func(status *v1alpha1.IncidentStatus) metav1.Condition { return writtenBack(status.WriteBack) })
	if err != nil {
		return loop.Again(err)
	}
	return ctrl.Result{}, nil
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
	id := incident.Spec.AlertKey.IssueID()
	detail, answer, err := feed.sentry.Issue(ctx, id)
	isMissing := sentryapi.IsNotFound(err)
	switch {
	case sentryapi.IsForbidden(err):
		return &writeError{v1alpha1.ReasonProjectUnreachable, fmt.Errorf("%w: see that the token sees the issue's project", err)}
	case err != nil && !isMissing:
		return failureOf(err)
	}
	for _, one := range due(source, incident) {
		now := w.feeds.Clock.Now()
		if isMissing && now.Before(one.At.Add(missingFor)) {
			return failureOf(err)
		}
		outcome, why := v1alpha1.OutcomeDropped, "Sentry does not have the issue any more"
		if !isMissing {
			latest, err := w.feeds.Intake.Latest(ctx, feed.name, incident.Spec.AlertKey)
			if err != nil {
				return err
			}
			view := writeView{incident: incident, latest: latest, detail: detail, ahead: answer.Ahead()}
			outcome, why = view.judge(one)
		}
		if outcome == v1alpha1.OutcomeWritten {
			if why, err = send(ctx, feed.sentry, incident, one); err != nil {
				return failureOf(err)
			}
		}
		if err := w.record(ctx, incident, recordOf(one, outcome, why, w.feeds.Clock.Now())); err != nil {
			return err
		}
	}
	return nil
}

// send makes one change in Sentry, and says what Sentry had to say about it.
func send(ctx context.Context, sentry *sentryapi.Client, incident *v1alpha1.Incident, writing lifecycle.Writing) (why string, err error) {
	id := incident.Spec.AlertKey.IssueID()
	if writing.Kind == v1alpha1.WriteResolve {
		return "", sentry.Resolve(ctx, id)
	}
	err = sentry.Comment(ctx, id, commentOf(incident, writing))
	if sentryapi.IsInvalid(err) {
		// Sentry has had this text within the last hour.
		return err.Error(), nil
	}
	return "", err
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

// drop records that some writings are dropped.
func (w *WriteBack) drop(ctx context.Context, incident *v1alpha1.Incident, writings []lifecycle.Writing, why string) error {
	var records []v1alpha1.WriteRecord
	for _, one := range writings {
		records = append(records, recordOf(one, v1alpha1.OutcomeDropped, why, w.feeds.Clock.Now()))
	}
	return w.record(ctx, incident, records...)
}

// record records what became of writings, on the Incident as it is now, and tells it in Events.
func (w *WriteBack) record(ctx context.Context, incident *v1alpha1.Incident, records ...v1alpha1.WriteRecord) error {
	err := w.patch(ctx, incident, func(status *v1alpha1.IncidentStatus) metav1.Condition {
		for _, record := range records {
			status.WriteBack = remember(status.WriteBack, record)
		}
		return writtenBack(status.WriteBack)
	})
	if err != nil {
		return err
	}
	for _, record := range records {
		writesTotal.WithLabelValues(string(record.Kind), string(record.Outcome)).Inc()
		kind, reason := corev1.EventTypeNormal, v1alpha1.ReasonWritten
		if record.Outcome == v1alpha1.OutcomeDropped {
			kind, reason = corev1.EventTypeWarning, v1alpha1.ReasonDropped
		}
		w.feeds.Recorder.Eventf(incident, nil, kind, reason, actionWriteBack, "%s", sentence(tell(record)))
	}
	return nil
}

// tellFailure writes what keeps Sentry from being told, and says when to try again. What could not be told for a week is dropped.
func (w *WriteBack) tellFailure(
	ctx context.Context, source *v1alpha1.AlertSource, incident *v1alpha1.Incident, failed *writeError,
) (ctrl.Result, error) {
	if ctx.Err() != nil {
		return ctrl.Result{}, failed
	}
	writeFailuresTotal.Inc()
	now := w.feeds.Clock.Now()
	left := due(source, incident)
	expired := slices.DeleteFunc(slices.Clone(left), func(one lifecycle.Writing) bool { return now.Before(one.At.Add(writingExpires)) })
	if len(expired) > 0 {
		if err := w.drop(ctx, incident, expired, "that failed for a week: "+failed.Error()); err != nil {
			return loop.Again(err)
		}
		left = due(source, incident)
	}
	if len(left) == 0 {
		w.pauses.Forget(client.ObjectKeyFromObject(incident))
		return ctrl.Result{}, nil
	}
	was := loop.ConditionOf(incident.Status.Conditions, v1alpha1.ConditionWrittenBack)
	is := metav1.Condition{
		Type: v1alpha1.ConditionWrittenBack, Status: metav1.ConditionFalse, Reason: failed.reason,
		Message: sentence(nameOf(left[0].Kind)) + " could not be written to Sentry, and is tried again: " + failed.Error(),
	}
	if err := w.patch(ctx, incident, func(*v1alpha1.IncidentStatus) metav1.Condition { return is }); err != nil {
		return loop.Again(err)
	}
	if was.Reason != is.Reason {
		w.feeds.Recorder.Eventf(incident, nil, corev1.EventTypeWarning, is.Reason, actionWriteBack, "%s", is.Message)
	}
	return ctrl.Result{RequeueAfter: w.pauses.When(client.ObjectKeyFromObject(incident))}, nil
}

// patch changes the part of an Incident's status that is of this controller, on the Incident as it is now. A condition that says nothing
// is taken away.
func (w *WriteBack) patch(
	ctx context.Context, incident *v1alpha1.Incident, change func(*v1alpha1.IncidentStatus) metav1.Condition,
) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := w.feeds.APIReader.Get(ctx, client.ObjectKeyFromObject(incident), incident); err != nil {
			return fmt.Errorf("get the Incident: %w", err)
		}
		before := incident.DeepCopy()
		condition := change(&incident.Status)
		condition.ObservedGeneration = incident.Generation
		if condition.Message == "" {
			meta.RemoveStatusCondition(&incident.Status.Conditions, condition.Type)
		} else {
			meta.SetStatusCondition(&incident.Status.Conditions, condition)
		}
		patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		if err := w.feeds.Client.Status().Patch(ctx, incident, patch); err != nil {
			return fmt.Errorf("patch the Incident's status: %w", err)
		}
		return nil
	})
}

// ofSource are the Incidents of a source of which Sentry could not be told so far: something of the source has changed.
func (w *WriteBack) ofSource(ctx context.Context, object client.Object) []reconcile.Request {
	incidents, err := loop.Incidents(ctx, w.feeds.Client, client.ObjectKeyFromObject(object))
	if err != nil {
		return nil
	}
	var requests []reconcile.Request
	for i := range incidents {
		name := client.ObjectKeyFromObject(&incidents[i])
		if lifecycle.IsWriting(&incidents[i]) {
			w.pauses.Forget(name)
			requests = append(requests, reconcile.Request{NamespacedName: name})
		}
	}
	return requests
}

// SetupWithManager registers the controller "write-back". Of Incidents, it hears what may be written of them.
func (w *WriteBack) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("write-back").WithOptions(loop.ControllerOptions()).
		For(&v1alpha1.Incident{}, builder.WithPredicates(isUnwritten(), hasAnswered())).
		Watches(&v1alpha1.AlertSource{}, handler.EnqueueRequestsFromMapFunc(w.ofSource), builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, accessChanged()))).
		Complete(w)
	if err != nil {
		return fmt.Errorf("set up controller write-back: %w", err)
	}
	return nil
}

// isUnwritten lets an Incident pass of which Sentry may have to be told, or could not be.
func isUnwritten() predicate.Predicate {
	return predicate.NewPredicateFuncs(func(object client.Object) bool {
		incident, ok := object.(*v1alpha1.Incident)
		return ok && (len(lifecycle.Unwritten(incident)) > 0 || lifecycle.IsWriting(incident))
	})
}

// hasAnswered lets an Incident pass if there is something else to tell Sentry than before: what is heard of it does not matter.
func hasAnswered() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.Incident)
		is, isIncident := e.ObjectNew.(*v1alpha1.Incident)
		return ok && isIncident && !slices.EqualFunc(lifecycle.Unwritten(was), lifecycle.Unwritten(is), lifecycle.Writing.Same)
	}}
}

// accessChanged lets a source pass of which it has changed what Sentry lets it do.
func accessChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.AlertSource)
		is, isSource := e.ObjectNew.(*v1alpha1.AlertSource)
		if !ok || !isSource {
			return false
		}
		for _, kind := range []string{v1alpha1.ConditionInSync, v1alpha1.ConditionWritesBack} {
			if loop.ConditionOf(was.Status.Conditions, kind).Status != loop.ConditionOf(is.Status.Conditions, kind).Status {
				return true
			}
		}
		return false
	}}
}
