package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/outbound"
	"github.com/itoc360/itoc360-operator/internal/panics"
)

const (
	// alertName is the label alertname of all alerts.
	alertName = "SentryIncident"
	// alertLasts is how long Alertmanager takes an alert for firing that nobody sends again. It outlasts a restart of the
	// operator, or a rollout that hangs for a while.
	alertLasts = 15 * time.Minute
	// testLasts is how long a test fires: longer than most groups wait before they tell people.
	testLasts = 5 * time.Minute
	// flushPause lets an Alertmanager that forgot a firing alert notify of it, before it is told of its end: of an end alone
	// it tells nobody. One whose group has waited long enough does so at once.
	flushPause = time.Second
)

// alertmanagerTarget are Alertmanagers, each of which is sent every alert, as Prometheus does. An alert has the same labels
// for an Incident's life, so that it can be sent any number of times.
type alertmanagerTarget struct {
	urls   []string
	labels map[string]v1alpha1.LabelValue
	client *http.Client
	log    logr.Logger
	now    func() time.Time
}

// alert is an alert of Alertmanager's API v2
// (https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml).
type alert struct {
	StartsAt     string            `json:"startsAt,omitempty"`
	EndsAt       string            `json:"endsAt"`
	Annotations  map[string]string `json:"annotations"`
	Labels       map[string]string `json:"labels"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// Send implements Target. An alert has no receipt. Before a Resolved the alert is sent once more as firing: an Alertmanager
// that was killed meanwhile knows nothing of it, and would tell nobody of its end. But once it may have heard of the end, it
// would page anew.
func (t alertmanagerTarget) Send(ctx context.Context, message Message) (receipt string, failure *lifecycle.Failure) {
	if message.View.Kind != string(v1alpha1.KindResolved) || message.MayHaveArrived {
		return "", t.Post(ctx, []Message{message})
	}
	firing := message
	firing.View.Kind = string(v1alpha1.KindUpdate)
	if failure := t.Post(ctx, []Message{firing}); failure != nil {
		return "", failure
	}
	select {
	case <-ctx.Done():
		return "", failed(ctx.Err())
	case <-time.After(flushPause):
		return "", t.Post(ctx, []Message{message})
	}
}

// Post implements Repeater.
func (t alertmanagerTarget) Post(ctx context.Context, messages []Message) *lifecycle.Failure {
	alerts := make([]alert, 0, len(messages))
	for _, message := range messages {
		alerts = append(alerts, t.alert(message))
	}
	body, err := json.Marshal(alerts)
	if err != nil {
		return &lifecycle.Failure{Class: lifecycle.FailurePermanent, Reason: reasonRefused, Message: "The alerts cannot be encoded"}
	}
	ctx, cancel := context.WithTimeout(ctx, lifecycle.SendTimeout)
	defer cancel()
	failures := make(chan *lifecycle.Failure, len(t.urls))
	for _, url := range t.urls {
		go func() { failures <- t.postAndCatch(ctx, url, body) }()
	}
	var first *lifecycle.Failure
	taken := false
	for range t.urls {
		if failure := <-failures; failure == nil {
			taken = true
		} else if first == nil {
			first = failure
		}
	}
	if taken {
		return nil
	}
	return first
}

// postAndCatch is post for which a panic is a failure: somebody waits for its answer.
func (t alertmanagerTarget) postAndCatch(ctx context.Context, url string, body []byte) (failure *lifecycle.Failure) {
	if err := panics.Catch(t.log, "alertmanager", func() { failure = t.post(ctx, url, body) }); err != nil {
		return &lifecycle.Failure{
			Class: lifecycle.FailureRetryable, Reason: v1alpha1.ReasonPanicked, Message: err.Error(), MayHaveArrived: true,
		}
	}
	return failure
}

func (t alertmanagerTarget) post(ctx context.Context, url string, body []byte) *lifecycle.Failure {
	target := strings.TrimSuffix(url, "/") + "/api/v2/alerts"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return &lifecycle.Failure{Class: lifecycle.FailurePermanent, Reason: reasonRefused, Message: "The alerts' request cannot be made"}
	}
	request.Header.Set("Content-Type", "application/json")
	return exchangeWith(t.client, request, t.now)
}

// alert is the alert that a message is for Alertmanager. A test ends by itself.
func (t alertmanagerTarget) alert(message Message) alert {
	view, now := message.View, t.now()
	labels := map[string]string{}
	for name, value := range t.labels {
		labels[name] = string(value)
	}
	for name, value := range map[string]string{
		"alertname": alertName, "namespace": view.Namespace, "source": view.Source, "incident": view.Name, "key": view.Key,
	} {
		labels[name] = value
	}
	alert := alert{
		EndsAt: now.Add(alertLasts).UTC().Format(time.RFC3339Nano), Labels: labels, GeneratorURL: view.URL,
		Annotations: map[string]string{
			"summary": message.Text.Title, "description": message.Text.Body, "priority": view.Priority, "state": view.State,
			"cycle_opened_at": view.OpenedAt, "project": view.Project, "assignee": view.Assignee, "sentry_url": view.URL,
		},
	}
	// Alertmanager refuses an alert that ends before it starts.
	start := view.StartedAt
	if !start.IsZero() {
		alert.StartsAt = start.Format(time.RFC3339Nano)
	}
	switch view.Kind {
	case string(v1alpha1.KindResolved):
		end := now
		if end.Before(start) {
			end = start
		}
		alert.EndsAt = end.UTC().Format(time.RFC3339Nano)
	case KindTest:
		alert.EndsAt = now.Add(testLasts).UTC().Format(time.RFC3339Nano)
	}
	return alert
}

// exchangeWith sends a request of whose answer only the status matters.
func exchangeWith(client *http.Client, request *http.Request, now func() time.Time) *lifecycle.Failure {
	request.Header.Set("User-Agent", outbound.UserAgent)
	response, err := client.Do(request)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = response.Body.Close() }()
	// Read to its end, an answer leaves the connection to the next message. What it says does not matter.
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	if response.StatusCode >= http.StatusOK && response.StatusCode < http.StatusMultipleChoices {
		return nil
	}
	return answered(response.StatusCode, retryAfter(response.Header, now()))
}
