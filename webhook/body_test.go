package webhook

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// stalledBody gives some bytes, then tells that they are read, and ends when it may.
type stalledBody struct {
	io.Reader
	given chan struct{}
	end   <-chan struct{}
}

func stalled(size int, end <-chan struct{}) *stalledBody {
	return &stalledBody{bytes.NewReader(make([]byte, size)), make(chan struct{}), end}
}

func (s *stalledBody) Read(p []byte) (int, error) {
	count, err := s.Reader.Read(p)
	if count == 0 && err != nil {
		close(s.given)
		<-s.end
	}
	return count, err
}

// readBody reads a body until it ends or its sender goes, and keeps it in memory.
func readBody(ctx context.Context, all bodies, body io.Reader) (release func(), refusal *answer) {
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, v1alpha1.IntakePath, body)
	request.ContentLength = maxBody
	_, release, refusal = all.read(httptest.NewRecorder(), request)
	return release, refusal
}

func TestBodiesHaveABoundTogether(t *testing.T) {
	all := newBodies(clock.RealClock{})
	end := make(chan struct{})
	close(end)
	var releases []func()
	for range maxBodies/maxBody - 1 {
		release, refusal := readBody(t.Context(), all, stalled(maxBody, end))
		if refusal != nil {
			t.Fatalf("refused: %s", refusal.message)
		}
		releases = append(releases, release)
	}
	// The byte by which a body that is too large would show is one too many for the last of them.
	// Its sender waits for far longer than reading it takes.
	ctx, leave := context.WithTimeout(t.Context(), 2*time.Second)
	defer leave()
	if _, refusal := readBody(ctx, all, stalled(maxBody, end)); refusal != &unavailableBodies {
		t.Errorf("one body more is not refused as too many: %+v", refusal)
	}
	releases[0]()
	if _, refusal := readBody(t.Context(), all, stalled(maxBody, end)); refusal != nil {
		t.Errorf("there is room again, and yet: %s", refusal.message)
	}
}

func TestABodyThatIsOnlyAnnouncedHoldsUpNobody(t *testing.T) {
	all := newBodies(clock.RealClock{})
	end := make(chan struct{})
	defer close(end)
	for range 100 {
		announced := stalled(10, end)
		go func() { _, _ = readBody(t.Context(), all, announced) }()
		<-announced.given
	}
	done := make(chan struct{})
	close(done)
	if _, refusal := readBody(t.Context(), all, stalled(maxBody, done)); refusal != nil {
		t.Errorf("refused: %s", refusal.message)
	}
}
