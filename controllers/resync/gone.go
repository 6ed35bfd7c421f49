package resync

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/sentry"
	sentryapi "github.com/itoc360/itoc360-operator/internal/sentry/client"
)

const (
	// goneAfter is how long an issue must be missing, at least, to count as deleted.
	goneAfter = time.Minute
	// projectGoneAfter is how long it must be, if its project is missing too: a token that has lost a project may see it again.
	projectGoneAfter = 24 * time.Hour

	noteDeleted = "deleted"
	noteMerged  = "merged into "
)

// absence is what is known of an issue that Sentry has no more.
type absence struct {
	// since is when it was first missing, by the operator's clock.
	since time.Time
	// isReachable is true if the list of its project was readable after that.
	isReachable bool
}

// isThere takes note that an issue is there, or over: whatever was missing before does not count any more.
func (f *feed) isThere(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.gone, id)
}

// missing deals with an issue that Sentry has no more, as far as its answer tells. It resolves its Incident once that is sure: its
// project can be read, and it is still missing a minute later.
func (f *feed) missing(ctx context.Context, source *v1alpha1.AlertSource, id string, answer sentryapi.Answer, count *tally) error {
	key := v1alpha1.IssueKey(id)
	v, err := f.view(ctx, source, key, answer)
	if err != nil {
		return err
	}
	if v.latest == nil || !v.isOpen() && !lifecycle.IsDisputed(v.latest) {
		f.isThere(id)
		return nil
	}
	known := f.absenceOf(id, v.asked)
	isLong := v.asked.Sub(known.since) >= goneAfter
	if isLong && known.isReachable || v.asked.Sub(known.since) >= projectGoneAfter {
		return f.end(ctx, v, key, noteDeleted, count)
	}
	if !known.isReachable {
		if err := f.reach(ctx, id, v.latest.Spec.Issue.ProjectID); err != nil {
			return err
		}
	}
	if !isLong {
		f.checkAt(id, f.Clock.Now().Add(goneAfter+settleAfter))
	}
	return nil
}

func (f *feed) absenceOf(id string, at time.Time) absence {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone[id] == nil {
		f.gone[id] = &absence{since: at}
	}
	return *f.gone[id]
}

// reach sees whether the project of a missing issue can be read. Only then the issue, not the token, is to blame.
func (f *feed) reach(ctx context.Context, id, project string) error {
	if project == "" {
		return nil
	}
	_, err := f.sentry.Reaches(ctx, project)
	if sentryapi.IsRefused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.gone[id]; known != nil {
		known.isReachable = true
	}
	return nil
}

// end resolves the Incident of an issue that Sentry has no more.
func (f *feed) end(ctx context.Context, v view, key v1alpha1.AlertKey, note string, count *tally) error {
	if !v.isSettled() {
		f.checkAt(key.IssueID(), f.Clock.Now().Add(settleAfter))
		return nil
	}
	heard := lifecycle.Heard{
		Signal: v1alpha1.Signal{
			Time: metav1.NewMicroTime(v.sent.Truncate(time.Microsecond)), Event: v1alpha1.SignalResolve, Action: actionResolved,
			By: v1alpha1.ByResync, Note: note,
		},
		Asked: v.asked, Facts: lifecycle.Facts{Status: ptr.To(lifecycle.StatusResolved)},
	}
	if err := f.tell(ctx, key, heard, true, count); err != nil {
		return err
	}
	f.isThere(key.IssueID())
	return nil
}

// merge deals with an issue that was merged into another one. What is left of it is written first: were the operator killed in
// between, the merged one is still open, and all is done once more.
func (f *feed) merge(
	ctx context.Context, source *v1alpha1.AlertSource, id string, left sentry.Detail, answer sentryapi.Answer,
	since time.Time, count *tally,
) error {
	merged, err := f.view(ctx, source, v1alpha1.IssueKey(id), answer)
	if err != nil {
		return err
	}
	if merged.latest == nil || !merged.isOpen() && !lifecycle.IsDisputed(merged.latest) {
		return nil
	}
	survivor, err := f.view(ctx, source, v1alpha1.IssueKey(left.ID), answer)
	if err != nil {
		return err
	}
	if !merged.isSettled() || !survivor.isSettled() {
		f.checkAt(id, f.Clock.Now().Add(settleAfter))
		return nil
	}
	isUnwanted := source.Spec.Suspend || !source.LetsPass(projectsOf(left.Issue)...)
	if merged.isOpen() && !isUnwanted && left.Status.Value == lifecycle.StatusUnresolved {
		if err := f.handOn(ctx, merged, survivor, left, since, count); err != nil {
			return err
		}
	}
	return f.end(ctx, merged, v1alpha1.IssueKey(id), noteMerged+string(v1alpha1.IssueKey(left.ID)), count)
}

// handOn opens, or refreshes, the Incident of the issue that is left.
func (f *feed) handOn(ctx context.Context, merged, survivor view, left sentry.Detail, since time.Time, count *tally) error {
	handed := &lifecycle.Merged{}
	status, _ := lifecycle.Fold(&merged.latest.Spec, merged.now)
	if at := status.Cycles[len(status.Cycles)-1].AcknowledgedAt; at != nil {
		handed.AcknowledgedBy, handed.AcknowledgedAt = lifecycle.AcknowledgerOf(&merged.latest.Spec), metav1.NewTime(at.Time)
	}
	isQuiet := lifecycle.IsQuiet(merged.latest)
	handed.Pages = handed.AcknowledgedAt.IsZero() && !isQuiet
	found := difference{verdict: doTell, action: actionUnresolved, opens: true}
	switch {
	case survivor.isOpen():
		is, _ := lifecycle.Fold(&survivor.latest.Spec, survivor.now)
		if handed.AcknowledgedAt.IsZero() || is.State == v1alpha1.StateAcknowledged {
			return nil
		}
		found = difference{verdict: doTell, action: actionChanged}
	case survivor.latest == nil:
		found.action = actionCreated
	}
	heard := survivor.heard(found, left.Issue)
	if found.opens {
		// It was open under another id: that is wanted, whatever a new one would mean.
		heard.Signal.Event = v1alpha1.SignalAlert
	}
	heard.Changed, heard.Merged = left.WorsenedAt(), handed
	heard.Signal.Quiet = found.opens && isQuiet && !isNews(left, since)
	return f.tell(ctx, v1alpha1.IssueKey(left.ID), heard, true, count)
}
