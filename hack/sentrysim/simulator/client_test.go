package simulator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/itoc360/itoc360-operator/internal/sentry"
)

const (
	testToken  = "t0ken+with/odd=signs"
	testSecret = "a1b2c3d4"
	testPath   = "/functions/v1/events?token=t0ken%2Bwith%2Fodd%3Dsigns"
)

// receiver is a server that notes what it was sent and gives one answer.
type receiver struct {
	*httptest.Server
	requests []*http.Request
	bodies   [][]byte
}

func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		content, err := io.ReadAll(request.Body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		r.requests, r.bodies = append(r.requests, request), append(r.bodies, content)
		answer(w, request)
	}))
	t.Cleanup(r.Close)
	return r
}

func saying(status int, content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, content)
	}
}

func TestPostSendsWhatSentrySends(t *testing.T) {
	r := newReceiver(t, saying(200, `{"result":"opened","incident":"team/payments-42-1"}`))
	webhook := IssueWebhook("created", Issue{ID: "42", Title: "Zahlung schlägt fehl"}, sending)
	webhook.IdempotencyKey = "0123456789abcdef0123456789abcdef"
	client := Client{URL: r.URL + testPath, Secret: testSecret, Header: http.Header{"Authorization": {"Bearer x"}}}
	answer, err := client.Post(t.Context(), webhook)
	if err != nil {
		t.Fatal(err)
	}
	request := r.requests[0]
	for name, want := range map[string]string{
		"Content-Type":          "application/json",
		"Sentry-Hook-Resource":  "issue",
		"Sentry-Hook-Timestamp": "1788257730",
		"Idempotency-Key":       "0123456789abcdef0123456789abcdef",
		"User-Agent":            "sentry/26.9.0 (https://sentry.io)",
		"Authorization":         "Bearer x",
	} {
		wantSame(t, request.Header.Values(name), []string{want})
	}
	wantSame(t, request.Method, http.MethodPost)
	wantSame(t, request.RequestURI, testPath)
	wantSame(t, r.bodies[0], webhook.Body)
	if !sentry.Verify(r.bodies[0], request.Header.Get(sentry.HeaderSignature), []byte(testSecret)) {
		t.Error("the signature does not verify")
	}
	wantSame(t, answer.String(), "200 opened team/payments-42-1")
	wantSame(t, answer.OK(), true)
}

func TestPostNamesEveryAttemptAnew(t *testing.T) {
	r := newReceiver(t, saying(200, ""))
	client := Client{URL: r.URL}
	for range 2 {
		if _, err := client.Post(t.Context(), Installation("created", sending)); err != nil {
			t.Fatal(err)
		}
	}
	first, second := r.requests[0].Header.Get("Request-ID"), r.requests[1].Header.Get("Request-ID")
	form := regexp.MustCompile(`^[0-9a-f]{32}$`)
	if !form.MatchString(first) || !form.MatchString(second) || first == second {
		t.Errorf("the request ids are %q and %q", first, second)
	}
}

func TestPostWithoutASecretDoesNotSign(t *testing.T) {
	r := newReceiver(t, saying(200, ""))
	if _, err := (Client{URL: r.URL}).Post(t.Context(), Installation("created", sending)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{sentry.HeaderSignature, sentry.HeaderIdempotencyKey} {
		wantSame(t, r.requests[0].Header.Values(name), []string(nil))
	}
}

func TestPostFollowsNoRedirect(t *testing.T) {
	for _, location := range []string{"/elsewhere", "", "http://[::1"} {
		r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusPermanentRedirect)
		})
		answer, err := (Client{URL: r.URL, HTTP: r.Client()}).Post(t.Context(), Installation("created", sending))
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, answer.Status, http.StatusPermanentRedirect)
		wantSame(t, answer.OK(), false)
		wantSame(t, len(r.requests), 1)
	}
}

func TestAnswerIsReadLeniently(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   string
		ok     bool
	}{
		{"a result with an incident", 200, `{"result":"resolved","incident":"ns/a-1-1"}`, "200 resolved ns/a-1-1", true},
		{"a result alone", 200, `{"result":"ignored"}`, "200 ignored", true},
		{"no content", 204, ``, "204 No Content", true},
		{"a refusal in words", 401, `no such token`, "401 Unauthorized", false},
		{"a refusal in JSON", 503, `{"error":"busy"}`, "503 Service Unavailable", false},
		{"a list", 200, `["opened"]`, "200 OK", true},
		{"a result of another type", 200, `{"incident":"ns/a-1-1","result":7}`, "200 OK", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newReceiver(t, saying(test.status, test.body))
			answer, err := (Client{URL: r.URL}).Post(t.Context(), Installation("created", sending))
			if err != nil {
				t.Fatal(err)
			}
			wantSame(t, answer.String(), test.want)
			wantSame(t, answer.OK(), test.ok)
			wantSame(t, string(answer.Body), test.body)
		})
	}
}

// echo is a server that speaks no HTTP and sends back the first line it gets,
// read by the function.
func echo(t *testing.T, read func(string) string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(connection).ReadString('\n')
			_, _ = io.WriteString(connection, read(line))
			_ = connection.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

func asItIs(line string) string { return line }

func decoded(line string) string {
	line, err := url.QueryUnescape(line)
	if err != nil {
		return err.Error()
	}
	return line
}

func TestErrorsDoNotRepeatTheToken(t *testing.T) {
	gone := newReceiver(t, saying(200, ""))
	gone.Close()
	tests := map[string]string{
		"nobody listens":             gone.URL + testPath,
		"a server repeats the query": echo(t, asItIs) + testPath,
		"a server decodes the query": echo(t, decoded) + testPath,
		"a URL cannot be read":       "http://127.0.0.1:port" + testPath,
		"a URL has a bad escape":     "http://127.0.0.1/%zz" + testPath,
		"a URL has no scheme":        "127.0.0.1" + testPath,
		"a scheme is unknown":        "gopher://127.0.0.1" + testPath,
		"a URL has no host":          "http://" + testPath,
	}
	for name, address := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := (Client{URL: address, Secret: testSecret}).Post(t.Context(), Installation("created", sending))
			if err == nil {
				t.Fatal("no error")
			}
			for _, word := range []string{testToken, "t0ken", testSecret, "token=t"} {
				if strings.Contains(err.Error(), word) {
					t.Errorf("%q is in the error: %v", word, err)
				}
			}
		})
	}
}

func TestErrorsCanBeToldApart(t *testing.T) {
	gone := newReceiver(t, saying(200, ""))
	gone.Close()
	_, err := (Client{URL: gone.URL + testPath}).Post(t.Context(), Installation("created", sending))
	wantSame(t, errors.Is(err, syscall.ECONNREFUSED), true)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = (Client{URL: gone.URL + testPath}).Post(ctx, Installation("created", sending))
	wantSame(t, errors.Is(err, context.Canceled), true)
}

func TestPostGivesUpAfterTheTimeout(t *testing.T) {
	r := newReceiver(t, func(_ http.ResponseWriter, request *http.Request) { <-request.Context().Done() })
	client := r.Client()
	client.Timeout = 1
	_, err := (Client{URL: r.URL + testPath, HTTP: client}).Post(t.Context(), Installation("created", sending))
	wantSame(t, errors.Is(err, context.DeadlineExceeded), true)
}
