// Package outbound is what all requests of the operator to other services have in common: they stay on the host that was asked,
// and no answer is too long.
package outbound

import (
	"errors"
	"io"
	"net/http"
)

// UserAgent is how requests name their sender.
const UserAgent = "itoc360-operator"

// maxRedirects is how many redirects within a host are followed.
const maxRedirects = 3

// What is wrong with a service's answer.
var (
	ErrRedirected = errors.New("redirected to another host")
	ErrTooLong    = errors.New("the answer is too long")
)

// StayOnHost is a policy for http.Client: it follows redirects that stay on the host and keep the method, so that neither a
// secret nor a message goes to anybody else.
func StayOnHost(request *http.Request, via []*http.Request) error {
	first := via[0]
	if request.URL.Host != first.URL.Host || request.URL.Scheme != first.URL.Scheme || request.Method != first.Method ||
		len(via) > maxRedirects {
		return ErrRedirected
	}
	return nil
}

// Bound is an answer's body that fails with ErrTooLong behind so many bytes.
func Bound(body io.ReadCloser, limit int) io.ReadCloser {
	return &boundedBody{ReadCloser: body, left: limit}
}

type boundedBody struct {
	io.ReadCloser

	left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(into []byte) (int, error) {
	if b.left <= 0 {
		return 0, ErrTooLong
	}
	n, err := b.ReadCloser.Read(into[:min(len(into), b.left)])
	b.left -= n
	return n, err
}
