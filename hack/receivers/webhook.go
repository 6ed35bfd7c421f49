package receivers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Delivery is a webhook that a receiver took.
type Delivery struct {
	// ID is the header webhook-id.
	ID string
	// Type of the event, such as incident.page.
	Type string
	// Title of the message.
	Title string
	// Body of the message.
	Body string
	// Incident is what it tells of.
	Incident map[string]any
	// Incidents are those that a summary tells of.
	Incidents []map[string]any
}

// Webhook is an endpoint that takes webhooks of the Standard Webhooks specification.
type Webhook struct {
	// Secret is what they are signed with.
	Secret string
	// Unexpected takes what is not such a webhook, or not signed so.
	Unexpected Report
	// Answers, if set, is asked for each request.
	Answers func() Answer
	// Seen, if set, is told of each delivery.
	Seen func(Delivery)

	mu         sync.Mutex
	deliveries []Delivery
	calls      int
}

// Deliveries are those that were taken, in the order of their arrival.
func (h *Webhook) Deliveries() []Delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Delivery(nil), h.deliveries...)
}

// Calls is how many requests came in.
func (h *Webhook) Calls() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls
}

// ServeHTTP implements http.Handler.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.calls++
	h.mu.Unlock()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		h.refuse(w, r, "read the body: %v", err)
		return
	}
	if h.Answers != nil {
		if answer := h.Answers(); answer != nil {
			answer(w, r)
			return
		}
	}
	verifier, err := standardwebhooks.NewWebhook(h.Secret)
	if err == nil {
		err = verifier.Verify(body, r.Header)
	}
	if err != nil {
		h.refuse(w, r, "verify the signature: %v", err)
		return
	}
	var payload struct {
		Type, Timestamp string
		Data            struct {
			Title, Body string
			Incident    map[string]any
			Incidents   []map[string]any
		}
	}
	if err := json.Unmarshal(body, &payload); err != nil || r.Header.Get("Content-Type") != "application/json" {
		h.refuse(w, r, "read %s: %v", body, err)
		return
	}
	delivery := Delivery{
		ID: r.Header.Get(standardwebhooks.HeaderWebhookID), Type: payload.Type,
		Title: payload.Data.Title, Body: payload.Data.Body, Incident: payload.Data.Incident,
		Incidents: payload.Data.Incidents,
	}
	h.mu.Lock()
	h.deliveries = append(h.deliveries, delivery)
	h.mu.Unlock()
	if h.Seen != nil {
		h.Seen(delivery)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *Webhook) refuse(w http.ResponseWriter, r *http.Request, format string, arguments ...any) {
	h.Unexpected("webhook receiver: %s %s: %s", r.Method, r.URL.Path, fmt.Sprintf(format, arguments...))
	w.WriteHeader(http.StatusBadRequest)
}
