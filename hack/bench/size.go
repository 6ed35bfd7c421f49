package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

const (
	// fewIncidents and manyIncidents are how many there are when memory is measured; one in ten is open.
	fewIncidents, manyIncidents = 10_000, 100_000
	// chunk is how many copies are made between two words of progress.
	chunk = 10_000
	// rest is how long the operator has nothing to do before its memory is measured.
	rest         = 30 * time.Second
	mostMiB      = 450
	slowestStart = 30 * time.Second
)

// fewSize measures what 10,000 Incidents cost.
func (w *world) fewSize(ctx context.Context) error { return w.sizeOf(ctx, fewIncidents) }

// manySize measures what 100,000 cost.
func (w *world) manySize(ctx context.Context) error { return w.sizeOf(ctx, manyIncidents) }

// sizeOf makes Incidents until there are so many, of which one in ten is open. The operator makes one of each kind, and writes
// their statuses; plain clients make copies of them, which it has nothing to add to.
func (w *world) sizeOf(ctx context.Context, count int) error {
	first, wires := w.newIssues(2)
	if err := w.postAll(ctx, len(wires), each(first, wires)); err != nil {
		return err
	}
	end := w.target.request(simulator.IssueWebhook("resolved", simulator.Issue{ID: issueID(first)}, time.Now().Add(time.Minute)))
	if err := w.postAll(ctx, 1, each(first, [][]byte{end})); err != nil {
		return err
	}
	if err := w.stopOperator(2 * time.Minute); err != nil {
		return err
	}
	resolvedOne, err := w.get(ctx, first)
	if err != nil {
		return err
	}
	openOne, err := w.get(ctx, first+1)
	if err != nil {
		return err
	}
	if err := w.copies(ctx, resolvedOne, count*9/10-1); err != nil {
		return err
	}
	if err := w.copies(ctx, openOne, count/10-2); err != nil {
		return err
	}
	return w.size(ctx, count)
}

// copies makes so many Incidents like one, of issues of their own.
func (w *world) copies(ctx context.Context, like *v1alpha1.Incident, count int) error {
	first := w.issues
	w.issues += count
	w.copied += count
	var made atomic.Int64
	var making errgroup.Group
	making.SetLimit(plainConcurrency)
	for i := range count {
		making.Go(func() error {
			copied := plainCopy(like, "")
			id := issueID(first + i)
			copied.Spec.AlertKey, copied.Spec.Issue.ID = v1alpha1.IssueKey(id), id
			copied.Namespace, copied.Name = namespace, v1alpha1.IncidentName(sourceName, copied.Spec.AlertKey, 1)
			copied.Labels = map[string]string{v1alpha1.LabelSource: sourceName, v1alpha1.LabelAlert: copied.Spec.AlertKey.Label()}
			if err := w.client.Create(ctx, copied); err != nil {
				return fmt.Errorf("copy an Incident: %w", err)
			}
			copied.Status = *like.Status.DeepCopy()
			// A copy has generation 1, whatever its original went through.
			copied.Status.ObservedGeneration = copied.Generation
			for c := range copied.Status.Conditions {
				copied.Status.Conditions[c].ObservedGeneration = copied.Generation
			}
			if err := w.client.Status().Update(ctx, copied); err != nil {
				return fmt.Errorf("copy a status: %w", err)
			}
			if done := made.Add(1); done%chunk == 0 {
				w.progress("  %d of %d copies", done, count)
			}
			return nil
		})
	}
	return making.Wait()
}

// postAll posts each once, and waits until all is done.
func (w *world) postAll(ctx context.Context, count int, request func(number int) (issue int, wire []byte)) error {
	answers, err := w.closedLoop(ctx, min(count, burstConnections), func(number int) (int, []byte) {
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
