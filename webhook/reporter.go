package webhook

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/panics"
	"github.com/itoc360/itoc360-operator/webhook/inbox"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// Reporter tells in a source's status what only this replica's intake knows: when a signal was last recorded, whether
// signatures match, which projects the allow-list turned away. It writes at most every 10 s a source, and only its own
// entry, under a field manager of its own: replicas never wait for each other. The controller concludes.
type Reporter struct {
	client  client.Client
	replica string
	clock   clock.WithTicker
	log     logr.Logger

	// problems says what keeps signals from being recorded, by source; named finds the sources. Nil: nothing does.
	problems func() map[types.NamespacedName]inbox.Problem
	named    store.Named

	mu      sync.Mutex
	reports map[types.NamespacedName]*report
}

// NewReporter makes a Reporter of a replica, named as its Pod is.
func NewReporter(client client.Client, replica string, clock clock.WithTicker, log logr.Logger) *Reporter {
	return &Reporter{client: client, replica: replica, clock: clock, log: log, reports: map[types.NamespacedName]*report{}}
}

// Watch makes the Reporter report what keeps signals from being recorded. It is called before Start.
func (r *Reporter) Watch(problems func() map[types.NamespacedName]inbox.Problem, named store.Named) {
	r.problems, r.named = problems, named
}

// Heard notes that a signal of a source was recorded.
func (r *Reporter) Heard(source *sources.Source, at time.Time) {
	r.note(source, func(report *report) { report.lastSignal = at })
}

// Signed notes what became of a delivery's signature.
func (r *Reporter) Signed(source *sources.Source, result v1alpha1.SignatureResult) {
	r.note(source, func(report *report) { report.signed(result, r.clock.Now()) })
}

// IgnoredProjects notes that the allow-list turned projects away.
func (r *Reporter) IgnoredProjects(source *sources.Source, projects []string) {
	r.note(source, func(report *report) { report.turnedAway(projects, r.clock.Now()) })
}

func (r *Reporter) note(source *sources.Source, change func(*report)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.reports[source.Name]
	if known == nil || known.source.UID != source.Object.UID {
		known = newReport(source.Object)
		r.reports[source.Name] = known
	}
	known.heard(source.Object)
	change(known)
}

// Start writes what changed until the context ends, and then a last time.
func (r *Reporter) Start(ctx context.Context) error {
	ticker := r.clock.NewTicker(reportInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			r.flushLast(ctx)
			return nil
		case <-ticker.C():
			r.Flush(ctx)
		}
	}
}

func (r *Reporter) flushLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastReportTimeout)
	defer cancel()
	r.Flush(ctx)
}

// Flush writes what changed since the last time. What cannot be written is tried again the next time.
func (r *Reporter) Flush(ctx context.Context) {
	r.noteProblems()
	for _, due := range r.due() {
		name := client.ObjectKeyFromObject(due.source)
		err := panics.CatchError(r.log.WithValues("source", name), "report", func() error { return r.write(ctx, due) })
		switch {
		case err == nil:
			r.wrote(name, due)
		case apierrors.IsNotFound(err):
			r.forget(name, due.source.UID)
		default:
			r.log.Error(err, "Could not report to the source's status", "source", name)
		}
	}
}

// noteProblems brings what keeps signals from being recorded into the reports.
func (r *Reporter) noteProblems() {
	if r.problems == nil {
		return
	}
	problems := r.problems()
	for name, problem := range problems {
		if source := r.named.ByName(name); source != nil {
			r.note(source, func(report *report) { report.problem = &problem })
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, known := range r.reports {
		if _, isStuck := problems[name]; !isStuck {
			known.problem = nil
		}
	}
}

// due is an entry to write into a source's status.
type due struct {
	source *v1alpha1.AlertSource
	entry  v1alpha1.IntakeReport
}

// due are the entries that say something new. What says nothing of the last hour is forgotten, as the controller forgets
// its entry.
func (r *Reporter) due() []due {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	var changed []due
	for name, known := range r.reports {
		known.prune(now)
		entry := known.entry(r.replica, now)
		switch {
		case !known.isWritten(entry, now):
			changed = append(changed, due{known.source, entry})
		case known.isOld(now):
			delete(r.reports, name)
		}
	}
	return changed
}

func (r *Reporter) wrote(name types.NamespacedName, done due) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.reports[name]; known != nil && known.source.UID == done.source.UID {
		known.written = &done.entry
	}
}

func (r *Reporter) forget(name types.NamespacedName, uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.reports[name]; known != nil && known.source.UID == uid {
		delete(r.reports, name)
	}
}

// write is a NotFound error if the source is gone, also if another one has its name now.
func (r *Reporter) write(ctx context.Context, due due) error {
	var now v1alpha1.AlertSource
	name := client.ObjectKeyFromObject(due.source)
	err := r.client.Get(ctx, name, &now)
	if err == nil && now.UID != due.source.UID {
		err = apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("alertsources").GroupResource(), name.Name)
	}
	if err != nil {
		return fmt.Errorf("get AlertSource: %w", err)
	}
	object, err := due.source.StatusToApply(v1alpha1.AlertSourceStatus{Intake: []v1alpha1.IntakeReport{due.entry}})
	if err != nil {
		return err
	}
	apply := client.ApplyConfigurationFromUnstructured(object)
	err = r.client.Status().Apply(ctx, apply, client.FieldOwner(r.manager()), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("apply the intake's report: %w", err)
	}
	return nil
}

// manager is this replica's name in managedFields, which is bounded; what tells Pods apart stands at the end of a name.
func (r *Reporter) manager() string {
	return store.FieldManager + "/" + r.replica[max(0, len(r.replica)-maxReplicaName):]
}
