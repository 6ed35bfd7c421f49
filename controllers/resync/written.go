package resync

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// actionWriteBack is what the operator was doing when it had something to tell.
const actionWriteBack = "WriteBack"

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
		w.feeds.Recorder.Eventf(incident, nil, kind, reason, actionWriteBack, "%s", sentence(endingOf(record)))
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
		written, err := loop.PatchStatus(ctx, w.feeds.Client, before, incident)
		if err != nil {
			return err
		}
		*incident = *written
		return nil
	})
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
