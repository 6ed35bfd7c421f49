package main

import (
	"context"
	"fmt"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

const (
	// leastCreates is how fast plain creates must be for a run to prove anything.
	leastCreates = 300
	// speedTime is how long each speed is measured.
	speedTime = 15 * time.Second
	// openIssues are repeated in turn.
	openIssues = 500
)

// speeds compares the intake with plain clients, each measured right beside what it is compared with.
func (w *world) speeds(ctx context.Context) error {
	first, wires := w.newIssues(1)
	if err := w.postAll(ctx, len(wires), each(first, wires)); err != nil {
		return err
	}
	like, err := w.get(ctx, first)
	if err != nil {
		return err
	}
	if err := w.speedOfNewIssues(ctx, like); err != nil {
		return err
	}
	return w.speedOfRepeats(ctx, like)
}

func (w *world) speedOfNewIssues(ctx context.Context, like *v1alpha1.Incident) error {
	if err := w.clean(ctx); err != nil {
		return err
	}
	w.progress("Plain creates, no operator, %s", speedTime)
	before, err := plainCreates(ctx, w.client, like, speedTime)
	if err != nil {
		return err
	}
	if err := w.restart(ctx); err != nil {
		return err
	}
	w.progress("New issues over %d connections, %s", plainConcurrency, speedTime)
	first, wires := w.newIssues(int(2*before*speedTime.Seconds()) + 1000)
	timed, cancel := context.WithTimeout(ctx, speedTime)
	defer cancel()
	opened, err := w.closedLoop(timed, plainConcurrency, each(first, wires))
	if err != nil {
		return err
	}
	if err := w.settled(ctx); err != nil {
		return err
	}
	if err := w.clean(ctx); err != nil {
		return err
	}
	w.progress("Plain creates again")
	after, err := plainCreates(ctx, w.client, like, speedTime)
	if err != nil {
		return err
	}
	plain := (before + after) / 2
	w.report.limits = append(w.report.limits,
		fmt.Sprintf("creates: %.0f a second (%.0f before and %.0f after what is compared)", plain, before, after))
	if plain < leastCreates {
		w.report.invalid = fmt.Sprintf("plain creates reached %.0f a second, and under %d the machine is too slow, or too busy, "+
			"to tell anything", plain, leastCreates)
	}
	ratio := opened.aSecond() / plain
	w.add("new issues acknowledged a second, 32 connections, controllers running, against plain creates", "at least 0.8",
		ratio >= 0.8 && opened.refused() == 0, fmt.Sprintf("%.2f", ratio),
		fmt.Sprintf("%.0f a second; p99 %s; %.0f %% from the spool", opened.aSecond(), round(opened.quantile(.99)), 100*opened.accepted()))
	return nil
}

func (w *world) speedOfRepeats(ctx context.Context, like *v1alpha1.Incident) error {
	if err := w.clean(ctx); err != nil {
		return err
	}
	w.progress("Plain updates, no operator, %s", speedTime)
	plain, err := plainUpdates(ctx, w.client, like, openIssues, speedTime)
	if err != nil {
		return err
	}
	w.report.limits = append(w.report.limits, fmt.Sprintf("updates: %.0f a second", plain))
	if err := w.restart(ctx); err != nil {
		return err
	}
	first, wires := w.newIssues(openIssues)
	if _, err := w.closedLoop(ctx, plainConcurrency, each(first, wires)); err != nil {
		return err
	}
	for _, test := range []struct {
		measure     string
		issues      int
		connections int
		goal        float64
	}{
		{"repeated webhooks of 500 open issues a second, in turn, 256 connections, against plain updates", openIssues, 256, 12},
		{"one hot issue, 256 connections, webhooks a second, against the same", 1, 256, 15},
	} {
		wires := make([][]byte, test.issues)
		for i := range wires {
			wires[i] = w.target.request(simulator.EventAlert(simulator.Issue{ID: issueID(first + i)}, "Page", false, time.Now()))
		}
		// What the first one tells is new.
		if _, err := w.closedLoop(ctx, plainConcurrency, each(first, wires)); err != nil {
			return err
		}
		w.progress("Repeats of %d issues over %d connections, %s", test.issues, test.connections, speedTime)
		timed, cancel := context.WithTimeout(ctx, speedTime)
		repeated, err := w.closedLoop(timed, test.connections, roundRobin(first, wires))
		cancel()
		if err != nil {
			return err
		}
		ratio := repeated.aSecond() / plain
		w.add(test.measure, fmt.Sprintf("at least %.0f", test.goal), ratio >= test.goal && repeated.refused() == 0,
			fmt.Sprintf("%.1f", ratio), fmt.Sprintf("%.0f a second; p99 %s", repeated.aSecond(), round(repeated.quantile(.99))))
		if err := w.settled(ctx); err != nil {
			return err
		}
	}
	return nil
}

// add adds a row, and shows it.
func (w *world) add(measure, goal string, reached bool, measured, absolute string) {
	one := w.report.add(measure, goal, reached, measured, absolute)
	w.progress("  %s: %s (%s)", one.measure, one.measured, one.absolute)
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
