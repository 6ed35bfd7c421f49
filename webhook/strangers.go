package webhook

import (
	"maps"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// strangers counts the requests whose token is no source's.
type strangers struct {
	clock clock.PassiveClock

	mu      sync.Mutex
	minutes map[time.Time]int
}

func newStrangers(clock clock.PassiveClock) *strangers {
	return &strangers{clock: clock, minutes: map[time.Time]int{}}
}

func (s *strangers) count() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	s.minutes[s.clock.Now().Truncate(time.Minute)]++
}

// prune forgets what is not of the last hour. It needs the lock.
func (s *strangers) prune() {
	old := s.clock.Now().Add(-v1alpha1.IntakeMemory)
	maps.DeleteFunc(s.minutes, func(minute time.Time, _ int) bool { return !minute.After(old) })
}

// lastHour is how many there were in the last hour.
func (s *strangers) lastHour() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	total := 0
	for _, count := range s.minutes {
		total += count
	}
	return total
}
