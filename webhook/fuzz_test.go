package webhook

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/sentry"
	"github.com/itoc360/itoc360-operator/webhook/inbox"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// The tokens of a source that verifies signatures, and of one that has no client secret.
const (
	fuzzSignedToken   = "a-token-of-a-source-that-verifies"
	fuzzUnsignedToken = "a-token-of-a-source-without-secret"
)

var fuzzSecret = []byte("the client secret")

// fuzzRecorder takes every signal, and notes which.
type fuzzRecorder struct{ recorded []recordedSignal }

type recordedSignal struct {
	source *sources.Source
	heard  lifecycle.Heard
}

func (f *fuzzRecorder) Record(_ context.Context, source *sources.Source, _ v1alpha1.AlertKey, heard []lifecycle.Heard) []store.Outcome {
	outcomes := make([]store.Outcome, len(heard))
	for i := range heard {
		f.recorded = append(f.recorded, recordedSignal{source, heard[i]})
		outcomes[i].Effect = v1alpha1.EffectOpened
	}
	return outcomes
}

func (f *fuzzRecorder) Repeats(context.Context, *sources.Source, v1alpha1.AlertKey, lifecycle.Heard) (string, bool) {
	return "", false
}

// fuzzSources are known by their tokens.
type fuzzSources map[string]*sources.Source

func (f fuzzSources) Ready() bool { return true }

func (f fuzzSources) ByToken(token string) *sources.Source { return f[token] }

func (f fuzzSources) Reread(_ context.Context, source *sources.Source) *sources.Source { return source }

func fuzzHandler(recorder *fuzzRecorder) *Handler {
	ref := v1alpha1.SecretKeyReference{Name: "payments-sentry", Key: "clientSecret"}
	read := func(types.NamespacedName) (*corev1.Secret, error) {
		return &corev1.Secret{Data: map[string][]byte{ref.Key: fuzzSecret}}, nil
	}
	signed := &v1alpha1.AlertSource{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "payments", UID: "1"}}
	signed.Spec.Sentry = &v1alpha1.SentrySource{ClientSecretRefs: []v1alpha1.SecretKeyReference{ref}}
	unsigned := &v1alpha1.AlertSource{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "ledger", UID: "2"}}
	known := fuzzSources{fuzzSignedToken: sources.Gather(signed, read), fuzzUnsignedToken: sources.Gather(unsigned, read)}
	reporter := NewReporter(nil, "replica", clock.RealClock{}, logr.Discard())
	letters := inbox.New(recorder, inbox.Options{Clock: clock.RealClock{}, Log: logr.Discard()})
	return NewHandler(known, letters, reporter, clock.RealClock{}, logr.Discard())
}

