package webhook

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

func TestStrangersOfTheLastHourAreCounted(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC))
	strangers := newStrangers(clock)
	for range 3 {
		strangers.count()
	}
	clock.SetTime(clock.Now().Add(30 * time.Minute))
	strangers.count()
	if got := strangers.lastHour(); got != 4 {
		t.Errorf("%d in the last hour, want 4", got)
	}
	clock.SetTime(clock.Now().Add(30 * time.Minute))
	if got := strangers.lastHour(); got != 1 {
		t.Errorf("%d in the last hour, want 1", got)
	}
}
