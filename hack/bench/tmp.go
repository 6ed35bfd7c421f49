package main

import "context"

func (w *world) repeatsAlone(ctx context.Context) error {
	first, wires := w.newIssues(openIssues)
	if _, err := w.closedLoop(ctx, plainConcurrency, each(first, wires)); err != nil {
		return err
	}
	like, err := w.get(ctx, first)
	if err != nil {
		return err
	}
	return w.speedOfRepeats(ctx, like, first)
}
