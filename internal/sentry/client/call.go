package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/itoc360/itoc360-operator/internal/outbound"
)

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
