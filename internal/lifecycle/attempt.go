package lifecycle

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// The times of a send.
const (
	// SendWithin is how long after its claim a send may begin.
	SendWithin = 10 * time.Second
	// SendTimeout is how long a send takes at most, connecting included.
	SendTimeout = 5 * time.Second
	// firstRetry and lastRetry are the shortest and the longest pause between two attempts.
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
	// mendRetry is the pause where only a person can help: always the same, so that what is mended is soon made use of.
	mendRetry = time.Minute
	// LongestWait is how long a target may ask us to wait.
	LongestWait = time.Hour
)

// FailureClass says what to do about a failed send.
type FailureClass string

// What can be done about a failed send.
const (
	// FailureRetryable: another try can help.
	FailureRetryable FailureClass = "Retryable"
	// FailureUnauthorized: the channel needs mending; another try helps only then.
	FailureUnauthorized FailureClass = "Unauthorized"
	// FailurePermanent: the target will never take this message.
	FailurePermanent FailureClass = "Permanent"
)

// Failure is why a send failed. Nothing in it is secret.
type Failure struct {
	// Class says what to do about it.
	Class FailureClass
	// Reason is one word, such as RateLimited. Those of an unauthorized one are what isBroken knows.
	Reason string
	// Message is a sentence.
	Message string
	// RetryAfter is how long the target asked to wait; 0 if it did not.
	RetryAfter time.Duration
	// MayHaveArrived is true if the target may have taken the message all the same.
	MayHaveArrived bool
}

// Claim begins an attempt at the next pending notification for a channel and gives its place, -1 if its time has not come:
// then it says when to ask again; zero: never. A channel hears of one Incident in order, so that nothing is claimed while
// another send may be under way.
func Claim(entries []v1alpha1.Notification, channel string, now time.Time) (place int, again time.Time) {
	place = pendingOf(entries, channel)
	if place < 0 {
		return -1, time.Time{}
	}
	entry := &entries[place]
	switch {
	case isClaimed(*entry, now):
		return -1, claimEnds(*entry)
	case entry.NextAttempt != nil && entry.NextAttempt.After(now):
		return -1, entry.NextAttempt.Time
	}
	overrun(entry)
	entry.Attempts++
	entry.NextAttempt = nil
	entry.SendBefore = ptr.To(metav1.NewMicroTime(now.Add(SendWithin)))
	return place, time.Time{}
}

// pendingOf is the place of the next pending notification for a channel, -1 if there is none.
func pendingOf(entries []v1alpha1.Notification, channel string) int {
	return slices.IndexFunc(entries, func(entry v1alpha1.Notification) bool {
		return entry.Channel == channel && entry.State == v1alpha1.NotificationPending
	})
}

// Sent ends an attempt whose message the target took. The receipt is how the target names it.
func Sent(entry *v1alpha1.Notification, receipt string, now time.Time) {
	entry.State, entry.ClosedAt = v1alpha1.NotificationSent, ptr.To(metav1.NewMicroTime(now))
	entry.SendBefore, entry.Reason, entry.Error, entry.MayHaveArrived = nil, "", "", false
	entry.Receipt = receipt
}

// Failed ends an attempt whose message did not arrive, for all we know. Chance, from 0 to 1, spreads the retries.
func Failed(entry *v1alpha1.Notification, failure Failure, chance float64, now time.Time) {
	entry.SendBefore, entry.Reason, entry.Error = nil, failure.Reason, failure.Message
	entry.MayHaveArrived = entry.MayHaveArrived || failure.MayHaveArrived
	if failure.Class == FailurePermanent {
		entry.State, entry.ClosedAt = v1alpha1.NotificationFailed, ptr.To(metav1.NewMicroTime(now))
		return
	}
	pause := backoff(entry.Attempts)
	if failure.Class == FailureUnauthorized {
		pause = mendRetry
	}
	pause += time.Duration(chance * float64(pause) / 2)
	pause = max(pause, min(failure.RetryAfter, LongestWait))
	entry.NextAttempt = ptr.To(metav1.NewMicroTime(now.Add(pause).Truncate(time.Microsecond)))
}

// isBroken tells whether a reason is one that only a person can mend.
func isBroken(reason string) bool {
	switch reason {
	case v1alpha1.ReasonUnauthorized, v1alpha1.ReasonSecretMissing, v1alpha1.ReasonSecretInvalid,
		v1alpha1.ReasonAddressInvalid, v1alpha1.ReasonKindUnknown:
		return true
	default:
		return false
	}
}

// backoff doubles with each attempt, from firstRetry to lastRetry.
func backoff(attempts int32) time.Duration {
	pause := firstRetry
	for ; attempts > 1 && pause < lastRetry; attempts-- {
		pause *= 2
	}
	return min(pause, lastRetry)
}

// isClaimed tells whether somebody may be sending an entry now.
func isClaimed(entry v1alpha1.Notification, now time.Time) bool {
	return entry.SendBefore != nil && now.Before(claimEnds(entry))
}

// claimEnds is when no send of a claim can be under way any more.
func claimEnds(entry v1alpha1.Notification) time.Time { return entry.SendBefore.Add(SendTimeout) }

// overrun lets go of a claim whose outcome nobody recorded.
func overrun(entry *v1alpha1.Notification) {
	if entry.SendBefore != nil {
		entry.MayHaveArrived, entry.SendBefore = true, nil
	}
}
