package testbed

import (
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
)

// MovedClock tells the real time, moved by as much as a test wants. Its timers are real ones.
type MovedClock struct {
	clock.RealClock

	moved atomic.Int64
}

// Now is the moved time.
func (c *MovedClock) Now() time.Time { return c.RealClock.Now().Add(time.Duration(c.moved.Load())) }

// Since is the time passed since a moved time.
func (c *MovedClock) Since(at time.Time) time.Duration { return c.Now().Sub(at) }

// Move moves the clock on, or back.
func (c *MovedClock) Move(by time.Duration) { c.moved.Add(int64(by)) }
