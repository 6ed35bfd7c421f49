package notify

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/outbound"
)

const (
	// maxAnswer is how much of an answer is read, in bytes.
	maxAnswer = 1 << 20
	// idleTimeout is how long a connection is kept for the next message.
	idleTimeout = 90 * time.Second
)

// notSentError is an exchange that ended before anything of the request was written: nothing can have arrived.
type notSentError struct{ error }

// Unwrap gives what went wrong.
func (e notSentError) Unwrap() error { return e.error }

// Timeout tells whether time ran out; url.Error asks no further than this.
func (e notSentError) Timeout() bool {
	var timeout net.Error
	return errors.As(e.error, &timeout) && timeout.Timeout()
}

// NewClient makes the HTTP client that all targets share. How long an exchange takes its context bounds.
func NewClient() *http.Client {
	dialer := &net.Dialer{Timeout: lifecycle.SendTimeout, KeepAlive: idleTimeout}
	return &http.Client{
		CheckRedirect: outbound.StayOnHost,
		Transport: bounded{&http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    lifecycle.SendTimeout,
			MaxResponseHeaderBytes: maxAnswer,
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        idleTimeout,
		}},
	}
}

// bounded bounds the answers that pass through, and marks what was not sent.
type bounded struct {
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}
	response, err := b.next.RoundTrip(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	switch {
	case err == nil:
		response.Body = outbound.Bound(response.Body, maxAnswer)
	case !sent.Load():
		err = notSentError{err}
	}
	return response, err
}
