package client

import "time"

// slack is by how much an answer may be older than its Date says: that is cut to the second, and a replica of Sentry's
// database may lag.
const slack = 2 * time.Second

// Answer is what is known of an answer besides its content.
type Answer struct {
	started, received, date time.Time
	next                    string
}

// At is a time, by Sentry's clock, before which nothing can have happened that the answer does not show: its Date (RFC 9110,
// section 6.6.1), less what the call took, less two seconds. Without a Date, the operator's clock stands in.
func (a Answer) At() time.Time {
	date := a.date
	if date.IsZero() {
		date = a.received
	}
	return date.Add(-a.received.Sub(a.started) - slack).UTC()
}

// Asked is the moment of At by the operator's clock.
func (a Answer) Asked() time.Time { return a.started.Add(-slack).UTC() }

// Ahead is how far Sentry's clock is ahead of the operator's, to a second or what the call took; 0 if the answer does not tell.
func (a Answer) Ahead() time.Duration {
	if a.date.IsZero() {
		return 0
	}
	middle := a.started.Add(a.received.Sub(a.started) / 2)
	// A Date is on average half a second older than the answer.
	return a.date.Add(time.Second / 2).Sub(middle)
}

// Total is how many calls were made so far, repeated ones included.
func (c *Client) Total() int64 { return c.calls.Load() }
