package resync

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/panics"
	"github.com/itoc360/itoc360-operator/internal/sentry"
	sentryapi "github.com/itoc360/itoc360-operator/internal/sentry/client"
)

// checkAt asks for an issue singly at a time, unless it is to be asked for earlier.
func (f *feed) checkAt(id string, at time.Time) {
	f.mu.Lock()
	if known, ok := f.checks[id]; !ok || at.Before(known) {
		f.checks[id] = at
	}
	f.mu.Unlock()
	select {
	case f.woken <- struct{}{}:
	default:
	}
}

// runChecks asks for what is due until the context ends.
func (f *feed) runChecks(ctx context.Context) {
	for ctx.Err() == nil {
		pause := f.checkDue(ctx)
		select {
		case <-ctx.Done():
		case <-f.woken:
		case <-f.Clock.After(pause):
		}
	}
}

// checkDue asks for all that is due, and says when to come again.
func (f *feed) checkDue(ctx context.Context) time.Duration {
	for _, id := range f.dueChecks() {
		if ctx.Err() != nil {
			break
		}
		err := f.catch(ctx, "resync check", func() error { return f.check(ctx, id) })
		switch {
		case panics.Is(err):
			f.checkAt(id, f.Clock.Now().Add(failedPause))
		case err != nil && ctx.Err() == nil:
			// The next pass comes to it.
			f.log.Error(err, "Could not check an issue with Sentry", "issue", id)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	pause := time.Hour
	for _, at := range f.checks {
		pause = min(pause, max(at.Sub(f.Clock.Now()), 0))
	}
	return pause
}

// dueChecks takes out what is due, in the order of ids.
func (f *feed) dueChecks() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.Clock.Now()
	due := slices.DeleteFunc(slices.Sorted(maps.Keys(f.checks)), func(id string) bool { return f.checks[id].After(now) })
	for _, id := range due {
		delete(f.checks, id)
	}
	return due
}

// check asks for one issue and brings its Incident in step.
func (f *feed) check(ctx context.Context, id string) error {
	source, err := f.source(ctx)
	if err != nil {
		return err
	}
	var count tally
	defer func() { f.countBetween(count) }()
	return f.ask(ctx, source, id, newsSince(f.known()), &count)
}

// ask asks for one issue and brings its Incident in step. What changed after since is news.
func (f *feed) ask(ctx context.Context, source *v1alpha1.AlertSource, id string, since time.Time, count *tally) error {
	detail, answer, err := f.sentry.Issue(ctx, id)
	switch {
	case sentryapi.IsNotFound(err):
		return f.missing(ctx, source, id, answer, count)
	case sentryapi.IsForbidden(err):
		// The token does not see it: that says nothing about the issue.
		return nil
	case err != nil:
		return err
	}
	f.isThere(id)
	if detail.ID != id {
		return f.merge(ctx, source, id, detail, answer, since, count)
	}
	return f.settle(ctx, source, detail, answer, since, count)
}

// settle brings an issue's Incident in step with what Sentry says of it singly.
func (f *feed) settle(
	ctx context.Context, source *v1alpha1.AlertSource, detail sentry.Detail, answer sentryapi.Answer, since time.Time, count *tally,
) error {
	key := v1alpha1.IssueKey(detail.ID)
	f.learn(detail.Project.Value, detail.ProjectID)
	v, err := f.view(ctx, source, key, answer)
	if err != nil {
		return err
	}
	found := v.judge(detail.Issue)
	switch {
	case found.verdict == doNothing, found.opens && detail.Sample:
		return nil
	case found.verdict == doWait:
		f.checkAt(detail.ID, f.Clock.Now().Add(settleAfter))
		return nil
	}
	heard := v.heard(found, detail.Issue)
	heard.Changed = detail.WorsenedAt()
	comesBack := found.opens || found.action == actionUnresolved
	heard.Signal.Quiet = comesBack && !isNews(detail, since)
	return f.tell(ctx, key, heard, isUnarchived(detail), count)
}

// tell hands a difference in and counts what it did. Of what is expected no webhook need come.
func (f *feed) tell(ctx context.Context, key v1alpha1.AlertKey, heard lifecycle.Heard, isExpected bool, count *tally) error {
	effect, isRecorded, err := f.record(ctx, key, heard)
	if err != nil {
		return err
	}
	isMissed := false
	switch effect {
	case v1alpha1.EffectOpened, v1alpha1.EffectReopened:
		if heard.Signal.Quiet {
			count.openedQuietly++
			break
		}
		count.opened++
		isMissed = !isExpected
	case v1alpha1.EffectResolved:
		count.resolved++
		isMissed = !isExpected
	default:
		if isRecorded {
			count.updated++
		}
	}
	if isMissed {
		f.found(key, effect)
	}
	return nil
}

// known is the status as it was last written.
func (f *feed) known() v1alpha1.ResyncStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *f.status.DeepCopy()
}
