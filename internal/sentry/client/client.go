package client

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/itoc360/itoc360-operator/internal/outbound"
)

const (
	// DefaultBaseURL is where Sentry's own service is.
	DefaultBaseURL = "https://sentry.io"

	// answerLimit is how long an answer may be, in bytes. A page of 100 issues has some hundred kB.
	answerLimit = 16 << 20
	// errorLimit is how much of an error's body is read.
	errorLimit = 64 << 10
	// defaultTimeout is how long one call may take where nobody says otherwise.
	defaultTimeout = 30 * time.Second
	// idleTimeout is how long a connection is kept for the next call.
	idleTimeout = 90 * time.Second
)

// Options are what a Client needs.
type Options struct {
	// BaseURL is where Sentry is, its path included. Default: https://sentry.io.
	BaseURL string
	// Organization is the slug of the organization.
	Organization string
	// Token authorizes, as a bearer token.
	Token string
	// RootCAs are whom Sentry's certificate is verified against. Default: those of the system.
	RootCAs *x509.CertPool
	// Limiters has the Limiter of the organization.
	Limiters *Limiters
	// Name is whose calls these are: of several, each gets its turn.
	Name string
	// Clock says what time it is.
	Clock Clock
	// Timeout is how long one call may take. Default: 30 s.
	Timeout time.Duration
	// Retries are the pauses between the tries of a safe call. Default: 1 s, doubled each time, five of them.
	Retries Retries
}

// Retries are the pauses between the tries of a call.
type Retries struct {
	// First is the first one; each is twice as long as the one before it, and up to half as long again at random.
	First time.Duration
	// Times is how many there are.
	Times int
}

func (r Retries) pause(tries int) time.Duration {
	pause := r.First << tries
	return pause + rand.N(pause/2+1) //nolint:gosec // it only spreads calls
}

// Client asks one organization of Sentry with one token.
type Client struct {
	base         *url.URL
	organization string
	token        string
	http         *http.Client
	limiter      *Limiter
	timeout      time.Duration
	name         string
	clock        Clock
	retries      Retries
	calls        *atomic.Int64
	// isInTurn is true for one whose turn has come already.
	isInTurn bool
}

// New makes a Client. It fails if the token cannot be one that reads issues, or the base URL is none.
func New(options Options) (*Client, error) {
	if err := CheckToken(options.Token); err != nil {
		return nil, err
	}
	if options.BaseURL == "" {
		options.BaseURL = DefaultBaseURL
	}
	base, err := url.Parse(options.BaseURL)
	if err != nil || base.Hostname() == "" || base.User != nil || base.RawQuery != "" || (base.Scheme != "https" && base.Scheme != "http") {
		return nil, errors.New("the base URL is no http or https address, such as https://sentry.example.com")
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	if options.Retries == (Retries{}) {
		options.Retries = Retries{First: time.Second, Times: 5}
	}
	options.Timeout = cmp.Or(options.Timeout, defaultTimeout)
	dialer := &net.Dialer{Timeout: options.Timeout, KeepAlive: idleTimeout}
	return &Client{
		base: base, organization: options.Organization, token: options.Token,
		http: &http.Client{
			CheckRedirect: outbound.StayOnHost,
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DialContext:            dialer.DialContext,
				ForceAttemptHTTP2:      true,
				TLSClientConfig:        &tls.Config{RootCAs: options.RootCAs, MinVersion: tls.VersionTLS12},
				TLSHandshakeTimeout:    options.Timeout,
				MaxResponseHeaderBytes: errorLimit,
				IdleConnTimeout:        idleTimeout,
			},
		},
		limiter: options.Limiters.For(base.Host, options.Organization),
		timeout: options.Timeout,
		name:    options.Name,
		clock:   options.Clock,
		retries: options.Retries,
		calls:   &atomic.Int64{},
	}, nil
}

// Close gives up the connections that are kept for the next call.
func (c *Client) Close() { c.http.CloseIdleConnections() }
