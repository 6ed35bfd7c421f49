package client

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Class says which calls go first.
type Class int

// The classes, the first ones first.
const (
	// ClassCheck is for a question about one issue.
	ClassCheck Class = iota
	// ClassWriteBack is for what is written to Sentry, and the looks before it.
	ClassWriteBack
	// ClassPage is for the pages of a list.
	ClassPage
)

// Clock says what time it is, and when a time has passed.
type Clock interface {
	Now() time.Time
	After(duration time.Duration) <-chan time.Time
}

// Limits are how much one organization of Sentry is asked.
type Limits struct {
	// PerSecond is how many calls a second begin, in the long run. Default: 2.
	PerSecond float64
	// Burst is how many may begin at once after a pause. Default: 4.
	Burst int
	// InFlight is how many are under way at the same time. Default: 4.
	InFlight int
}

// maxPause is the longest time for which Sentry can have all calls wait.
const maxPause = 5 * time.Minute

// Limiters has one Limiter for each organization.
type Limiters struct {
	limits Limits
	clock  Clock

	mu    sync.Mutex
	known map[string]*Limiter
}

// NewLimiters makes Limiters without any yet.
func NewLimiters(limits Limits, clock Clock) *Limiters {
	if limits == (Limits{}) {
		limits = Limits{PerSecond: 2, Burst: 4, InFlight: 4}
	}
	return &Limiters{limits: limits, clock: clock, known: map[string]*Limiter{}}
}

// For is the Limiter of an organization on a host.
func (l *Limiters) For(host, organization string) *Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := host + "/" + organization
	if l.known[key] == nil {
		l.known[key] = newLimiter(l.limits, l.clock)
	}
	return l.known[key]
}

// Limiter lets calls begin in the order of their class and, within a class, in turn for each of those who ask.
type Limiter struct {
	clock    Clock
	inFlight int

	mu      sync.Mutex
	rate    *rate.Limiter
	running int
	waiting []*waiter
	// served is when each of those who ask was last served, by count.
	served map[string]uint64
	count  uint64
	paused time.Time
	// wake is when calls that wait for time to pass are looked at next; zero while none does.
	wake time.Time
}

type waiter struct {
	class Class
	who   string
	// calls is how many are made in one turn.
	calls int
	ready chan struct{}
}

func newLimiter(limits Limits, clock Clock) *Limiter {
	return &Limiter{
		clock: clock, inFlight: limits.InFlight,
		rate: rate.NewLimiter(rate.Limit(limits.PerSecond), limits.Burst), served: map[string]uint64{},
	}
}

// Acquire waits for a call's turn. The caller releases when the answer was read.
func (l *Limiter) Acquire(ctx context.Context, class Class, who string) (release func(), err error) {
	return l.AcquireFor(ctx, class, who, 1)
}

// AcquireFor waits for the turn of so many calls, that follow each other without a wait in between: as many as may begin at once, at
// most. The caller releases when the last answer was read.
func (l *Limiter) AcquireFor(ctx context.Context, class Class, who string, calls int) (release func(), err error) {
	one := &waiter{class: class, who: who, calls: min(calls, l.rate.Burst()), ready: make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, one)
	l.grant()
	l.mu.Unlock()
	select {
	case <-one.ready:
		return l.release, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	place := slices.Index(l.waiting, one)
	if place >= 0 {
		l.waiting = slices.Delete(l.waiting, place, place+1)
	}
	l.mu.Unlock()
	if place < 0 {
		l.release()
	}
	return nil, fmt.Errorf("wait for the turn to ask Sentry: %w", ctx.Err())
}

// Pause lets no call begin for so long.
func (l *Limiter) Pause(duration time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := l.clock.Now().Add(min(duration, maxPause)); until.After(l.paused) {
		l.paused = until
	}
}

func (l *Limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	l.grant()
}

// grant lets as many calls begin as may. It needs the lock.
func (l *Limiter) grant() {
	for l.running < l.inFlight && len(l.waiting) > 0 {
		now := l.clock.Now()
		delay := l.paused.Sub(now)
		place := l.next()
		one := l.waiting[place]
		if delay <= 0 {
			turn := l.rate.ReserveN(now, one.calls)
			if delay = turn.DelayFrom(now); delay > 0 {
				turn.CancelAt(now)
			}
		}
		if delay > 0 {
			l.wakeAt(now.Add(delay))
			return
		}
		l.waiting = slices.Delete(l.waiting, place, place+1)
		l.running++
		l.count++
		l.served[one.who] = l.count
		close(one.ready)
	}
	if len(l.waiting) == 0 && l.running == 0 {
		clear(l.served)
	}
}

// next is the place of whose turn it is. It needs the lock.
func (l *Limiter) next() int {
	best := 0
	for i, one := range l.waiting {
		first := l.waiting[best]
		if one.class < first.class || one.class == first.class && l.served[one.who] < l.served[first.who] {
			best = i
		}
	}
	return best
}

// wakeAt grants again at a time. It needs the lock.
func (l *Limiter) wakeAt(at time.Time) {
	if !l.wake.IsZero() && !at.Before(l.wake) {
		return
	}
	l.wake = at
	passed := l.clock.After(at.Sub(l.clock.Now()))
	go func() {
		<-passed
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.wake.Equal(at) {
			l.wake = time.Time{}
		}
		l.grant()
	}()
}
