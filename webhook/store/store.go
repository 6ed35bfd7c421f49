// Package store records what lifecycle.Route decides: it creates an Incident, patches it, or does nothing.
package store

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook/sources"
)

// Store writes what lifecycle.Route decides. It trusts no cache: the API server refuses a write that rests on an
// Incident as it no longer is, which is then decided anew; where no such lock protects a decision, it is asked:
//
//   - before a signal is dropped, or recorded in an Incident that is over: whether there is a later Incident;
//   - before the second or a later Incident of an alert opens: whether the last one has changed.
//
// The same is asked once more after the write, so that of two replicas that decide at the same time, at least one sees
// the other. The first Incident of an alert costs one write and nothing else.
type Store struct {
	view    view
	writer  writer
	named   Named
	clock   clock.PassiveClock
	orphans *cache.LRUExpireCache
}

// New makes a Store. The cached reader must have the index that AddIndex makes; the live reader asks the API
// server itself.
func New(client client.Client, cached, live client.Reader, named Named, clock clock.PassiveClock) *Store {
	return &Store{
		view:    view{cached: cached, live: live, recent: cache.NewLRUExpireCacheWithClock(maxRecent, clock)},
		writer:  writer{client: client, now: clock.Now},
		named:   named,
		clock:   clock,
		orphans: cache.NewLRUExpireCacheWithClock(maxOrphans, clock),
	}
}

// UseServerClock makes new Incidents be recorded by the API server's clock.
func (s *Store) UseServerClock(now func() time.Time) { s.writer.now = now }

// Latest is an alert's latest Incident, or its stub, as this process knows it, nil if it knows of none. It must not be changed.
func (s *Store) Latest(ctx context.Context, source types.NamespacedName, key v1alpha1.AlertKey) (*v1alpha1.Incident, error) {
	return s.view.remembered(ctx, source, key)
}

// Record records signals of one alert key in the order given, each with its outcome. It tries until the context ends; signals
// that are not recorded by then have an error.
func (s *Store) Record(ctx context.Context, source *sources.Source, key v1alpha1.AlertKey, heard []lifecycle.Heard) []Outcome {
	r := &recording{
		Store:  s,
		source: source,
		key:    key,
		heard:  heard,
		log:    log.FromContext(ctx).WithName("intake").WithValues("source", source.Name, "alertKey", key),
	}
	delay := retries()
	for len(r.outcomes) < len(heard) || r.last != nil {
		err := r.step(ctx)
		if err == nil {
			continue
		}
		if !isRetryable(err) || !pause(ctx, delay()) {
			return r.fail(err)
		}
	}
	if err := s.rescueFrom(ctx, source, key); err != nil {
		r.outcomes = nil
		return r.fail(err)
	}
	return r.outcomes
}

// retries are the pauses between tries, growing from firstRetry to lastRetry.
func retries() wait.DelayFunc {
	return wait.Backoff{Duration: firstRetry, Factor: 2, Jitter: 0.5, Cap: lastRetry, Steps: 1 << 20}.DelayFunc()
}

