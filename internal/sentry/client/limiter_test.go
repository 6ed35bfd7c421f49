package client_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/itoc360/itoc360-operator/internal/sentry/client"
)

func TestAnOrganizationIsAskedTwiceASecondByAllTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiters := client.NewLimiters(client.Limits{}, realClock{})
		var mu sync.Mutex
		var begins []time.Time
		running, most := 0, 0
		var group sync.WaitGroup
		begun := time.Now()
		for source := range 100 {
			group.Go(func() {
				limiter := limiters.For("sentry.io", "acme")
				release, err := limiter.Acquire(t.Context(), client.ClassPage, fmt.Sprint(source))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				begins = append(begins, time.Now())
				running++
				most = max(most, running)
				mu.Unlock()
				<-time.After(3 * time.Second)
				mu.Lock()
				running--
				mu.Unlock()
				release()
			})
		}
		group.Wait()
		if took := time.Since(begun); most != 4 || took < 48*time.Second || took > 100*time.Second {
			t.Errorf("%d at once, %s in all", most, took)
		}
		slices.SortFunc(begins, time.Time.Compare)
		for i := range begins {
			if i >= 6 && begins[i].Sub(begins[i-6]) < time.Second-time.Millisecond {
				t.Fatalf("seven calls began within %s", begins[i].Sub(begins[i-6]))
			}
		}
	})
}

func TestOrganizationsDoNotWaitForEachOther(t *testing.T) {
	limiters := client.NewLimiters(client.Limits{}, realClock{})
	first, again := limiters.For("sentry.io", "acme"), limiters.For("sentry.io", "acme")
	if first != again ||
		limiters.For("sentry.io", "acme") == limiters.For("sentry.io", "other") ||
		limiters.For("sentry.io", "acme") == limiters.For("de.sentry.io", "acme") {
		t.Error("a limiter is of one host and organization, and all of these share it")
	}
}

func TestChecksGoFirstAndSourcesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := client.NewLimiters(client.Limits{PerSecond: 2, Burst: 1, InFlight: 1}, realClock{}).For("sentry.io", "acme")
		hold, err := limiter.Acquire(t.Context(), client.ClassPage, "a")
		if err != nil {
			t.Fatal(err)
		}
		order := make(chan string, 6)
		for _, one := range []struct {
			who   string
			class client.Class
		}{
			{"a", client.ClassPage},
			{"a", client.ClassPage},
			{"b", client.ClassPage},
			{"b", client.ClassWriteBack},
			{"a", client.ClassCheck},
			{"c", client.ClassPage},
		} {
			go func() {
				release, err := limiter.Acquire(t.Context(), one.class, one.who)
				if err != nil {
					t.Error(err)
					return
				}
				order <- fmt.Sprintf("%s%d", one.who, one.class)
				release()
			}()
			synctest.Wait()
		}
		hold()
		var got []string
		for range 6 {
			got = append(got, <-order)
		}
		if want := []string{"a0", "b1", "c2", "a2", "b2", "a2"}; !slices.Equal(got, want) {
			t.Errorf("the order is %s, want %s", got, want)
		}
	})
}

func TestWhoGivesUpLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := client.NewLimiters(client.Limits{PerSecond: 1000, Burst: 1000, InFlight: 1}, realClock{}).For("sentry.io", "acme")
		hold, _ := limiter.Acquire(t.Context(), client.ClassPage, "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := limiter.Acquire(ctx, client.ClassPage, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("gives %v", err)
		}
		hold()
		release, err := limiter.Acquire(t.Context(), client.ClassPage, "a")
		if err != nil {
			t.Fatal(err)
		}
		release()
	})
}

func TestAPauseHoldsAllCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := client.NewLimiters(client.Limits{}, realClock{}).For("sentry.io", "acme")
		limiter.Pause(time.Hour)
		begun := time.Now()
		release, err := limiter.Acquire(t.Context(), client.ClassCheck, "a")
		if err != nil {
			t.Fatal(err)
		}
		release()
		if took := time.Since(begun); took != 5*time.Minute {
			t.Errorf("an hour is waited for %s, want 5m at most", took)
		}
	})
}

func TestCallsThatBelongTogetherBeginTogetherAndCountEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := client.NewLimiters(client.Limits{}, realClock{}).For("sentry.io", "acme")
		begun := time.Now()
		for _, want := range []time.Duration{0, 2 * time.Second, 4 * time.Second} {
			// More than may begin at once after a pause never do.
			release, err := limiter.AcquireFor(t.Context(), client.ClassWriteBack, "a", 10)
			if err != nil {
				t.Fatal(err)
			}
			release()
			if took := time.Since(begun); took != want {
				t.Errorf("four calls begin after %s, want %s", took, want)
			}
		}
		waiting := make(chan time.Duration, 1)
		go func() {
			release, err := limiter.AcquireFor(t.Context(), client.ClassWriteBack, "a", 4)
			if err != nil {
				t.Error(err)
				return
			}
			release()
			waiting <- time.Since(begun)
		}()
		synctest.Wait()
		// What goes first need not wait until there is room for four.
		release, err := limiter.Acquire(t.Context(), client.ClassCheck, "b")
		if err != nil {
			t.Fatal(err)
		}
		release()
		if took := time.Since(begun); took != 4500*time.Millisecond {
			t.Errorf("a check begins after %s, want 4.5s", took)
		}
		if took := <-waiting; took != 6500*time.Millisecond {
			t.Errorf("the four after it begin after %s, want 6.5s", took)
		}
	})
}
