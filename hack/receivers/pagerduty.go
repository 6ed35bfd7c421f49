package receivers

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
)

// PagerDutyEvent is an event that PagerDuty took.
type PagerDutyEvent struct {
	// Action is trigger, acknowledge or resolve.
	Action string `json:"event_action"`
	// Key is what PagerDuty makes one incident of.
	Key string `json:"dedup_key"`
	// Payload says what it is about.
	Payload struct {
		Summary  string         `json:"summary"`
		Source   string         `json:"source"`
		Severity string         `json:"severity"`
		Details  map[string]any `json:"custom_details"`
	} `json:"payload"`
	// Raw is the whole request, without the routing key.
	Raw map[string]any `json:"-"`
	// Shown is what a person sees of it: triggered, acknowledged, resolved, or nothing if it changed nothing.
	Shown string `json:"-"`
}

// PagerDuty is a service of PagerDuty, as its Events API v2 reaches it
// (https://developer.pagerduty.com/docs/send-alert-event).
type PagerDuty struct {
	// RoutingKey is the one that it takes.
	RoutingKey string
	// Unexpected takes what is no such event.
	Unexpected Report
	// Answers, if set, is asked for each request.
	Answers func() Answer
	// Seen, if set, is told of each event before it is answered.
	Seen func(PagerDutyEvent)

	mu     sync.Mutex
	events []PagerDutyEvent
	states map[string]string
	calls  int
}

// Events are those that were taken, in the order of their arrival.
func (p *PagerDuty) Events() []PagerDutyEvent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

// Calls is how many requests came in.
func (p *PagerDuty) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// ServeHTTP implements http.Handler for /v2/enqueue.
func (p *PagerDuty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.calls++
	p.mu.Unlock()
	if p.Answers != nil {
		if answer := p.Answers(); answer != nil {
			answer(w, r)
			return
		}
	}
	var event PagerDutyEvent
	raw := map[string]any{}
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	if err := body.Decode(&raw); err != nil || r.URL.Path != "/v2/enqueue" || r.Method != http.MethodPost {
		p.refuse(w, "%s %s: %v", r.Method, r.URL.Path, err)
		return
	}
	key := raw["routing_key"]
	delete(raw, "routing_key")
	if text, err := json.Marshal(raw); err != nil || json.Unmarshal(text, &event) != nil {
		p.refuse(w, "an event of another form: %v", raw)
		return
	}
	event.Raw = raw
	if key != p.RoutingKey {
		answerPagerDuty(w, http.StatusBadRequest, map[string]any{
			"status": "invalid event", "message": "Event object is invalid", "errors": []string{"Invalid routing key"},
		})
		return
	}
	if !isComplete(event) {
		p.refuse(w, "an event that lacks something: %v", raw)
		return
	}
	p.take(&event)
	if p.Seen != nil {
		p.Seen(event)
	}
	answerPagerDuty(w, http.StatusAccepted, map[string]any{
		"status": "success", "message": "Event processed", "dedup_key": event.Key,
	})
}

func isComplete(event PagerDutyEvent) bool {
	known := slices.Contains([]string{"critical", "error", "warning", "info"}, event.Payload.Severity)
	return event.Key != "" && len(event.Key) <= 255 && event.Payload.Summary != "" && event.Payload.Source != "" && known
}

// take does what PagerDuty does with an event: a key has one incident that is not resolved, and what changes nothing about it
// nobody sees.
func (p *PagerDuty) take(event *PagerDutyEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.states == nil {
		p.states = map[string]string{}
	}
	was := p.states[event.Key]
	switch {
	case event.Action == "trigger" && was == "":
		p.states[event.Key], event.Shown = "triggered", "triggered"
	case event.Action == "acknowledge" && was == "triggered":
		p.states[event.Key], event.Shown = "acknowledged", "acknowledged"
	case event.Action == "resolve" && was != "":
		delete(p.states, event.Key)
		event.Shown = "resolved"
	}
	p.events = append(p.events, *event)
}

func (p *PagerDuty) refuse(w http.ResponseWriter, format string, arguments ...any) {
	p.Unexpected("PagerDuty: "+format, arguments...)
	answerPagerDuty(w, http.StatusBadRequest, map[string]any{"status": "invalid event"})
}

func answerPagerDuty(w http.ResponseWriter, code int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	// A client that has gone needs no answer.
	_ = json.NewEncoder(w).Encode(body)
}
