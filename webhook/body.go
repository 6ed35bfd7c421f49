package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/semaphore"
	"k8s.io/utils/clock"
)

// bodies reads request bodies, each bounded in size and time, and all that are in memory at once bounded too. A body is
// granted memory as it comes: what a sender merely announces holds nothing up for others.
type bodies struct {
	clock  clock.PassiveClock
	memory *semaphore.Weighted
}

func newBodies(clock clock.PassiveClock) bodies {
	return bodies{clock: clock, memory: semaphore.NewWeighted(maxBodies)}
}

// read reads a body. Release it when it is no longer needed. The refusal is nil on success.
func (b bodies) read(w http.ResponseWriter, r *http.Request) (body []byte, release func(), refusal *answer) {
	if r.ContentLength > maxBody {
		return nil, nil, &refusedTooLarge
	}
	ctx, cancel := context.WithTimeout(r.Context(), bodyTimeout)
	defer cancel()
	connection := http.NewResponseController(w)
	// Only a writer without a connection knows no deadline, and it has nobody to wait for.
	_ = connection.SetReadDeadline(b.clock.Now().Add(bodyTimeout))
	held := int64(0)
	release = func() { b.memory.Release(held) }
	limited := http.MaxBytesReader(w, r.Body, maxBody)
	for {
		if len(body) == cap(body) {
			more := growth(int64(len(body)), r.ContentLength)
			if b.memory.Acquire(ctx, more) != nil {
				release()
				return nil, nil, &unavailableBodies
			}
			held += more
			// Not append, which takes up to a quarter more than it was granted.
			body = append(make([]byte, 0, held), body...)
		}
		count, err := limited.Read(body[len(body):cap(body)])
		body = body[:len(body)+count]
		switch {
		case errors.Is(err, io.EOF):
			// The deadline is the body's: while the answer is made, nothing is read that could be late.
			_ = connection.SetReadDeadline(time.Time{})
			return body, release, nil
		case err != nil:
			release()
			return nil, nil, refusalOf(err)
		}
	}
}

// growth is how much a body that has filled its memory is granted: at first as much as it says that it has, if that is little,
// else as much again. One byte more tells its end, or that it is too large.
func growth(size, announced int64) int64 {
	if size == 0 && 0 <= announced && announced < firstBody {
		return announced + 1
	}
	return min(max(size, firstBody), maxBody+1-size)
}

// refusalOf is the answer to a body that could not be read.
func refusalOf(err error) *answer {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &refusedTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusedSlowBody
	default:
		return &refusedBody
	}
}
