package main

import (
	"context"
	"fmt"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

const (
	// fewIncidents and manyIncidents are how many there are when memory is measured; one in ten is open.
	fewIncidents, manyIncidents = 10_000, 100_000
	// chunk is how many are made between two words of progress.
	chunk = 10_000
	// rest is how long the operator has nothing to do before its memory is measured.
	rest         = 30 * time.Second
	mostMiB      = 450
	slowestStart = 30 * time.Second
)

// fewSize measures what 10,000 Incidents cost.
func (w *world) fewSize(ctx context.Context) error {
	return w.sizeOf(ctx, fewIncidents)
}

// manySize measures what 100,000 cost, those included that other parts have left behind.
func (w *world) manySize(ctx context.Context) error {
	if err := w.resolveMost(ctx); err != nil {
		return err
	}
	return w.sizeOf(ctx, manyIncidents)
}

func (w *world) sizeOf(ctx context.Context, count int) error {
	for {
		found, err := w.incidents(ctx)
		if err != nil {
			return err
		}
		missing := count - len(found)
		if missing <= 0 {
			return w.size(ctx, count)
		}
		w.progress("Making Incidents: %d of %d", len(found), count)
		if err := w.lives(ctx, min(missing, chunk)); err != nil {
			return err
		}
	}
}

// resolveMost resolves nine of ten Incidents.
func (w *world) resolveMost(ctx context.Context) error {
	found, err := w.incidents(ctx)
	if err != nil {
		return err
	}
	w.progress("Resolving nine of ten of %d Incidents", len(found))
	var open []int
	for issue := range w.taken {
		incident := found[v1alpha1.IssueKey(issueID(issue))]
		if issue%10 != 0 && incident != nil && incident.Status.State != v1alpha1.StateResolved {
			open = append(open, issue)
		}
	}
	return w.resolve(ctx, open)
}

func (w *world) resolve(ctx context.Context, issues []int) error {
	at := time.Now().Add(time.Minute)
	return w.postAll(ctx, len(issues), func(number int) (int, []byte) {
		issue := issues[number]
		return issue, w.target.request(simulator.IssueWebhook("resolved", simulator.Issue{ID: issueID(issue)}, at))
	})
}

// postAll posts each once, and waits until all is done.
func (w *world) postAll(ctx context.Context, count int, request func(number int) (issue int, wire []byte)) error {
	answers, err := w.closedLoop(ctx, burstConnections, func(number int) (int, []byte) {
		if number >= count {
			return 0, nil
		}
		return request(number)
	})
	if err != nil {
		return err
	}
	if refused := answers.refused(); refused > 0 {
		return fmt.Errorf("%d of %d webhooks were refused", refused, len(answers.all))
	}
	return w.settled(ctx)
}

// size measures memory and start with so many Incidents.
func (w *world) size(ctx context.Context, count int) error {
	if err := w.stopOperator(2 * time.Minute); err != nil {
		return err
	}
	w.progress("Starting with %d Incidents", count)
	took, err := w.startOperator(ctx)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rest):
	}
	now, most := w.residentMiB()
	goal, reached := "also given", true
	if count == manyIncidents {
		goal, reached = fmt.Sprintf("at most %d MiB", mostMiB), most <= mostMiB
		w.add("start to ready with 100,000 Incidents", "at most 30 s", took <= slowestStart, took.Round(100*time.Millisecond).String(), "")
	}
	w.add(fmt.Sprintf("resident memory with %d Incidents, 10 %% open", count), goal, reached,
		fmt.Sprintf("%d MiB", most), fmt.Sprintf("the most since its start; %d MiB %s after it was ready", now, rest))
	return nil
}

// lives makes Incidents by webhooks: of ten, nine are resolved.
func (w *world) lives(ctx context.Context, count int) error {
	first, opening := w.newIssues(count)
	if err := w.postAll(ctx, count, each(first, opening)); err != nil {
		return err
	}
	var ending []int
	for issue := first; issue < first+count; issue++ {
		if issue%10 != 0 {
			ending = append(ending, issue)
		}
	}
	return w.resolve(ctx, ending)
}
