package resync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/sentry"
	sentryapi "github.com/itoc360/itoc360-operator/internal/sentry/client"
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
	finishedAt, err := p.run(ctx)
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

// slugs are the projects of the source's allow-list; none: all.
func (p *pass) slugs() []string {
	if p.source.Spec.Sentry == nil {
		return nil
	}
	return p.source.Spec.Sentry.Projects
}

// named are projects as this Sentry wants them named: by slug or, as far as they are known, by id. If it wants ids, and one is not
// known, all projects are listed, whose issues tell them; what is not wanted is left out here.
func (p *pass) named(slugs []string) sentryapi.Projects {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wantsIDs {
		return slugs
	}
	var ids []string
	for _, slug := range slugs {
		id := p.projects[slug]
		if id == "" {
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}

// slugsOf are the slugs of projects that may be named by their ids.
func (f *feed) slugsOf(projects []string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	slugs := slices.Clone(projects)
	for slug, id := range f.projects {
		if place := slices.Index(slugs, id); place >= 0 {
			slugs[place] = slug
		}
	}
	return slugs
}

// list goes through the unresolved issues of some projects, and once more through the first page: what jumped forward meanwhile is
// mostly there.
func (p *pass) list(ctx context.Context, projects sentryapi.Projects) error {
	err := p.pages(ctx, projects, "")
	switch {
	case err == nil:
		return p.firstPage(ctx, projects)
	case !sentryapi.IsRefused(err):
		return err
	case len(projects) == 0:
		return &unreachable{err}
	default:
		return p.listRefused(ctx, projects, err)
	}
}

// listRefused goes on where some projects were refused together: with their ids, where slugs are refused as such, or with each alone.
func (p *pass) listRefused(ctx context.Context, projects sentryapi.Projects, cause error) error {
	if sentryapi.IsInvalid(cause) && !p.wantsIDs {
		p.mu.Lock()
		p.wantsIDs = true
		p.mu.Unlock()
		return p.list(ctx, p.named(projects))
	}
	if len(projects) == 1 {
		return p.refuse(ctx, projects[0], cause)
	}
	for _, project := range projects {
		if err := p.list(ctx, sentryapi.Projects{project}); err != nil {
			return err
		}
	}
	return nil
}

// refuse takes note of a project that Sentry does not show. If it shows none, the organization is to blame.
func (p *pass) refuse(ctx context.Context, project string, cause error) error {
	if len(p.refused) == 0 {
		if _, err := p.sentry.Reaches(ctx, "-1"); sentryapi.IsRefused(err) {
			return &unreachable{cause}
		} else if err != nil {
			return err
		}
	}
	p.refused = append(p.refused, project)
	return nil
}

// pages goes through a list from a cursor on. A page that fails is tried again for some minutes.
func (p *pass) pages(ctx context.Context, projects sentryapi.Projects, cursor string) error {
	for tries := 0; ; tries++ {
		var failed error
		for page, err := range p.sentry.Unresolved(ctx, projects, cursor) {
			cursor = page.Cursor
			if failed = err; err != nil {
				break
			}
			if err := p.take(ctx, page); err != nil {
				return err
			}
			tries = 0
		}
		if failed == nil || sentryapi.IsRefused(failed) || sentryapi.IsUnauthorized(failed) || tries >= pageRetries || ctx.Err() != nil {
			return failed
		}
		p.sleep(ctx, pagePause)
	}
}

func (p *pass) firstPage(ctx context.Context, projects sentryapi.Projects) error {
	for page, err := range p.sentry.Unresolved(ctx, projects, "") {
		if err != nil {
			return err
		}
		return p.take(ctx, page)
	}
	return nil
}

// take brings the Incidents of one page's issues in step.
func (p *pass) take(ctx context.Context, page sentryapi.Page) error {
	for _, issue := range page.Issues {
		if !sentry.ValidID(issue.ID) {
			continue
		}
		p.listed[issue.ID] = true
		p.isThere(issue.ID)
		if err := p.consider(ctx, issue, page.Answer); err != nil {
			return err
		}
	}
	return nil
}

// consider brings the Incident of a listed issue in step, or lets it be asked for singly.
func (p *pass) consider(ctx context.Context, issue sentry.Issue, answer sentryapi.Answer) error {
	p.learn(issue.Project.Value, issue.ProjectID)
	key := v1alpha1.IssueKey(issue.ID)
	v, err := p.view(ctx, p.source, key, answer)
	if err != nil {
		return err
	}
	found := v.judge(issue)
	switch {
	case found.verdict == doNothing:
		return nil
	case found.verdict == doWait:
		p.checkAt(issue.ID, p.Clock.Now().Add(settleAfter))
		return nil
	case found.verdict == doAsk && !p.isOpenedUnasked(found):
		if !p.isCandidate[issue.ID] {
			p.isCandidate[issue.ID] = true
			p.candidates = append(p.candidates, candidate{issue.ID, found.rank})
		}
		return nil
	}
	heard := v.heard(found, issue)
	heard.Signal.Quiet = found.opens
	return p.tell(ctx, key, heard, false, &p.count)
}

// isOpenedUnasked tells whether an issue that probably is old opens quietly without being asked for: in a first pass, or where there is
// enough to ask for already.
func (p *pass) isOpenedUnasked(found difference) bool {
	return found.rank == rankOngoing && (p.isFirst || len(p.candidates) >= maxAsked)
}

// askCandidates asks singly for what may be news: first for what probably is.
func (p *pass) askCandidates(ctx context.Context) error {
	p.turnDisputed()
	asked, disputed := 0, 0
	for _, one := range p.candidates {
		if one.rank == rankDisputed {
			disputed++
			if disputed > maxDisputed {
				continue
			}
		}
		asked++
		if asked > maxAsked {
			p.waiting++
			continue
		}
		if one.rank == rankDisputed {
			p.lastDisputed = one.id
		}
		if err := p.askFor(ctx, one.id); err != nil {
			return err
		}
	}
	return nil
}

// askFor asks for one issue. What fails waits for the next pass, unless too much does.
func (p *pass) askFor(ctx context.Context, id string) error {
	err := p.ask(ctx, p.source, id, p.since, &p.count)
	if err == nil {
		return nil
	}
	p.failures++
	if p.failures > maxFailures || ctx.Err() != nil || sentryapi.IsUnauthorized(err) {
		return err
	}
	p.log.Error(err, "Could not bring an issue in step", "issue", id)
	p.waiting++
	return nil
}

// turnDisputed orders the candidates by rank, and the disputed ones so that those come first which the last pass did not come to.
func (p *pass) turnDisputed() {
	last := p.lastDisputed
	isBehind := func(c candidate) int {
		if c.rank == rankDisputed && compareIDs(c.id, last) <= 0 {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(p.candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(isBehind(a), isBehind(b)), compareIDs(a.id, b.id))
	})
}

// compareIDs compares decimal numbers.
func compareIDs(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) }

// lookForUnlisted asks for the issues of Incidents that are open, or in dispute, and were not listed: a hundred at once and, what that
// leaves out, singly.
func (p *pass) lookForUnlisted(ctx context.Context) error {
	unlisted, err := p.unlisted(ctx)
	if err != nil {
		return err
	}
	asked := 0
	for chunk := range slices.Chunk(unlisted, sentryapi.MaxNamed) {
		if err := p.takeNamed(ctx, chunk); err != nil {
			return err
		}
		for _, id := range chunk {
			if p.listed[id] || asked >= maxMissing {
				continue
			}
			asked++
			if err := p.askFor(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeNamed brings the Incidents of some issues in step, as far as they are in the projects whose issues Sentry shows.
func (p *pass) takeNamed(ctx context.Context, ids []string) error {
	projects := p.reachable()
	if len(projects) == 0 && len(p.refused) > 0 {
		return nil
	}
	page, err := p.sentry.Named(ctx, projects, ids)
	if sentryapi.IsRefused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return p.take(ctx, page)
}

// reachable are the projects whose issues Sentry shows; none: all.
func (p *pass) reachable() sentryapi.Projects {
	return slices.DeleteFunc(slices.Clone(p.named(p.slugs())), func(project string) bool {
		return slices.Contains(p.refused, project)
	})
}

// unlisted are the ids of the issues of Incidents that are open, or in dispute, and were not listed.
func (p *pass) unlisted(ctx context.Context) ([]string, error) {
	open, err := loop.Incidents(ctx, p.Client, p.name)
	if err != nil {
		return nil, err
	}
	keys, err := loop.Disputed(ctx, p.Client, p.name)
	if err != nil {
		return nil, err
	}
	now := p.Clock.Now()
	for i := range open {
		if incident := &open[i]; isOpen(incident, now) && incident.DeletionTimestamp == nil && !incident.Spec.Test {
			keys = append(keys, incident.Spec.AlertKey)
		}
	}
	var unlisted []string
	for _, key := range keys {
		if id := key.IssueID(); id != "" && !p.listed[id] {
			unlisted = append(unlisted, id)
		}
	}
	slices.SortFunc(unlisted, compareIDs)
	return slices.Compact(unlisted), nil
}
