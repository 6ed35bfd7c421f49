package resync

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/panics"
	sentryapi "github.com/itoc360/itoc360-operator/internal/sentry/client"
)

// Inbox records what was found out without a webhook. It is the intake's.
type Inbox interface {
	// RecordFound hands in what was found out about an alert, and tells what that did, and to which Incident.
	RecordFound(ctx context.Context, source types.NamespacedName, alert v1alpha1.AlertKey, heard lifecycle.Heard) (
		effect v1alpha1.SignalEffect, incident string, err error)
}

// Intake tells what the intake of this replica knows.
type Intake interface {
	// Latest is an alert's latest Incident, or its stub, nil if there is none. It must not be changed.
	Latest(ctx context.Context, source types.NamespacedName, key v1alpha1.AlertKey) (*v1alpha1.Incident, error)
	// Strangers is how many requests of the last hour bore a token that is no source's.
	Strangers() int
}

// Deps are what feeds need.
type Deps struct {
	// Client reads from the cache and writes.
	Client client.Client
	// APIReader reads live.
	APIReader client.Reader
	// Inbox records differences.
	Inbox Inbox
	// Intake tells what is recorded, and of strangers.
	Intake Intake
	// Recorder takes the Events.
	Recorder events.EventRecorder
	// Clock says what time it is.
	Clock clock.Clock
	// Limiters bound how much each organization is asked.
	Limiters *sentryapi.Limiters
	// Retries are the pauses between the tries of a call. Default: the client's.
	Retries sentryapi.Retries
}

const (
	// intervalJitter is by which part the time between passes varies, either way.
	intervalJitter = 0.1
	// failedPause is how long after a pass that failed the next one begins, at most.
	failedPause = time.Minute
)

// feed is one source's connection to Sentry.
type feed struct {
	Deps

	name   types.NamespacedName
	uid    types.UID
	sentry *sentryapi.Client
	log    logr.Logger

	mu sync.Mutex
	// checks are the issues to ask for singly, and when.
	checks map[string]time.Time
	// woken has something when an earlier check may have come.
	woken chan struct{}
	// hurried has something when the next pass is not to wait; asked is the last wish for one.
	hurried chan struct{}
	asked   string
	// gone are the issues that Sentry has no more, until that is sure.
	gone map[string]*absence
	// finds are the openings and resolves of which no webhook was heard yet.
	finds []find
	// number counts the passes, between what checks did since the last one ended.
	number  int
	between tally
	// told is how many openings and resolves webhooks told of since the last pass.
	told int32
	// projects are the ids of projects by their slugs, as far as Sentry told.
	projects map[string]string
	// wantsIDs is true for a Sentry that takes no slugs.
	wantsIDs bool
	// status is what was last written.
	status v1alpha1.ResyncStatus
	// lastDisputed is the id of the disputed issue that was asked for last: the next pass goes on behind it.
	lastDisputed string
	// ahead is how far Sentry's clock is ahead of the operator's, at the time of which its last answer spoke.
	ahead time.Duration
	at    time.Time
	// writesBack tells whether the token may write; nil if nothing is to be written.
	writesBack *metav1.Condition
}

// find is an opening or a resolve that a pass has found.
type find struct {
	key v1alpha1.AlertKey
	// at is when it was found, by the operator's clock, pass the number of the pass that went on, or was the last.
	at       time.Time
	pass     int
	resolved bool
}

func newFeed(deps Deps, source *v1alpha1.AlertSource, sentry *sentryapi.Client, log logr.Logger) *feed {
	f := &feed{
		Deps: deps, name: client.ObjectKeyFromObject(source), uid: source.UID, sentry: sentry, log: log,
		checks: map[string]time.Time{}, woken: make(chan struct{}, 1),
		hurried: make(chan struct{}, 1), asked: wishOf(source),
		gone: map[string]*absence{}, projects: map[string]string{},
	}
	if past := source.Status.Resync; past != nil && past.Organization == source.OrganizationURL() {
		f.status = *past.DeepCopy()
	}
	f.status.Organization = source.OrganizationURL()
	return f
}

// run makes passes and checks until the context ends.
func (f *feed) run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	group.Go(func() {
		// The loop gives no error.
		_ = panics.KeepRunning(ctx, f.log, "resync checks", func(ctx context.Context) error {
			f.runChecks(ctx)
			return nil
		})
	})
	for ctx.Err() == nil {
		pause := f.interval(ctx)
		if err := f.catch(ctx, "sync run", func() error { return f.pass(ctx) }); err != nil && ctx.Err() == nil {
			f.log.Error(err, "A pass over Sentry's issues did not end")
			pause = min(pause, failedPause)
		}
		select {
		case <-ctx.Done():
		case <-f.hurried:
		case <-f.Clock.After(pause):
		}
	}
}

