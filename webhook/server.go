package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"

	"github.com/itoc360/itoc360-operator/webhook/inbox"
	"github.com/itoc360/itoc360-operator/webhook/sources"
)

// Server serves the intake on every replica, from the sync of the caches on. When it is stopped, readiness fails at
// once and serving goes on for ShutdownDelay, since a Service's endpoints lag and Sentry never sends again; then what
// was accepted is recorded.
type Server struct {
	// Handler answers the requests.
	Handler http.Handler
	// Inbox is drained at the end.
	Inbox *inbox.Inbox
	// Directory must know each source before the server is ready.
	Directory *sources.Directory
	// Listener takes the connections.
	Listener net.Listener
	// Certificates serve TLS; nil for plain HTTP.
	Certificates *certwatcher.CertWatcher
	// ShutdownDelay is how long serving goes on after the stop.
	ShutdownDelay time.Duration
	// Log tells of start and stop, and of connections gone wrong.
	Log logr.Logger

	stopping atomic.Bool
}

var errNotReady = errors.New("the intake is not ready: not all Secrets of all AlertSources were read")

var errStopping = errors.New("the intake is stopping")

// Ready is the check of readiness.
func (s *Server) Ready(*http.Request) error {
	switch {
	case s.stopping.Load():
		return errStopping
	case !s.Directory.Ready():
		return errNotReady
	default:
		return nil
	}
}

// Start serves until the context ends, and then drains.
func (s *Server) Start(ctx context.Context) error {
	server := &http.Server{
		Handler:           s.announceStop(s.Handler),
		ReadHeaderTimeout: headTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          stdlog.New(quietLog{s.Log}, "", 0),
	}
	listener := s.Listener
	if s.Certificates != nil {
		listener = tls.NewListener(listener, &tls.Config{
			MinVersion:     tls.VersionTLS12,
			NextProtos:     []string{"h2", "http/1.1"},
			GetCertificate: s.Certificates.GetCertificate,
		})
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	s.Log.Info("Intake serving", "address", listener.Addr().String(), "tls", s.Certificates != nil)
	select {
	case err := <-failed:
		return fmt.Errorf("serve the intake: %w", err)
	case <-ctx.Done():
	}
	return s.stop(server, failed)
}

// stop is the two-phase shutdown: first nobody new, then finish what was accepted.
func (s *Server) stop(server *http.Server, failed <-chan error) error {
	s.stopping.Store(true)
	s.Log.Info("Intake stopping", "shutdownDelay", s.ShutdownDelay.String())
	delay := time.NewTimer(s.ShutdownDelay)
	defer delay.Stop()
	select {
	case err := <-failed:
		return fmt.Errorf("serve the intake: %w", err)
	case <-delay.C:
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("stop the intake: %w", err)
	}
	if err := s.Inbox.Drain(ctx); err != nil {
		return err
	}
	s.Log.Info("Intake stopped; what it accepted is recorded, but for what was refused")
	return nil
}

// announceStop asks clients to connect anew, and so to another replica, once the intake is stopping.
func (s *Server) announceStop(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.stopping.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// quietLog is where net/http tells of connections gone wrong: what strangers do is no error of ours.
type quietLog struct{ log logr.Logger }

func (q quietLog) Write(line []byte) (int, error) {
	q.log.V(1).Info("Connection failed", "detail", string(line))
	return len(line), nil
}
