package resync

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/panics"
	sentryapi "github.com/itoc360/itoc360-operator/internal/sentry/client"
)

const (
	// scopeRead is what a token needs to read issues; the others imply it.
	scopeRead  = "event:read"
	scopeWrite = "event:write"
	scopeAdmin = "event:admin"

	// maxSkew is by how much Sentry's clock and the operator's may disagree until somebody should know.
	maxSkew = time.Minute
)

// setUpError says what is wrong with how a source is set up, and what to do.
type setUpError struct {
	reason, message string
}

// Error implements error.
func (e *setUpError) Error() string { return e.message }

func problem(reason, format string, args ...any) error {
	return &setUpError{reason: reason, message: fmt.Sprintf(format, args...)}
}

// unreachable is an organization whose issues Sentry does not show.
type unreachable struct{ cause error }

// Error implements error.
func (e *unreachable) Error() string { return e.cause.Error() }

// Unwrap gives what went wrong.
func (e *unreachable) Unwrap() error { return e.cause }

// judgeAccess tells what a token lacks; nil: nothing.
func judgeAccess(access sentryapi.Access) error {
	switch {
	case !access.Valid:
		return &setUpError{v1alpha1.ReasonAuthTokenInvalid, "Sentry does not know the token in authTokenRef: copy that of the internal " +
			"integration once more, and see that baseURL is where the integration is"}
	case !slices.ContainsFunc(access.Scopes, func(scope string) bool {
		return scope == scopeRead || scope == scopeWrite || scope == scopeAdmin
	}):
		return &setUpError{v1alpha1.ReasonScopeMissing, "The token lacks the scope event:read: in Sentry, give the internal integration " +
			"the permission Issue & Event: Read, and save; a new token is not needed"}
	default:
		return nil
	}
}

// troubleOf is InSync for a pass that did not end, without times.
func troubleOf(err error, source *v1alpha1.AlertSource) metav1.Condition {
	var setUp *setUpError
	var hidden *unreachable
	reason, message := v1alpha1.ReasonSentryUnavailable, "The last pass did not end and is tried again: "+err.Error()
	switch {
	case errors.As(err, &setUp):
		reason, message = setUp.reason, setUp.message
	case errors.As(err, &hidden):
		reason = v1alpha1.ReasonOrganizationUnreachable
		message = fmt.Sprintf("The token shows no issues of organization %s: see that the slug is right, and that the integration is of "+
			"that organization (%v)", source.Spec.Sentry.Organization, err)
	case panics.Is(err):
		reason = v1alpha1.ReasonPanicked
	case sentryapi.IsUnauthorized(err):
		reason = v1alpha1.ReasonAuthTokenInvalid
		message = "Sentry does not accept the token in authTokenRef: copy that of the internal integration once more"
	}
	return metav1.Condition{Type: v1alpha1.ConditionInSync, Status: metav1.ConditionFalse, Reason: reason, Message: message}
}

// missingWrite says what to do about a token that may read, and not write.
const missingWrite = "in Sentry, give the internal integration the permission Issue & Event: Read & Write (scope " + scopeWrite +
	"), and save; a new token is not needed"

// writesBack is WritesBack, nil if the source writes nothing to Sentry.
func writesBack(source *v1alpha1.AlertSource, access sentryapi.Access) *metav1.Condition {
	if !source.WritesBack() {
		return nil
	}
	if slices.Contains(access.Scopes, scopeWrite) || slices.Contains(access.Scopes, scopeAdmin) {
		return &metav1.Condition{
			Type: v1alpha1.ConditionWritesBack, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonMayWrite,
			Message: "What responders do is written to Sentry, as writeBack says",
		}
	}
	return &metav1.Condition{
		Type: v1alpha1.ConditionWritesBack, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonScopeMissing,
		Message: "The token lacks the scope " + scopeWrite + ": " + missingWrite,
	}
}

func firstPass() metav1.Condition {
	return metav1.Condition{
		Type: v1alpha1.ConditionInSync, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonFirstPass,
		Message: "The first pass over Sentry's unresolved issues has not ended yet",
	}
}

func withoutToken(kind string) metav1.Condition {
	return metav1.Condition{
		Type: kind, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonNoToken,
		Message: "Sentry's API is not asked: name the integration's token in spec.sentry.authTokenRef, and the organization",
	}
}

// inSync is InSync for a pass that has ended.
func inSync(done v1alpha1.ResyncPass, refused []string) metav1.Condition {
	if len(refused) > 0 {
		return metav1.Condition{
			Type: v1alpha1.ConditionInSync, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonProjectUnreachable,
			Message: "Sentry does not show these projects of the allow-list: " + strings.Join(refused, ", ") +
				"; see that the slugs are right, and that the token sees them. The others are in sync",
		}
	}
	message := fmt.Sprintf("The last pass went over %d unresolved issues in %d calls", done.Issues, done.Calls)
	if done.Waiting > 0 {
		message += fmt.Sprintf("; %d more are asked for singly in the next one", done.Waiting)
	}
	return metav1.Condition{Type: v1alpha1.ConditionInSync, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonInSync, Message: message}
}

// clockSkewed is ClockSkewed, nil if the clocks agree.
func clockSkewed(ahead time.Duration) *metav1.Condition {
	if ahead.Abs() <= maxSkew {
		return nil
	}
	direction := "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	return &metav1.Condition{
		Type: v1alpha1.ConditionClockSkewed, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonClockSkew,
		Message: fmt.Sprintf("Sentry's clock is %s %s the operator's: see that the nodes' clocks are synchronized",
			ahead.Abs().Round(time.Second), direction),
	}
}
