package resync

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/panics"
	sentryapi "github.com/itoc360/itoc360-operator/internal/sentry/client"
)

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
	err := p.catch(ctx, "resync issue", func() error { return p.ask(ctx, p.source, id, p.since, &p.count) })
	switch {
	case err == nil:
		return nil
	case panics.Is(err):
		p.waiting++
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
		_ = panics.Catch(p.log.WithValues("incident", open[i].Name), "resync issue", func() {
			if incident := &open[i]; isOpen(incident, now) && incident.DeletionTimestamp == nil && !incident.Spec.Test {
				keys = append(keys, incident.Spec.AlertKey)
			}
		})
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