// FuzzHandler checks that whatever is posted, the handler neither panics nor redirects nor tells a token; that a signal is
// recorded only for a source whose token, and whose signature where it has a client secret, the request bears, and is
// answered 200; and that it fits into an Incident.
func FuzzHandler(f *testing.F) {
	created := []byte(`{"action":"created","data":{"issue":{"id":"42"}}}`)
	sign := func(body []byte) string { return sentry.Sign(fuzzSecret, body) }
	f.Add("POST", "/functions/v1/events", "token="+fuzzSignedToken, "issue", "1700000000", sign(created), "", created)
	f.Add("POST", "/functions/v1/events", "token="+fuzzSignedToken, "issue", "1700000000", "", sign(created), created)
	f.Add("POST", "/functions/v1/events", "token="+fuzzSignedToken, "issue", "1700000000", sign(nil), "", created)
	f.Add("POST", "/functions/v1/events", "token="+fuzzUnsignedToken, "issue", "1700000000.5", "", "", created)
	f.Add("POST", "/functions/v1/events", "token="+fuzzUnsignedToken, "", "", "", "", []byte(`{"project":"checkout","event":{}}`))
	f.Add("POST", "/functions/v1/events/", "token="+fuzzUnsignedToken, "event_alert", "", "", "",
		[]byte(`{"action":"triggered","data":{"event":{"issue_id":42}}}`))
	f.Add("POST", "//functions/v1/events", "token=other", "metric_alert", "1e300", "", "", []byte(`{}`))
	f.Add("GET", "/functions/v1/../v1/events", "", "installation", "-1", "", "", []byte(nil))
	known := []int{200, 400, 401, 404, 405, 415, 429}
	f.Fuzz(func(t *testing.T, method, path, query, resource, hookTime, signature, form string, body []byte) {
		recorder := &fuzzRecorder{}
		request := httptest.NewRequest(http.MethodPost, v1alpha1.IntakePath, bytes.NewReader(body))
		request.Method = method
		request.URL = &url.URL{Path: path, RawQuery: query}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set(sentry.HeaderResource, resource)
		request.Header.Set(sentry.HeaderTimestamp, hookTime)
		request.Header.Set(sentry.HeaderSignature, signature)
		request.Header.Set(sentry.HeaderAppSignature, form)
		answered := httptest.NewRecorder()
		fuzzHandler(recorder).ServeHTTP(answered, request)
		if !slices.Contains(known, answered.Code) {
			t.Errorf("answered %d: %s", answered.Code, answered.Body)
		}
		for _, token := range []string{fuzzSignedToken, fuzzUnsignedToken} {
			if bytes.Contains(answered.Body.Bytes(), []byte(token)) {
				t.Error("the answer tells the token")
			}
		}
		for _, each := range recorder.recorded {
			checkRecorded(t, each, request, body, answered.Code)
		}
	})
}

func checkRecorded(t *testing.T, each recordedSignal, request *http.Request, body []byte, code int) {
	t.Helper()
	want := map[string]string{"payments": fuzzSignedToken, "ledger": fuzzUnsignedToken}[each.source.Object.Name]
	if request.URL.Query().Get("token") != want || code != http.StatusOK || request.Method != http.MethodPost {
		t.Errorf("recorded for %s, and answered %d", each.source.Object.Name, code)
	}
	if each.source.Object.HasClientSecrets() && request.Header.Get(sentry.HeaderSignature) != sentry.Sign(fuzzSecret, body) {
		t.Error("recorded without the right signature")
	}
	signal := each.heard.Signal
	if signal.Time.IsZero() || len([]rune(signal.Action)) > 128 || len([]rune(signal.Rule)) > 128 {
		t.Errorf("a signal that does not fit into an Incident: %+v", signal)
	}
}

// stumbling panics over the first signal.
type stumbling struct {
	fuzzRecorder
	isOver bool
}

func (s *stumbling) Repeats(context.Context, *sources.Source, v1alpha1.AlertKey, lifecycle.Heard) (string, bool) {
	if s.isOver {
		return "", false
	}
	s.isOver = true
	panic("planted")
}

func TestAPanicOverOneWebhookIsAnsweredAndStopsNoOther(t *testing.T) {
	recorder := &stumbling{}
	handler := fuzzHandler(&recorder.fuzzRecorder)
	// With a disk, it is asked before anything else whether a signal repeats.
	handler.inbox = inbox.New(recorder, inbox.Options{Clock: clock.RealClock{}, Log: logr.Discard(), Disk: noDisk{}})
	for _, want := range []int{http.StatusInternalServerError, http.StatusOK} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost,
			"/functions/v1/events?token="+fuzzUnsignedToken, strings.NewReader(`{"action":"created","data":{"issue":{"id":"42"}}}`))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set(sentry.HeaderResource, "issue")
		answered := httptest.NewRecorder()
		handler.ServeHTTP(answered, request)
		if answered.Code != want || strings.Contains(answered.Body.String(), "planted") {
			t.Errorf("answered %d: %s", answered.Code, answered.Body)
		}
	}
	if len(recorder.recorded) != 1 {
		t.Errorf("recorded are %+v", recorder.recorded)
	}
}

// noDisk is a disk that nothing goes to.
type noDisk struct{ inbox.Disk }
