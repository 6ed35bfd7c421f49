package loop

import (
	"context"
	"time"
)

const (
	// yieldAtMost is how long a loop lets the intake go first. Not longer: also in a storm that goes on, people are paged.
	yieldAtMost = 250 * time.Millisecond
	// yieldStep is how often it looks whether it must.
	yieldStep = 5 * time.Millisecond
)

// Intake tells how busy the intake is.
type Intake interface {
	// Busy tells whether the intake is writing.
	Busy() bool
}

// Yield lets the intake's writes go first: Sentry waits for those, a status can wait. Claims of messages do not yield. An intake
// that is nil is never busy.
func Yield(ctx context.Context, intake Intake) {
	if intake == nil || !intake.Busy() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, yieldAtMost)
	defer cancel()
	step := time.NewTicker(yieldStep)
	defer step.Stop()
	for intake.Busy() {
		select {
		case <-ctx.Done():
			return
		case <-step.C:
		}
	}
}
