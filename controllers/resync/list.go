package resync

import (
	"context"
	"slices"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/panics"
	"github.com/itoc360/itoc360-operator/internal/sentry"
	sentryapi "github.com/itoc360/itoc360-operator/internal/sentry/client"
)

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
		err := p.catch(ctx, "resync issue", func() error { return p.consider(ctx, issue, page.Answer) })
		if panics.Is(err) {
			p.waiting++
			continue
		}
		if err != nil {
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
