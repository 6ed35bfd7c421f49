package webhook

import (
	"golang.org/x/sync/singleflight"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"

	"github.com/itoc360/itoc360-operator/webhook/sources"
)

// idempotency answers a repeated delivery with the answer to the first. Only the newest versions of Sentry name a
// delivery; what has no name is always new.
type idempotency struct {
	flights  singleflight.Group
	answered *cache.LRUExpireCache
}

func newIdempotency(clock clock.PassiveClock) *idempotency {
	return &idempotency{answered: cache.NewLRUExpireCacheWithClock(maxIdempotencyKeys, clock)}
}

// once gives the answer of f, called once for all deliveries of a source that bear the same key, unless it failed.
func (i *idempotency) once(source *sources.Source, key string, f func() answer) answer {
	if key == "" || len(key) > maxIdempotencyKey {
		return f()
	}
	name := string(source.Object.UID) + "/" + key
	if earlier, ok := i.answered.Get(name); ok {
		return earlier.(answer)
	}
	first, _, _ := i.flights.Do(name, func() (any, error) {
		result := f()
		if result.code == 200 {
			i.answered.Add(name, result, idempotencyMemory)
		}
		return result, nil
	})
	return first.(answer)
}