// catch does something for the source, and records in an Event on it that it panicked, if it did.
func (f *feed) catch(ctx context.Context, unit string, do func() error) error {
	err := panics.CatchError(f.log, unit, do)
	if !panics.Is(err) {
		return err
	}
	if source, failed := f.source(ctx); failed == nil {
		loop.EventPanicked(f.Recorder, source, actionResync, err)
	}
	return err
}

// wishOf is what a source looks like when a pass is wanted at once: not as before. Its spec has changed, or the annotation.
func wishOf(source *v1alpha1.AlertSource) string {
	return fmt.Sprintf("%d %s", source.Generation, source.Annotations[v1alpha1.AnnotationResync])
}

// hurry begins the next pass at once, if the source wishes so.
func (f *feed) hurry(source *v1alpha1.AlertSource) {
	f.mu.Lock()
	isNew := wishOf(source) != f.asked
	f.asked = wishOf(source)
	f.mu.Unlock()
	if !isNew {
		return
	}
	select {
	case f.hurried <- struct{}{}:
	default:
	}
}

func (f *feed) sleep(ctx context.Context, pause time.Duration) {
	select {
	case <-ctx.Done():
	case <-f.Clock.After(pause):
	}
}

func (f *feed) interval(ctx context.Context) time.Duration {
	interval := failedPause
	if source, err := f.source(ctx); err == nil && source.Spec.Sentry != nil {
		interval = source.Spec.Sentry.ResyncInterval.Duration
	}
	return wait.Jitter(time.Duration(float64(interval)*(1-intervalJitter)), 2*intervalJitter/(1-intervalJitter))
}

// source is the source as it is now.
func (f *feed) source(ctx context.Context) (*v1alpha1.AlertSource, error) {
	source := &v1alpha1.AlertSource{}
	if err := f.Client.Get(ctx, f.name, source); err != nil {
		return nil, fmt.Errorf("get the source: %w", err)
	}
	return source, nil
}

// view is what there is to judge an issue by.
func (f *feed) view(ctx context.Context, source *v1alpha1.AlertSource, key v1alpha1.AlertKey, answer sentryapi.Answer) (view, error) {
	latest, err := f.Intake.Latest(ctx, f.name, key)
	if err != nil {
		return view{}, err
	}
	f.setClock(answer)
	v := view{source: source, latest: latest, asked: answer.Asked(), sent: answer.At(), now: f.Clock.Now()}
	if v.sent.After(v.asked) {
		v.sent = v.asked
	}
	return v, nil
}

func (f *feed) setClock(answer sentryapi.Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ahead, f.at = answer.Ahead(), answer.At()
}

// here is a time of Sentry's by the operator's clock; zero stays zero.
func (f *feed) here(at time.Time) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at.IsZero() {
		return at
	}
	return at.Add(-f.ahead)
}

// record hands a signal in, and tells whether that did anything.
func (f *feed) record(ctx context.Context, key v1alpha1.AlertKey, heard lifecycle.Heard) (v1alpha1.SignalEffect, bool, error) {
	heard.Changed = f.here(heard.Changed)
	effect, incident, err := f.Inbox.RecordFound(ctx, f.name, key, heard)
	if err != nil {
		return effect, false, fmt.Errorf("record what Sentry says of %s: %w", key, err)
	}
	return effect, incident != "", nil
}

// found remembers an opening or a resolve of which a webhook should have come.
func (f *feed) found(key v1alpha1.AlertKey, effect v1alpha1.SignalEffect) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.finds = append(f.finds, find{key: key, at: f.Clock.Now(), pass: f.number, resolved: effect == v1alpha1.EffectResolved})
}

// countBetween adds what a check did to what the next pass tells.
func (f *feed) countBetween(count tally) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.between.add(count)
}

// learn remembers the ids of projects.
func (f *feed) learn(slug, id string) {
	if slug == "" || id == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.projects[slug] = id
}

// heardOf takes note of what webhooks told.
func (f *feed) heardOf(openingsAndResolves int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told += openingsAndResolves
}

func metaTime(at time.Time) metav1.Time { return metav1.NewTime(at.UTC().Truncate(time.Second)) }