func pause(ctx context.Context, delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// recording is the way of a batch: its signals are judged one after another, and those that touch the same Incident go
// into one write.
type recording struct {
	*Store
	source   *sources.Source
	key      v1alpha1.AlertKey
	heard    []lifecycle.Heard
	outcomes []Outcome
	log      logr.Logger

	// latest is what to judge by; nil before the first look.
	latest *latest
	// stale is the number of an Incident that is not as it was thought to be; the next look is live and begins there.
	stale int32
	// last is the Incident that was the last one until this recording opened, or may have opened, the next; nil when
	// there is nothing to catch up with.
	last *v1alpha1.Incident
}

// step looks, judges as many signals as one write can record, and writes.
func (r *recording) step(ctx context.Context) error {
	if r.last != nil {
		return r.catchUp(ctx)
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	plan := r.judge()
	if sure, err := r.makeSure(ctx, plan); err != nil || !sure {
		return err
	}
	written, err := r.write(ctx, plan)
	if err != nil {
		return err
	}
	if sure, err := r.lookBack(ctx, plan, written); err != nil || !sure {
		return err
	}
	r.remember(plan, written)
	return nil
}

// look finds the Incident to judge by, and takes over one that an earlier source of the same name left behind.
func (r *recording) look(ctx context.Context) (err error) {
	if r.latest != nil {
		return nil
	}
	found := &latest{isLive: r.stale > 0, isLast: r.stale > 0}
	if found.isLive {
		found.incident, err = r.view.ask(ctx, r.source.Name, r.key, r.stale)
	} else {
		found.incident, err = r.view.recall(ctx, r.source.Name, r.key)
	}
	if err != nil {
		return err
	}
	if found.incident != nil && isLeftTo(r.source.Object, found.incident) {
		found.incident, err = r.adopt(ctx, found.incident, r.source.Object)
		if err != nil {
			return r.doubt(found.number(), err)
		}
	}
	if spec := found.spec(); mayBeInTheOneBefore(spec, r.heard[len(r.outcomes):]) {
		before, err := r.view.get(ctx, r.source.Name, r.key, spec.Number-1)
		if err != nil {
			return err
		}
		found.before = (&latest{incident: before}).spec()
	}
	r.latest, r.stale = found, 0
	return nil
}

// doubt makes the next look a live one, from the numbered Incident on.
func (r *recording) doubt(number int32, err error) error {
	r.latest, r.stale = nil, max(number, 1)
	r.view.forget(r.source.Name, r.key)
	return err
}

// makeSure asks the API server for what no lock protects. It is false if the plan is to be made anew.
func (r *recording) makeSure(ctx context.Context, plan plan) (sure bool, err error) {
	number := r.latest.number()
	switch {
	case plan.opens && number > 0 && !r.latest.isLive:
		return false, r.doubt(number, nil)
	case plan.restsOnNoLater && !r.latest.isLast:
		later, err := r.view.get(ctx, r.source.Name, r.key, number+1)
		if err != nil {
			return false, err
		}
		if later != nil {
			return false, r.doubt(number+1, nil)
		}
		r.latest.isLast = true
	}
	return true, nil
}

func (r *recording) write(ctx context.Context, plan plan) (written *v1alpha1.Incident, err error) {
	switch {
	case plan.spec == nil:
		return nil, nil
	case plan.opens:
		r.last = r.latest.incident
		written, err = r.writer.create(ctx, plan.spec, r.source.Object)
		if apierrors.IsAlreadyExists(err) {
			// Whoever opened it catches up.
			r.last = nil
		}
	default:
		written, err = r.writer.patch(ctx, r.latest.incident, plan.spec)
	}
	if err != nil {
		return nil, r.doubt(plan.spec.Number, err)
	}
	return written, nil
}

func (r *recording) remember(plan plan, written *v1alpha1.Incident) {
	orphans := Key{r.source.Name, r.key}
	if plan.orphan.After(r.orphan(orphans)) {
		r.orphans.Add(orphans, plan.orphan, orphanMemory)
	}
	if written != nil && r.latest != nil {
		r.view.remember(r.source.Name, r.key, written)
		r.latest = &latest{incident: written, isLive: true, isLast: r.latest.isLast && !plan.opens}
	}
	for _, outcome := range plan.outcomes {
		switch outcome.Effect {
		case v1alpha1.EffectOpened, v1alpha1.EffectReopened, v1alpha1.EffectResolved, v1alpha1.EffectWoken:
			r.log.Info("Incident "+outcome.Result(), "incident", outcome.Incident)
		case v1alpha1.EffectUpdated, v1alpha1.EffectAcknowledged, v1alpha1.EffectUnacknowledged, v1alpha1.EffectNone:
		}
	}
	r.outcomes = append(r.outcomes, plan.outcomes...)
}

func (r *recording) fail(err error) []Outcome {
	r.log.Error(err, "Could not record signals", "count", len(r.heard)-len(r.outcomes))
	for len(r.outcomes) < len(r.heard) {
		r.outcomes = append(r.outcomes, Outcome{Err: fmt.Errorf("record the signal: %w", err)})
	}
	return r.outcomes
}

// orphan is the time of the newest Resolve of which no Incident was known.
func (s *Store) orphan(key Key) time.Time {
	if at, ok := s.orphans.Get(key); ok {
		return at.(time.Time)
	}
	return time.Time{}
}
