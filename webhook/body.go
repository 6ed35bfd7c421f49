package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"

	"golang.org/x/sync/semaphore"
)

// bodies reads request bodies, each bounded, and all that are in memory at once bounded too.
type bodies struct {
	memory *semaphore.Weighted
}

func newBodies() bodies { return bodies{memory: semaphore.NewWeighted(maxBodies)} }

// read reads a body. Release it when it is no longer needed. The refusal is nil on success.
func (b bodies) read(ctx context.Context, w http.ResponseWriter, r *http.Request) (body []byte, release func(), refusal *answer) {
	size := int64(maxBody)
	switch {
	case r.ContentLength > maxBody:
		return nil, nil, &refusedTooLarge
	case r.ContentLength >= 0:
		size = r.ContentLength
	}
	if err := b.memory.Acquire(ctx, size); err != nil {
		return nil, nil, &unavailableBodies
	}
	release = func() { b.memory.Release(size) }
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		release()
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, nil, &refusedTooLarge
		}
		return nil, nil, &refusedBody
	}
	return body, release, nil
}
