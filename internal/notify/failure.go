package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/outbound"
)

// Why a send failed, in one word.
const (
	reasonRateLimited = "RateLimited"
	reasonUnavailable = "Unavailable"
	reasonUnreachable = "Unreachable"
	reasonTimedOut    = "TimedOut"
	reasonRedirected  = "Redirected"
	reasonRefused     = "Refused"
	reasonUnreadable  = "AnswerUnreadable"
)

// failed is the failure of an exchange that had no answer, or one that could not be read. Of the error's own text nothing
// is repeated: it can have the URL in it, or what the target answered.
func failed(err error) *lifecycle.Failure {
	failure := &lifecycle.Failure{Class: lifecycle.FailureRetryable, Reason: reasonUnreachable}
	var (
		notSent     notSentError
		dns         *net.DNSError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		address     *url.Error
		timeout     net.Error
	)
	switch {
	case errors.Is(err, outbound.ErrRedirected):
		failure.Class, failure.Reason = lifecycle.FailurePermanent, reasonRedirected
		failure.Message = "The target redirects to another host, or to another method, which is not followed"
	case errors.Is(err, outbound.ErrTooLong):
		failure.Reason, failure.MayHaveArrived = reasonUnreadable, true
		failure.Message = "The target answers with more than 1 MiB"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		failure.Reason, failure.MayHaveArrived = reasonTimedOut, true
		failure.Message = fmt.Sprintf("The target did not answer within %s", lifecycle.SendTimeout)
	case errors.As(err, &dns):
		failure.Message = "The target's host name cannot be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		failure.Message = "The target refuses the connection"
	case errors.As(err, &certificate), errors.As(err, &record):
		failure.Message = "The target's TLS certificate is not trusted, or it does not speak TLS"
	case errors.As(err, &address):
		failure.MayHaveArrived = true
		failure.Message = "The connection to the target broke"
	default:
		failure.Reason, failure.MayHaveArrived = reasonUnreadable, true
		failure.Message = "The target's answer cannot be understood"
	}
	failure.MayHaveArrived = failure.MayHaveArrived && !errors.As(err, &notSent)
	return failure
}

// answered is the failure that an HTTP status other than 2xx tells of (RFC 9110, RFC 6585).
func answered(code int, retryAfter time.Duration) *lifecycle.Failure {
	failure := &lifecycle.Failure{
		Class: lifecycle.FailureRetryable, Reason: reasonUnavailable, RetryAfter: retryAfter,
		Message: fmt.Sprintf("The target answered %d %s", code, http.StatusText(code)),
	}
	switch {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		failure.Class, failure.Reason = lifecycle.FailureUnauthorized, v1alpha1.ReasonUnauthorized
	case code == http.StatusTooManyRequests:
		failure.Reason = reasonRateLimited
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code >= http.StatusInternalServerError:
	case code >= http.StatusMultipleChoices && code < http.StatusBadRequest:
		failure.Class, failure.Reason = lifecycle.FailurePermanent, reasonRedirected
	default:
		failure.Class, failure.Reason = lifecycle.FailurePermanent, reasonRefused
	}
	return failure
}

// retryAfter reads the header Retry-After, in seconds or as a date (RFC 9110, section 10.2.3); 0 if it is absent or
// unreadable.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(max(0, min(seconds, int(24*time.Hour/time.Second)))) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}
