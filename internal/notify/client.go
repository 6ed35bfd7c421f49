package notify

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

const (
	// maxAnswer is how much of an answer is read, in bytes.
	maxAnswer = 1 << 20
	// maxRedirects is how many redirects within a host are followed.
	maxRedirects = 3
	// idleTimeout is how long a connection is kept for the next message.
	idleTimeout = 90 * time.Second
	// userAgent is how requests name their sender.
	userAgent = "itoc360-operator"
)

var (
	errRedirected = errors.New("redirected to another host")
	errTooLong    = errors.New("the answer is too long")
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
		CheckRedirect: stayOnHost,
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

// stayOnHost follows redirects that stay on the host and keep the method, so that neither a secret nor a message goes to
// anybody else.
func stayOnHost(request *http.Request, via []*http.Request) error {
	first := via[0]
	if request.URL.Host != first.URL.Host || request.URL.Scheme != first.URL.Scheme || request.Method != first.Method ||
		len(via) > maxRedirects {
		return errRedirected
	}
	return nil
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
		response.Body = &boundedBody{ReadCloser: response.Body, left: maxAnswer}
	case !sent.Load():
		err = notSentError{err}
	}
	return response, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(into []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(into[:min(len(into), b.left)])
	b.left -= n
	return n, err
}
