package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

// newIssues are the wires of the created of issues that nobody has heard of.
func (w *world) newIssues(count int) (first int, wires [][]byte) {
	first = w.issues
	w.issues += count
	wires = make([][]byte, count)
	for i := range wires {
		wires[i] = w.target.request(simulator.IssueWebhook("created", simulator.Issue{ID: issueID(first + i)}, time.Now()))
	}
	return first, wires
}

func issueID(number int) string { return fmt.Sprint(1_000_000 + number) }

// each is a request for each of some wires, in turn, once.
func each(first int, wires [][]byte) func(number int) (int, []byte) {
	return func(number int) (int, []byte) {
		if number >= len(wires) {
			return 0, nil
		}
		return first + number, wires[number]
	}
}

// roundRobin is a request for some wires in turn, for ever.
func roundRobin(first int, wires [][]byte) func(number int) (int, []byte) {
	return func(number int) (int, []byte) { return first + number%len(wires), wires[number%len(wires)] }
}

func (w *world) closedLoop(
	ctx context.Context, connections int, request func(number int) (issue int, wire []byte),
) (posts, error) {
	wait := w.profile(ctx)
	answers, err := closedLoop(ctx, w.target, connections, request)
	wait()
	return w.noted(answers), err
}

func (w *world) openLoop(
	ctx context.Context, aSecond, count int, request func(number int) (issue int, wire []byte),
) (posts, error) {
	wait := w.profile(ctx)
	answers, err := openLoop(ctx, w.target, aSecond, count, request)
	wait()
	return w.noted(answers), err
}

func (w *world) noted(answers posts) posts {
	for _, one := range answers.all {
		if one.status == http.StatusOK {
			w.taken[one.issue]++
		}
	}
	return answers
}
