package simulator

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/itoc360/itoc360-operator/internal/sentry"
)

const (
	userAgent = "sentry/26.9.0 (https://sentry.io)"
	// patience is how long Sentry waits at the very most for an answer.
	patience = 5 * time.Second
	// answerLimit is how much of an answer is read, in bytes.
	answerLimit = 1 << 20
)

// Client posts webhooks to one URL. It can be used by many at once.
type Client struct {
	// URL is the webhook URL as pasted into Sentry, token included. No error
	// repeats what is in its query.
	URL string
	// Secret is the integration's Client Secret. Without one, webhooks are not
	// signed.
	Secret string
	// Header is added to every request, as Sentry's custom headers are.
	Header http.Header
	// HTTP lends its transport and its timeout. Default: the default transport
	// and five seconds.
	HTTP *http.Client
}

// Answer is what came back for a webhook.
type Answer struct {
	// Status is the HTTP status code. A redirect is an answer like any other.
	Status int
	// Header is the answer's header.
	Header http.Header
	// Body is the answer's body, at most a MiB of it.
	Body []byte
	// Result is what the answer names as its result, such as opened.
	Result string
	// Incident is the namespace and name of the Incident that the answer names.
	Incident string
}

// Post signs a webhook and posts it once, as Sentry does.
func (c Client) Post(ctx context.Context, webhook Webhook) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	request, err := c.request(ctx, webhook)
	if err != nil {
		return Answer{}, err
	}
	// Unlike http.Client, a transport follows no redirect and puts no URL into
	// its errors.
	response, err := c.transport().RoundTrip(request)
	if err != nil {
		return Answer{}, redacted("post webhook", err, request.URL)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return Answer{}, redacted("read answer", err, request.URL)
	}
	return newAnswer(response, content), nil
}

// request gives a webhook the headers of Sentry.
func (c Client) request(ctx context.Context, webhook Webhook) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(webhook.Body))
	if err != nil {
		// The cause quotes the URL.
		return nil, errors.New("the webhook URL cannot be read; write one such as https://host/functions/v1/events?token=abc")
	}
	if c.Header != nil {
		request.Header = c.Header.Clone()
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Request-ID", requestID())
	request.Header.Set(sentry.HeaderResource, webhook.Resource)
	request.Header.Set(sentry.HeaderTimestamp, strconv.FormatInt(webhook.Time.Unix(), 10))
	if c.Secret != "" {
		request.Header.Set(sentry.HeaderSignature, sentry.Sign([]byte(c.Secret), webhook.Body))
	}
	if webhook.IdempotencyKey != "" {
		request.Header.Set(sentry.HeaderIdempotencyKey, webhook.IdempotencyKey)
	}
	return request, nil
}

// requestID is new for every attempt.
func requestID() string {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // It is documented never to fail.
	return hex.EncodeToString(random)
}

func (c Client) timeout() time.Duration {
	if c.HTTP == nil || c.HTTP.Timeout == 0 {
		return patience
	}
	return c.HTTP.Timeout
}

func (c Client) transport() http.RoundTripper {
	if c.HTTP == nil || c.HTTP.Transport == nil {
		return http.DefaultTransport
	}
	return c.HTTP.Transport
}

func newAnswer(response *http.Response, content []byte) Answer {
	var named struct {
		Result   string `json:"result"`
		Incident string `json:"incident"`
	}
	if json.Unmarshal(content, &named) != nil {
		named.Result, named.Incident = "", ""
	}
	return Answer{
		Status:   response.StatusCode,
		Header:   response.Header,
		Body:     content,
		Result:   named.Result,
		Incident: named.Incident,
	}
}

// OK reports whether the webhook arrived. Behind a redirect it did not, though
// Sentry takes that for a success.
func (a Answer) OK() bool {
	return a.Status >= http.StatusOK && a.Status < http.StatusMultipleChoices
}

// String shows the answer on one line, such as
// "200 opened team-payments/payments-42-1".
func (a Answer) String() string {
	switch {
	case a.Result == "":
		return fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	case a.Incident == "":
		return fmt.Sprintf("%d %s", a.Status, a.Result)
	default:
		return fmt.Sprintf("%d %s %s", a.Status, a.Result, a.Incident)
	}
}
