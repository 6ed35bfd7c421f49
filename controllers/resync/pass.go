package resync

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/panics"
)

const (
	// maxAsked is how many issues a pass asks for singly because they may be news; the rest waits for the next.
	maxAsked = 200
	// maxDisputed is how many of these others than Sentry resolved: these are asked for again and again.
	maxDisputed = 50
	// maxMissing is how many issues that are in no list a pass asks for singly.
	maxMissing = 200
	// maxFailures is how many issues may fail to be asked for until the pass does.
	maxFailures = 5
	// pageRetries is how often a page is tried again within a pass, pagePause the time between the tries.
	pageRetries = 10
	pagePause   = 30 * time.Second
)

// tally counts what a pass did.
type tally struct {
	opened, openedQuietly, resolved, updated int32
}

func (t *tally) add(more tally) {
	t.opened += more.opened
	t.openedQuietly += more.openedQuietly
	t.resolved += more.resolved
	t.updated += more.updated
}

// pass is one pass over a source's unresolved issues.
type pass struct {
	*feed

	source *v1alpha1.AlertSource
	since  time.Time
	// isFirst is true until one pass has ended.
	isFirst bool
	// listed are the ids of the issues that were seen, whatever became of them.
	listed map[string]bool
	// issues is how many unresolved ones there are.
	issues int
	// candidates are to be asked for singly; isCandidate has their ids.
	candidates  []candidate
	isCandidate map[string]bool
	// refused are the projects whose issues Sentry does not show.
	refused []string
	// waiting is how many issues were left for the next pass, failures how many of them because Sentry could not be asked for them.
	waiting  int32
	failures int
	count    tally
}

type candidate struct {
	id   string
	rank rank
}

// pass makes one pass, and tells how it ended in the source's status.
func (f *feed) pass(ctx context.Context) error {
	source, err := f.source(ctx)
	if err != nil {
		return err
	}
	if source.DeletionTimestamp != nil || source.UID != f.uid {
		return nil
	}
	f.mu.Lock()
	f.number++
	f.mu.Unlock()
	calls := f.sentry.Total()
	startedAt, err := f.begin(ctx, source)
	if err != nil {
		return f.failed(ctx, source, err)
	}
	status := f.known()
	p := &pass{
		feed: f, source: source, since: newsSince(status), isFirst: len(status.Passes) == 0, listed: map[string]bool{},
		isCandidate: map[string]bool{},
	}
	var finishedAt time.Time
	err = panics.CatchError(f.log, "sync run", func() (err error) {
		finishedAt, err = p.run(ctx)
		return err
	})
	if err != nil {
		return f.failed(ctx, source, err)
	}
	f.mu.Lock()
	p.count.add(f.between)
	f.between = tally{}
	f.mu.Unlock()
	done := v1alpha1.ResyncPass{
		StartedAt: metaTime(startedAt), FinishedAt: metaTime(finishedAt), Issues: int32(p.issues), //nolint:gosec // at most 100,000
		Calls:  int32(f.sentry.Total() - calls), //nolint:gosec // a few for each issue
		Opened: p.count.opened, OpenedQuietly: p.count.openedQuietly, Resolved: p.count.resolved, Updated: p.count.updated,
		Waiting: p.waiting, NewsSince: ptr.To(metaTime(p.since)),
	}
	observe(done)
	return f.finish(ctx, done, p.slugsOf(p.refused))
}

// failed tells why a pass did not end, unless the term of office did.
func (f *feed) failed(ctx context.Context, source *v1alpha1.AlertSource, err error) error {
	if ctx.Err() != nil {
		return err
	}
	passesTotal.WithLabelValues(passFailed).Inc()
	return errors.Join(err, f.tellTrouble(ctx, troubleOf(err, source)))
}

// begin sees what the token may do, and takes note of when the first pass began.
func (f *feed) begin(ctx context.Context, source *v1alpha1.AlertSource) (time.Time, error) {
	access, answer, err := f.sentry.Access(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask what the token may do: %w", err)
	}
	f.setClock(answer)
	if err := judgeAccess(access); err != nil {
		return time.Time{}, err
	}
	f.mu.Lock()
	f.writesBack = writesBack(source, access)
	f.mu.Unlock()
	status := f.known()
	if status.FirstStartedAt == nil {
		status.FirstStartedAt = ptr.To(metaTime(answer.At()))
		return answer.At(), f.write(ctx, source, status, conditions{inSync: ptr.To(firstPass())})
	}
	return answer.At(), nil
}

// run lists what is unresolved, asks for what is open here and was not listed, and then for what may be news.
func (p *pass) run(ctx context.Context) (finishedAt time.Time, err error) {
	if err := p.list(ctx, p.named(p.slugs())); err != nil {
		return time.Time{}, err
	}
	p.issues = len(p.listed)
	if err := p.lookForUnlisted(ctx); err != nil {
		return time.Time{}, err
	}
	if err := p.askCandidates(ctx); err != nil {
		return time.Time{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at, nil
}
