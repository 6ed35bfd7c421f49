package webhook

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// lateReader gives nothing before a time has passed.
type lateReader struct {
	io.Reader
	due <-chan time.Time
}

func (l *lateReader) Read(p []byte) (int, error) {
	if l.due != nil {
		<-l.due
		l.due = nil
	}
	return l.Reader.Read(p)
}

func TestTheBudgetOfAnAnswerBeginsWithTheBodysLastByte(t *testing.T) {
	handler := fuzzHandler(&fuzzRecorder{})
	handler.AnswerTimeout = 2 * time.Second
	timer := time.NewTimer(handler.AnswerTimeout + 100*time.Millisecond)
	body := &lateReader{bytes.NewReader([]byte(`{"action":"created","data":{"issue":{"id":"42"}}}`)), timer.C}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, v1alpha1.IntakePath+"?token="+fuzzUnsignedToken, body)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(sentry.HeaderResource, "issue")
	answered := httptest.NewRecorder()
	handler.ServeHTTP(answered, request)
	if answered.Code != http.StatusOK {
		t.Errorf("answered %d: %s", answered.Code, answered.Body)
	}
}
