package webhook

import (
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
)

// failures counts failed authentications by remote address. Only a failure is ever limited: behind an ingress
// everybody has one address.
type failures struct {
	clock clock.PassiveClock

	mu        sync.Mutex
	addresses *cache.LRUExpireCache
}

func newFailures(clock clock.PassiveClock) *failures {
	return &failures{clock: clock, addresses: cache.NewLRUExpireCacheWithClock(maxAddresses, clock)}
}

// isOne counts a failure, and tells whether it is still one of those that get a plain answer.
func (f *failures) isOne(remoteAddress string) bool {
	host, _, err := net.SplitHostPort(remoteAddress)
	if err != nil {
		host = remoteAddress
	}
	f.mu.Lock()
	limiter, ok := f.addresses.Get(host)
	if !ok {
		limiter = rate.NewLimiter(rate.Every(time.Minute/maxFailures), maxFailures)
	}
	// A limiter unused for two minutes is full again, and can be forgotten.
	f.addresses.Add(host, limiter, 2*time.Minute)
	f.mu.Unlock()
	return limiter.(*rate.Limiter).AllowN(f.clock.Now(), 1)
}
