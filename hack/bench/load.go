package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// target is an intake, and the source that is posted to.
type target struct {
	address, path, token, secret string
}

// request is a webhook as it goes over the wire. It is made before its time, for making it costs more than sending it.
func (t target) request(webhook simulator.Webhook) []byte {
	var wire bytes.Buffer
	fmt.Fprintf(&wire, "POST %s?token=%s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n",
		t.path, t.token, t.address, len(webhook.Body))
	for _, header := range [][2]string{
		{sentry.HeaderResource, webhook.Resource},
		{sentry.HeaderTimestamp, strconv.FormatInt(webhook.Time.Unix(), 10)},
		{sentry.HeaderSignature, sentry.Sign([]byte(t.secret), webhook.Body)},
	} {
		fmt.Fprintf(&wire, "%s: %s\r\n", header[0], header[1])
	}
	wire.WriteString("\r\n")
	wire.Write(webhook.Body)
	return wire.Bytes()
}

// post is one webhook that was posted.
type post struct {
	issue  int
	at     time.Time
	took   time.Duration
	status int
	result string
}

// posts are many, with how long all of them took.
type posts struct {
	all  []post
	took time.Duration
}

func (p posts) aSecond() float64 { return float64(len(p.all)) / p.took.Seconds() }

// quantile is the time within which so large a part of the answers came.
func (p posts) quantile(part float64) time.Duration {
	if len(p.all) == 0 {
		return 0
	}
	took := make([]time.Duration, len(p.all))
	for i, one := range p.all {
		took[i] = one.took
	}
	slices.Sort(took)
	return took[min(int(part*float64(len(took))), len(took)-1)]
}

// refused counts answers other than 200.
func (p posts) refused() (count int) {
	for _, one := range p.all {
		if one.status != http.StatusOK {
			count++
		}
	}
	return count
}

// accepted is which part was answered from the spool.
func (p posts) accepted() float64 {
	count := 0
	for _, one := range p.all {
		if one.result == "accepted" {
			count++
		}
	}
	return float64(count) / float64(max(len(p.all), 1))
}

// connection posts one webhook after another.
type connection struct {
	net.Conn

	reader *bufio.Reader
}

func dial(ctx context.Context, address string) (*connection, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect to the intake: %w", err)
	}
	return &connection{conn, bufio.NewReader(conn)}, nil
}

// answerPatience is longer than anything is answered after.
const answerPatience = 20 * time.Second

func (c *connection) post(request []byte) (status int, result string, err error) {
	if err := c.SetDeadline(time.Now().Add(answerPatience)); err != nil {
		return 0, "", err
	}
	if _, err := c.Write(request); err != nil {
		return 0, "", fmt.Errorf("post: %w", err)
	}
	return c.answer()
}

// answer reads an answer as net/http writes it, and no other; for the load generator takes its time from what it measures.
func (c *connection) answer() (status int, result string, err error) {
	length := 0
	for line := []byte("-"); len(line) > 0; {
		if line, err = c.reader.ReadSlice('\n'); err != nil {
			return 0, "", fmt.Errorf("read the answer: %w", err)
		}
		line = bytes.TrimRight(line, "\r\n")
		if name, value, isHeader := bytes.Cut(line, []byte(": ")); isHeader && string(name) == "Content-Length" {
			length, err = strconv.Atoi(string(value))
		} else if status == 0 {
			_, err = fmt.Sscanf(string(line), "HTTP/1.1 %d", &status)
		}
		if err != nil {
			return 0, "", fmt.Errorf("read the answer %q: %w", line, err)
		}
	}
	body, err := c.reader.Peek(length)
	if err != nil {
		return 0, "", fmt.Errorf("read the answer: %w", err)
	}
	_, rest, _ := bytes.Cut(body, []byte(`"result":"`))
	word, _, _ := bytes.Cut(rest, []byte(`"`))
	result = string(word)
	_, err = c.reader.Discard(length)
	return status, result, err
}

// closedLoop posts over so many connections, each the next as soon as it has its answer, until request gives nil or the context
// ends.
func closedLoop(ctx context.Context, to target, connections int, request func(number int) (issue int, wire []byte)) (posts, error) {
	var next atomic.Int64
	var posting sync.WaitGroup
	results := make([][]post, connections)
	errs := make([]error, connections)
	began := time.Now()
	for i := range connections {
		posting.Go(func() {
			conn, err := dial(ctx, to.address)
			if err != nil {
				errs[i] = err
				return
			}
			defer conn.Close()
			for ctx.Err() == nil {
				issue, wire := request(int(next.Add(1)) - 1)
				if wire == nil {
					return
				}
				one := post{issue: issue, at: time.Now()}
				one.status, one.result, err = conn.post(wire)
				one.took = time.Since(one.at)
				if err != nil {
					errs[i] = err
					return
				}
				results[i] = append(results[i], one)
			}
		})
	}
	posting.Wait()
	return posts{slices.Concat(results...), time.Since(began)}, errors.Join(errs...)
}

// openLoop posts so many a second, whether or not those before are answered.
func openLoop(ctx context.Context, to target, aSecond, count int, request func(number int) (issue int, wire []byte)) (posts, error) {
	begin := time.Now()
	due := make(chan int, count)
	go func() {
		defer close(due)
		for number := range count {
			timer := time.NewTimer(time.Until(begin.Add(time.Duration(number) * time.Second / time.Duration(aSecond))))
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
				due <- number
			}
		}
	}()
	// As many connections as there can be webhooks under way within a second.
	return closedLoop(ctx, to, min(aSecond, 256), func(int) (int, []byte) {
		number, ok := <-due
		if !ok {
			return 0, nil
		}
		return request(number)
	})
}
