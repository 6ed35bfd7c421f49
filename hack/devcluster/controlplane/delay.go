package controlplane

import (
	"io"
	"net/http"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// DelayWatches returns a copy of a Config whose watches lag: each byte of theirs arrives the given time late, in order,
// none lost and as many a second as without. Caches made with it are as stale as those of a busy replica. All other
// requests are as fast as ever.
func DelayWatches(config *rest.Config, delay time.Duration) *rest.Config {
	lagging := rest.CopyConfig(config)
	lagging.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			answer, err := next.RoundTrip(request)
			if err == nil && isWatch(request) {
				answer.Body = newDelayLine(answer.Body, delay)
			}
			return answer, err
		})
	})
	return lagging
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip makes a function an http.RoundTripper.
func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func isWatch(request *http.Request) bool {
	watch := request.URL.Query().Get("watch")
	return watch == "true" || watch == "1"
}

// delayLine hands on what it reads a fixed time later. It reads ahead without bound, for what is on its way must not
// slow down what follows.
type delayLine struct {
	source io.ReadCloser
	delay  time.Duration
	closed chan struct{}
	close  func() error

	lock   sync.Mutex
	line   []chunk
	filled chan struct{} // has an element whenever the line got longer

	rest chunk // what the last Read left over
}

// chunk is what one read of the source gave, the error at its end included.
type chunk struct {
	content []byte
	err     error
	due     <-chan time.Time
}

func newDelayLine(source io.ReadCloser, delay time.Duration) *delayLine {
	d := &delayLine{source: source, delay: delay, closed: make(chan struct{}), filled: make(chan struct{}, 1)}
	d.close = sync.OnceValue(func() error {
		close(d.closed)
		return source.Close()
	})
	go d.fill()
	return d
}

// fill ends with the first error of the source, at the latest when that is closed.
func (d *delayLine) fill() {
	for {
		buffer := make([]byte, 16<<10)
		n, err := d.source.Read(buffer)
		d.lock.Lock()
		d.line = append(d.line, chunk{content: buffer[:n], err: err, due: time.After(d.delay)})
		d.lock.Unlock()
		select {
		case d.filled <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// Read hands on what is due, and waits if nothing is.
func (d *delayLine) Read(p []byte) (int, error) {
	for len(d.rest.content) == 0 {
		if d.rest.err != nil {
			return 0, d.rest.err
		}
		next, err := d.next()
		if err != nil {
			return 0, err
		}
		d.rest = next
	}
	n := copy(p, d.rest.content)
	d.rest.content = d.rest.content[n:]
	return n, nil
}

// next waits for the first chunk of the line to be there and due.
func (d *delayLine) next() (chunk, error) {
	for {
		if first, ok := d.take(); ok {
			select {
			case <-first.due:
				return first, nil
			case <-d.closed:
				return chunk{}, http.ErrBodyReadAfterClose
			}
		}
		select {
		case <-d.filled:
		case <-d.closed:
			return chunk{}, http.ErrBodyReadAfterClose
		}
	}
}

func (d *delayLine) take() (first chunk, ok bool) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if len(d.line) == 0 {
		return chunk{}, false
	}
	first = d.line[0]
	d.line = d.line[1:]
	return first, true
}

// Close ends a waiting Read too.
func (d *delayLine) Close() error { return d.close() }
