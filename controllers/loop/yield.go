package loop

import (
	"context"
	"time"
)

// How long a loop lets the intake go first, at the most.
const (
	// Paging is for what people may be paged by: also in a storm that goes on, they are.
	Paging = 100 * time.Millisecond
	// Bookkeeping is for what nobody waits for.
	Bookkeeping = 2 * time.Second

	// yieldStep is how often a loop looks whether it must wait.
	yieldStep = 5 * time.Millisecond
)

// Intake tells how busy the intake is.
type Intake interface {
	// Busy tells whether the intake is writing.
	Busy() bool
}

// Yield lets the intake's writes go first, for so long at the most, and tells whether it did: Sentry waits for those, a status can
// wait. Claims of messages do not yield. An intake that is nil is never busy.
func Yield(ctx context.Context, intake Intake, atMost time.Duration) (waited bool) {
	if intake == nil || !intake.Busy() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	step := time.NewTicker(yieldStep)
	defer step.Stop()
	for intake.Busy() {
		select {
		case <-ctx.Done():
			return true
		case <-step.C:
		}
	}
	return true
}
