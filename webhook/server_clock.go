package webhook

import (
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
)

// ServerClock tells the API server's time, as the Date of its last answer has it (RFC 9110, section 6.6.1), to a second.
// Before the first answer it tells the operator's own.
type ServerClock struct {
	clock clock.PassiveClock
	// ahead is how far the API server's clock is ahead of the operator's.
	ahead atomic.Int64
}

// NewServerClock makes a ServerClock beside the operator's own clock.
func NewServerClock(clock clock.PassiveClock) *ServerClock { return &ServerClock{clock: clock} }

// Wrap lets the clock read the answers of a client of the API server.
func (c *ServerClock) Wrap(next http.RoundTripper) http.RoundTripper { return dateReader{next, c} }

// Now is the API server's time.
func (c *ServerClock) Now() time.Time { return c.clock.Now().Add(time.Duration(c.ahead.Load())) }

func (c *ServerClock) read(date string) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	ahead := at.Sub(c.clock.Now())
	// The Date is cut to the second.
	if ahead.Abs() <= time.Second {
		ahead = 0
	}
	c.ahead.Store(int64(ahead))
}

// dateReader shows a ServerClock the answers that pass through.
type dateReader struct {
	next  http.RoundTripper
	clock *ServerClock
}

// RoundTrip implements http.RoundTripper.
func (r dateReader) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err == nil {
		r.clock.read(response.Header.Get("Date"))
	}
	return response, err
}

// WrappedRoundTripper lets client-go reach what is inside.
func (r dateReader) WrappedRoundTripper() http.RoundTripper { return r.next }
