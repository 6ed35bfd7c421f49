package sentry

import "errors"

// MalformedError says why a body is no webhook of Sentry's. It never quotes
// the body.
type MalformedError struct {
	// Reason says what is wrong, such as "data.issue is missing".
	Reason string
}

// Error implements error.
func (e *MalformedError) Error() string {
	return "not a Sentry webhook: " + e.Reason
}

// IsMalformed reports whether err says that a body is no webhook of Sentry's.
func IsMalformed(err error) bool {
	var malformed *MalformedError
	return errors.As(err, &malformed)
}

func missing(member string) error {
	return &MalformedError{Reason: member + " is missing"}
}
