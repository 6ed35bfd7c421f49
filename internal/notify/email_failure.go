package notify

import (
	"errors"
	"fmt"
	"net/textproto"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// mayHaveTaken tells whether a server may have taken a mail although the send failed: its end was written, and no answer
// came back.
func mayHaveTaken(err error) bool {
	var refusal *gomail.SendError
	return errors.As(err, &refusal) && refusal.Reason == gomail.ErrSMTPDataClose && refusal.ErrorCode() == 0
}

// emailFailure is the failure of a mail that the server did not take. Of what the server said only the code is repeated
// (RFC 5321, section 4.2).
func emailFailure(err error) *lifecycle.Failure {
	code := 0
	where := "the mail"
	var (
		refusal *gomail.SendError
		answer  *textproto.Error
	)
	switch {
	case errors.As(err, &refusal):
		code = refusal.ErrorCode()
		switch refusal.Reason {
		case gomail.ErrSMTPMailFrom:
			where = "the sender's address"
		case gomail.ErrSMTPRcptTo:
			where = "a recipient's address"
		default:
		}
	case errors.As(err, &answer):
		code, where = answer.Code, "the connection"
	}
	if code != 0 {
		return emailAnswer(code, where)
	}
	if strings.Contains(err.Error(), "STARTTLS") || strings.Contains(err.Error(), "SMTP AUTH") {
		return &lifecycle.Failure{
			Class: lifecycle.FailureUnauthorized, Reason: v1alpha1.ReasonUnauthorized,
			Message: "The mail server offers no STARTTLS, or no way to log in that is known here",
		}
	}
	failure := failed(err)
	if failure.Reason == reasonUnreadable {
		failure.Reason, failure.Message = reasonUnreachable, "The connection to the mail server broke"
	}
	return failure
}

// emailAnswer is the failure that an SMTP code tells of. Addresses and a login somebody can mend.
func emailAnswer(code int, where string) *lifecycle.Failure {
	failure := &lifecycle.Failure{
		Class: lifecycle.FailureRetryable, Reason: reasonUnavailable,
		Message: fmt.Sprintf("The mail server answered %d to %s", code, where),
	}
	switch {
	case code < 500:
	case code == 530, code == 534, code == 535, code == 538:
		failure.Class, failure.Reason = lifecycle.FailureUnauthorized, v1alpha1.ReasonUnauthorized
		failure.Message = fmt.Sprintf("The mail server answered %d: it wants a login, or refuses this one", code)
	case where != "the mail":
		failure.Class, failure.Reason = lifecycle.FailureUnauthorized, v1alpha1.ReasonUnauthorized
	default:
		failure.Class, failure.Reason = lifecycle.FailurePermanent, reasonRefused
	}
	return failure
}
