package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/outbound"
)

// DefaultPagerDutyURL is where PagerDuty's Events API v2 is.
const DefaultPagerDutyURL = "https://events.pagerduty.com"

// routingKeyLength is the length of an integration key, in characters.
const routingKeyLength = 32

// maxDedupKey is how long a dedup key is at most, in characters
// (https://developer.pagerduty.com/docs/send-alert-event).
const maxDedupKey = 255

// pagerDutyTarget is a service of PagerDuty. All events of an Incident have its key, so that PagerDuty makes one incident of
// them, however often they are sent.
type pagerDutyTarget struct {
	url, routingKey string
	client          *http.Client
	now             func() time.Time
}

// Send implements Target. An event has no receipt: the key is all that PagerDuty needs.
func (t pagerDutyTarget) Send(ctx context.Context, message Message) (receipt string, failure *lifecycle.Failure) {
	exchange := &exchange{next: t.client}
	client := pagerduty.NewClient("", pagerduty.WithV2EventsAPIEndpoint(t.url))
	client.HTTPClient = exchange
	_, err := client.ManageEventWithContext(ctx, pagerDutyEvent(message, t.routingKey))
	switch {
	case exchange.err != nil:
		return "", failed(exchange.err)
	case exchange.status == http.StatusBadRequest && err != nil:
		// A wrong routing key is the one part of the request that comes from outside.
		return "", &lifecycle.Failure{
			Class: lifecycle.FailureUnauthorized, Reason: v1alpha1.ReasonUnauthorized,
			Message: "PagerDuty answered 400 Bad Request: is the routing key that of an Events API v2 integration?",
		}
	case exchange.status < http.StatusOK || exchange.status >= http.StatusMultipleChoices:
		return "", answered(exchange.status, retryAfter(exchange.header, t.now()))
	case err != nil:
		return "", failed(err)
	default:
		return "", nil
	}
}

// pagerDutyEvent is the event that a message is for PagerDuty.
func pagerDutyEvent(message Message, routingKey string) *pagerduty.V2Event {
	view := message.View
	event := &pagerduty.V2Event{
		RoutingKey: routingKey, Action: pagerDutyAction(view), DedupKey: dedupKey(view.Key), Client: "itoc360-operator",
		Payload: &pagerduty.V2Payload{
			Summary: message.Text.Title, Source: view.Namespace + "/" + view.Source, Severity: pagerDutySeverity(view.Priority),
			Timestamp: view.OpenedAt, Component: view.Project, Group: view.Source, Class: view.Level,
			Details: map[string]any{"body": message.Text.Body, "incident": view},
		},
	}
	if view.URL != "" {
		event.ClientURL = view.URL
		event.Links = []any{map[string]string{"href": view.URL, "text": "The issue in Sentry"}}
	}
	return event
}

func pagerDutyAction(view View) string {
	switch {
	case view.Kind == string(v1alpha1.KindResolved):
		return "resolve"
	case view.Kind == string(v1alpha1.KindUpdate):
		return "acknowledge"
	default:
		return "trigger"
	}
}

func pagerDutySeverity(priority string) string {
	switch priority {
	case "CRITICAL":
		return "critical"
	case "HIGH":
		return "error"
	case "MEDIUM":
		return "warning"
	default:
		return "info"
	}
}

// dedupKey is an Incident's key as PagerDuty takes it: one that is too long ends in its hash.
func dedupKey(key string) string {
	if len(key) <= maxDedupKey {
		return key
	}
	hash := sha256.Sum256([]byte(key))
	end := hex.EncodeToString(hash[:16])
	return key[:maxDedupKey-len(end)] + end
}

// exchange is one request of a client that keeps to itself how it went.
type exchange struct {
	next   *http.Client
	err    error
	status int
	header http.Header
}

// Do sends the request.
func (e *exchange) Do(request *http.Request) (*http.Response, error) {
	request.Header.Set("User-Agent", outbound.UserAgent)
	response, err := e.next.Do(request) //nolint:gosec // its URL is the operator's own flag
	e.err = err
	if err == nil {
		e.status, e.header = response.StatusCode, response.Header
	}
	return response, err
}
