package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// webhookTarget is an endpoint that takes webhooks, signed as https://www.standardwebhooks.com says.
type webhookTarget struct {
	url    string
	signer *standardwebhooks.Webhook
	client *http.Client
	now    func() time.Time
}

// webhookPayload is the body of a webhook.
type webhookPayload struct {
	// Type is incident.page, incident.update, incident.resolved, incidents.summary or channel.test.
	Type string `json:"type"`
	// Timestamp is when it was sent.
	Timestamp string      `json:"timestamp"`
	Data      webhookData `json:"data"`
}

type webhookData struct {
	Title    string `json:"title"`
	Body     string `json:"body"`
	Incident *View  `json:"incident,omitempty"`
	// Incidents are all that a summary tells of.
	Incidents []webhookIncident `json:"incidents,omitempty"`
}

// webhookIncident is an Incident of a summary. Kind is page, update or resolved.
type webhookIncident struct {
	Kind      string `json:"kind"`
	Key       string `json:"key"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Priority  string `json:"priority"`
	State     string `json:"state"`
	Title     string `json:"title"`
}

// webhookBody makes the body of a webhook.
func webhookBody(message Message, now time.Time) ([]byte, error) {
	kind := "incident." + strings.ToLower(message.View.Kind)
	data := webhookData{Title: message.Text.Title, Body: message.Text.Body}
	switch message.View.Kind {
	case KindTest:
		kind, data.Incident = "channel.test", &message.View
	case KindSummary:
		kind, data.Incidents = "incidents.summary", webhookIncidents(message.Gathered)
	default:
		data.Incident = &message.View
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(webhookPayload{
		Type: kind, Timestamp: now.UTC().Format(time.RFC3339), Data: data,
	})
	return bytes.TrimSpace(body.Bytes()), err
}

func webhookIncidents(gathered []Message) []webhookIncident {
	incidents := make([]webhookIncident, 0, len(gathered))
	for _, message := range gathered {
		view := message.View
		incidents = append(incidents, webhookIncident{
			Kind: strings.ToLower(view.Kind), Key: view.Key, Name: view.Name, Namespace: view.Namespace,
			Priority: view.Priority, State: view.State, Title: view.Title,
		})
	}
	return incidents
}

// Send implements Target. A webhook has no receipt.
func (t webhookTarget) Send(ctx context.Context, message Message) (receipt string, failure *lifecycle.Failure) {
	request, err := t.request(ctx, message, t.now())
	if err != nil {
		return "", &lifecycle.Failure{
			Class: lifecycle.FailurePermanent, Reason: reasonRefused, Message: "The webhook's request cannot be made",
		}
	}
	return "", exchangeWith(t.client, request, t.now)
}

func (t webhookTarget) request(ctx context.Context, message Message, now time.Time) (*http.Request, error) {
	body, err := webhookBody(message, now)
	if err != nil {
		return nil, err
	}
	signature, err := t.signer.Sign(message.ID, now, body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(standardwebhooks.HeaderWebhookID, message.ID)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return request, nil
}
