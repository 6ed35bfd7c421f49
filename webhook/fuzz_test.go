package webhook

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/clock"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// recorderFunc records without an API server.
type recorderFunc func(heard []lifecycle.Heard) []Outcome

func (f recorderFunc) Record(_ context.Context, _ *Source, _ v1alpha1.AlertKey, heard []lifecycle.Heard) []Outcome {
	return f(heard)
}

// fuzzHandler is a handler in front of one source without a client secret, and of a recorder that checks what arrives.
func fuzzHandler(f *testing.F, token string, record recorderFunc) *Handler {
	f.Helper()
	source := &Source{
		Object: &v1alpha1.AlertSource{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "payments", UID: "1"}},
		tokens: []digest{digestOf([]byte(token))},
	}
	directory := NewDirectory(nil, fake.NewClientset(), clock.RealClock{})
	directory.current.Store(&snapshot{byToken: map[digest][]*Source{source.tokens[0]: {source}}})
	directory.ready.Store(true)
	inbox := NewInbox(record, directory, clock.RealClock{})
	return NewHandler(directory, inbox, NewReporter(nil, "replica", clock.RealClock{}, logr.Discard()), clock.RealClock{}, logr.Discard())
}

// FuzzHandler checks that whatever is posted, with or without the token, the handler neither panics nor redirects, that
// it answers one of the codes that it documents, and that what it records fits into an Incident.
func FuzzHandler(f *testing.F) {
	const token = "a-token-of-many-characters"
	handler := fuzzHandler(f, token, func(heard []lifecycle.Heard) []Outcome {
		outcomes := make([]Outcome, len(heard))
		for i := range heard {
			signal := heard[i].Signal
			if signal.Time.IsZero() || signal.Time.After(time.Now().Add(ahead)) ||
				len([]rune(signal.Action)) > 128 || len([]rune(signal.Rule)) > 128 {
				panic("a signal that does not fit into an Incident")
			}
			outcomes[i].Effect = v1alpha1.EffectOpened
		}
		return outcomes
	})
	f.Add("POST", "/functions/v1/events", "token="+token, "issue", "1700000000",
		[]byte(`{"action":"created","data":{"issue":{"id":"42"}}}`))
	f.Add("POST", "/functions/v1/events/", "token="+token, "event_alert", "",
		[]byte(`{"action":"triggered","data":{"event":{"issue_id":42}}}`))
	f.Add("POST", "//functions/v1/events", "token=other", "metric_alert", "1e300", []byte(`{}`))
	f.Add("GET", "/functions/v1/../v1/events", "", "installation", "-1", []byte(nil))
	known := map[int]bool{200: true, 400: true, 401: true, 404: true, 405: true, 413: true, 415: true, 429: true}
	f.Fuzz(func(t *testing.T, method, path, query, resource, hookTime string, body []byte) {
		request := httptest.NewRequest(http.MethodPost, v1alpha1.IntakePath, bytes.NewReader(body))
		request.Method = method
		request.URL = &url.URL{Path: path, RawQuery: query}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set(sentry.HeaderResource, resource)
		request.Header.Set(sentry.HeaderTimestamp, hookTime)
		answered := httptest.NewRecorder()
		handler.ServeHTTP(answered, request)
		if !known[answered.Code] {
			t.Errorf("answered %d: %s", answered.Code, answered.Body)
		}
		if bytes.Contains(answered.Body.Bytes(), []byte(token)) {
			t.Error("the answer tells the token")
		}
	})
}
