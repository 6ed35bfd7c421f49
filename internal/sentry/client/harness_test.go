package client_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/internal/sentry/client"
)

const token = "sntryi_0123456789abcdef"

// world is an organization whose API is served, and a client of it.
type world struct {
	*simulator.Server
	client  *client.Client
	project string
	http    *httptest.Server
}

func newWorld(t *testing.T, change ...func(*client.Options)) *world {
	t.Helper()
	w := &world{Server: &simulator.Server{
		Organization: &simulator.Organization{}, Token: token, Prefix: "/sentry",
		Unexpected: func(request string) { t.Errorf("Sentry was asked for %s", request) },
	}}
	w.project = w.AddProject("checkout")
	w.http = httptest.NewServer(w.Server)
	t.Cleanup(w.http.Close)
	options := options()
	options.BaseURL = w.http.URL + "/sentry/"
	for _, change := range change {
		change(&options)
	}
	made, err := client.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	w.client = made
	return w
}

type realClock struct{}

func (realClock) Now() time.Time                         { return time.Now() }
func (realClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

func options() client.Options {
	return client.Options{
		Organization: "acme", Token: token, Name: "team-payments/payments", Clock: realClock{},
		Limiters: client.NewLimiters(client.Limits{PerSecond: 10_000, Burst: 100, InFlight: 4}, realClock{}),
		Retries:  client.Retries{First: time.Millisecond, Times: 3},
	}
}

// unresolved are the ids of all pages, and how many pages there were.
func (w *world) unresolved(t *testing.T, projects ...string) (ids []string, pages int, err error) {
	t.Helper()
	for page, err := range w.client.Unresolved(t.Context(), projects, "") {
		if err != nil {
			return ids, pages, err
		}
		pages++
		for _, issue := range page.Issues {
			ids = append(ids, issue.ID)
		}
	}
	return ids, pages, nil
}
