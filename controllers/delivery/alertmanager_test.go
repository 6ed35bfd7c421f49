package delivery

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"github.com/itoc360/itoc360-operator/hack/receivers"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// sharedAlertmanager is a real Alertmanager for many dramas, each of which has its namespace.
type sharedAlertmanager struct {
	server *receivers.Alertmanager

	mu     sync.Mutex
	dramas map[string]*drama
}

func startSharedAlertmanager(t *testing.T) *sharedAlertmanager {
	t.Helper()
	s := &sharedAlertmanager{dramas: map[string]*drama{}}
	s.server = &receivers.Alertmanager{Folder: t.TempDir(), Unexpected: t.Errorf, Seen: func(alert receivers.Alert) {
		s.mu.Lock()
		d := s.dramas[alert.Labels["namespace"]]
		s.mu.Unlock()
		if d == nil {
			t.Errorf("an alert of nobody: %+v", alert)
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.alerts = append(d.alerts, alert.Status)
	}}
	testbed.Must(t, s.server.Start())
	t.Cleanup(func() { testbed.Must(t, s.server.Stop()) })
	return s
}

// watch lets a drama hear what people are told of it.
func (s *sharedAlertmanager) watch(d *drama) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dramas[d.namespace] = d
}

// proxy is a way to Alertmanager on which a drama sees what that takes, before the sender does.
func (s *sharedAlertmanager) proxy(d *drama) (address string) {
	target, err := url.Parse(s.server.URL())
	testbed.Must(d.T, err)
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) { request.SetURL(target) },
		ModifyResponse: func(*http.Response) error {
			d.received()
			return nil
		},
	})
	d.Cleanup(proxy.Close)
	return proxy.URL
}
