package lifecycle

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func pending() *v1alpha1.Notification {
	return &v1alpha1.Notification{
		Channel: "slack", State: v1alpha1.NotificationPending, Kind: v1alpha1.KindPage, DueAt: *microAt(0),
	}
}

// claim claims an entry that is alone in its ledger.
func claim(entry *v1alpha1.Notification, now time.Time) (claimed bool, again time.Time) {
	entries := []v1alpha1.Notification{*entry}
	place, again := Claim(entries, entry.Channel, now)
	*entry = entries[0]
	return place == 0, again
}

func TestAChannelHearsOfAnIncidentInOrder(t *testing.T) {
	entries := []v1alpha1.Notification{*pending(), *pending(), *pending()}
	entries[0].Channel = "pager"
	if place, _ := Claim(entries, "slack", at(0)); place != 1 {
		t.Errorf("the first for the channel is number %d", place)
	}
	if place, again := Claim(entries, "slack", at(0)); place != -1 || again.IsZero() {
		t.Errorf("while it is sent, number %d is claimed, or one at %s", place, again)
	}
	Sent(&entries[1], "", at(0))
	if place, _ := Claim(entries, "slack", at(0)); place != 2 {
		t.Errorf("then follows number %d", place)
	}
	if place, again := Claim(entries, "mail", at(0)); place != -1 || !again.IsZero() {
		t.Errorf("of another channel, number %d is claimed, or one at %s", place, again)
	}
}

func TestAClaimKeepsOthersAwayUntilItsSendIsOver(t *testing.T) {
	entry := pending()
	if claimed, _ := claim(entry, at(0)); !claimed || !entry.SendBefore.Time.Equal(at(0).Add(10*time.Second)) {
		t.Fatalf("the claim is %s", asJSON(t, entry))
	}
	claimed, again := claim(entry, at(0).Add(15*time.Second-time.Microsecond))
	if claimed || !again.Equal(at(0).Add(15*time.Second)) {
		t.Errorf("within 15 s it is claimed again: %t, or at %s", claimed, again)
	}
	if claimed, _ := claim(entry, at(0).Add(15*time.Second)); !claimed || !entry.MayHaveArrived || entry.Attempts != 2 {
		t.Errorf("after 15 s it is %s", asJSON(t, entry))
	}
}

func TestWhatIsOverIsNotClaimed(t *testing.T) {
	for _, state := range []v1alpha1.NotificationState{
		v1alpha1.NotificationSent, v1alpha1.NotificationFailed, v1alpha1.NotificationSuperseded,
	} {
		entry := pending()
		entry.State = state
		if claimed, again := claim(entry, at(0)); claimed || !again.IsZero() {
			t.Errorf("%s is claimed: %t, or at %s", state, claimed, again)
		}
	}
}

func TestRetriesComeLaterAndLater(t *testing.T) {
	entry := pending()
	now := at(0)
	for _, want := range []time.Duration{
		time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, 64 * time.Second,
		128 * time.Second, 256 * time.Second, 5 * time.Minute, 5 * time.Minute,
	} {
		claim(entry, now)
		Failed(entry, Failure{Class: FailureRetryable}, 0, now)
		if got := entry.NextAttempt.Sub(now); got != want {
			t.Fatalf("attempt %d is followed after %s, not %s", entry.Attempts, got, want)
		}
		if claimed, again := claim(entry, now); claimed || !again.Equal(entry.NextAttempt.Time) {
			t.Fatalf("it is claimed before its time, or at %s", again)
		}
		now = entry.NextAttempt.Time
	}
}

func TestARetryHeedsTheTargetAndChance(t *testing.T) {
	for name, c := range map[string]struct {
		failure Failure
		before  int32
		chance  float64
		want    time.Duration
	}{
		"the target asks for seven seconds":   {Failure{Class: FailureRetryable, RetryAfter: 7 * time.Second}, 0, 0, 7 * time.Second},
		"the target asks for less than usual": {Failure{Class: FailureRetryable, RetryAfter: time.Millisecond}, 0, 0, time.Second},
		"the target asks for a day":           {Failure{Class: FailureRetryable, RetryAfter: 24 * time.Hour}, 0, 0, time.Hour},
		"chance adds up to half":              {Failure{Class: FailureRetryable}, 0, 1, 1500 * time.Millisecond},
		"somebody must mend it":               {Failure{Class: FailureUnauthorized}, 0, 0, time.Minute},
		"somebody must mend it for long":      {Failure{Class: FailureUnauthorized}, 20, 0, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			entry := pending()
			entry.Attempts = c.before
			claim(entry, at(0))
			Failed(entry, c.failure, c.chance, at(0))
			got := entry.NextAttempt.Sub(at(0))
			if got != c.want || entry.State != v1alpha1.NotificationPending || entry.SendBefore != nil {
				t.Errorf("it is tried again after %s: %s", got, asJSON(t, entry))
			}
		})
	}
}

func TestAPermanentFailureIsNotTriedAgain(t *testing.T) {
	entry := pending()
	claim(entry, at(0))
	Failed(entry, Failure{Class: FailurePermanent, Reason: "Refused", Message: "no"}, 0, at(0))
	if entry.State != v1alpha1.NotificationFailed || entry.NextAttempt != nil || entry.ClosedAt == nil || entry.Error != "no" {
		t.Errorf("it is %s", asJSON(t, entry))
	}
}

func TestWhatArrivedForgetsEarlierFailures(t *testing.T) {
	entry := pending()
	claim(entry, at(0))
	Failed(entry, Failure{Class: FailureRetryable, Reason: "TimedOut", Message: "no answer", MayHaveArrived: true}, 0, at(0))
	if !entry.MayHaveArrived {
		t.Error("it is forgotten that it may have arrived")
	}
	claim(entry, at(1))
	Sent(entry, "C1:2", at(1))
	want := pending()
	want.State, want.Attempts, want.Receipt = v1alpha1.NotificationSent, 2, "C1:2"
	want.ClosedAt = &metav1.MicroTime{Time: at(1)}
	if !same(t, entry, want) {
		t.Errorf("it is %s", asJSON(t, entry))
	}
}
