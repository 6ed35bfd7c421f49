package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
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

// call is one question to Sentry, or one change.
type call struct {
	class Class
	// method is that of HTTP. Default: GET.
	method string
	// path is below the base URL, with a slash at both ends.
	path  string
	query url.Values
	// body is what is sent, as JSON; nil: nothing.
	body any
	// what is asked for, for a human.
	what string
}

func (c call) request(ctx context.Context, base url.URL) (*http.Request, error) {
	base.Path += c.path
	base.RawQuery = c.query.Encode()
	if c.body == nil {
		return http.NewRequestWithContext(ctx, c.method, base.String(), http.NoBody)
	}
	content, err := json.Marshal(c.body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, c.method, base.String(), bytes.NewReader(content))
	if err == nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, err
}

// ask asks until there is an answer, or one that will not change, or the tries are used up.
func (c *Client) ask(ctx context.Context, call call, into any) (Answer, error) {
	for tries := 0; ; tries++ {
		answer, err := c.try(ctx, call, into)
		if err == nil || !isTransient(err) || tries >= c.retries.Times || ctx.Err() != nil {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, err
		case <-c.clock.After(c.retries.pause(tries)):
		}
	}
}

// isTransient tells whether the same call may succeed a little later.
func isTransient(err error) bool {
	var answered *Error
	if errors.As(err, &answered) {
		return answered.Status == http.StatusTooManyRequests || answered.Status >= http.StatusInternalServerError
	}
	return !errors.Is(err, outbound.ErrRedirected) && !errors.Is(err, outbound.ErrTooLong)
}

// try asks once. What the answer has in it goes into what is given, nil if it does not matter.
func (c *Client) try(ctx context.Context, call call, into any) (Answer, error) {
	if !c.isInTurn {
		release, err := c.limiter.Acquire(ctx, call.class, c.name)
		if err != nil {
			return Answer{}, err
		}
		defer release()
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := call.request(ctx, *c.base)
	if err != nil {
		return Answer{}, fmt.Errorf("ask Sentry for %s: %w", call.what, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", outbound.UserAgent)
	c.calls.Add(1)
	answer := Answer{started: c.clock.Now()}
	response, err := c.http.Do(request)
	if err != nil {
		return answer, fmt.Errorf("ask Sentry for %s: %w", call.what, withoutAddress(err))
	}
	defer func() { _ = response.Body.Close() }()
	return c.read(response, call, answer, into)
}

func (c *Client) read(response *http.Response, call call, answer Answer, into any) (Answer, error) {
	isSuccess := response.StatusCode >= http.StatusOK && response.StatusCode < http.StatusMultipleChoices
	limit := answerLimit
	if !isSuccess {
		limit = errorLimit
	}
	body, err := io.ReadAll(outbound.Bound(response.Body, limit))
	answer.received = c.clock.Now()
	answer.date, _ = http.ParseTime(response.Header.Get("Date"))
	answer.next = nextCursor(strings.Join(response.Header.Values("Link"), ", "))
	if !isSuccess {
		if response.StatusCode == http.StatusTooManyRequests {
			c.pause(response.Header.Get("X-Sentry-Rate-Limit-Reset"), answer)
		}
		return answer, &Error{Status: response.StatusCode, Detail: detailOf(body), What: call.what}
	}
	if into == nil {
		// It is done, whatever became of the words about it.
		return answer, nil
	}
	if err != nil {
		return answer, fmt.Errorf("read what Sentry answers to %s: %w", call.what, err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return answer, fmt.Errorf("what Sentry answers to %s is not what its API promises: %w", call.what, err)
	}
	return answer, nil
}

// pause has all calls to the organization wait until Sentry counts anew: reset is that time in seconds since 1970, by Sentry's
// clock.
func (c *Client) pause(reset string, answer Answer) {
	seconds, err := strconv.ParseFloat(reset, 64)
	if err != nil || answer.date.IsZero() {
		return
	}
	c.limiter.Pause(time.Unix(int64(seconds), 0).Sub(answer.date))
}

// withoutAddress is an error without the URL that it happened with: what was asked for is told elsewhere.
func withoutAddress(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		return withURL.Err
	}
	return err
}
