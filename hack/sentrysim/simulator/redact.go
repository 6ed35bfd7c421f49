package simulator

import (
	"net/url"
	"strings"
)

// postError is an error whose text repeats nothing of a query.
type postError struct {
	text  string
	cause error
}

// Error implements error.
func (e *postError) Error() string {
	return e.text
}

// Unwrap lets errors.Is look at the cause.
func (e *postError) Unwrap() error {
	return e.cause
}

// redacted tells what went wrong without the query of the address, which holds
// the token: whatever answers at the address may have sent it back, as it was
// or decoded.
func redacted(doing string, cause error, address *url.URL) error {
	text := hide(cause.Error(), address.RawQuery)
	for _, values := range address.Query() {
		for _, value := range values {
			text = hide(text, value)
		}
	}
	return &postError{text: doing + ": " + text, cause: cause}
}

func hide(text, secret string) string {
	if secret == "" {
		return text
	}
	return strings.ReplaceAll(text, secret, "REDACTED")
}
