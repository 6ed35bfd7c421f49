// Package panics keeps a panic in one unit of work from ending the process. A unit is what is processed for one object: a
// message to a channel, a batch of signals, a sync run. Its panic is logged with the stack and counted, and becomes an error
// that the unit's caller treats as any other failure: it is tried again later, and the other units go on meanwhile.
package panics

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
)

// Total counts the recovered panics by unit. Whoever serves metrics registers it.
var Total = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "itoc360_panics_total",
	Help: "Panics that were recovered, by the unit of work that panicked.",
}, []string{"unit"})

// Error is a recovered panic. Its text names the unit and not the value that it panicked with, which only the log has: the text
// may be shown in a status or an Event.
type Error struct {
	// Unit names the unit of work.
	Unit string
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("the operator panicked (%s); its log has the stack, please report it", e.Unit)
}

// Is reports whether an error is, or wraps, a recovered panic.
func Is(err error) bool {
	var recovered *Error
	return errors.As(err, &recovered)
}

// Catch runs f and returns nil. If f panics, Catch logs and counts that, and returns an Error.
func Catch(log logr.Logger, unit string, f func()) (err error) {
	defer func() {
		if value := recover(); value != nil {
			Total.WithLabelValues(unit).Inc()
			log.Error(fmt.Errorf("panic: %v", value), "Recovered from a panic", "unit", unit, "stack", string(debug.Stack()))
			err = &Error{Unit: unit}
		}
	}()
	f()
	return nil
}

// CatchError runs f and returns its error, or an Error if it panics.
func CatchError(log logr.Logger, unit string, f func() error) (err error) {
	if recovered := Catch(log, unit, func() { err = f() }); recovered != nil {
		return recovered
	}
	return err
}

// The pauses before a loop that panicked is started again: doubled each time in a row, up to the longest.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// KeepRunning runs a loop that serves many objects until it returns, and starts it again when it panics, after a pause that
// grows from a second to a minute. It returns what the loop returns; nil if the context ends during a pause. The loop's own
// context ends whenever the loop does, so that nothing it subscribed to outlives it.
func KeepRunning(ctx context.Context, log logr.Logger, unit string, loop func(ctx context.Context) error) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		running, stop := context.WithCancel(ctx)
		err := CatchError(log, unit, func() error { return loop(running) })
		stop()
		if !Is(err) {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}
