package webhook

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// Reporter tells in a source's status what only an intake knows: when a signal was last recorded, whether signatures
// match, which projects the allow-list turned away. It writes at most every 10 s a source.
//
// All replicas write by server-side apply under one field manager, and none overwrites what it has not seen. A manager
// of each replica's own would stay in the source for ever when the Pod is long gone.
type Reporter struct {
	client client.Client
	clock  clock.WithTicker
	log    logr.Logger

	mu      sync.Mutex
	reports map[types.NamespacedName]*report
}

// NewReporter makes a Reporter.
func NewReporter(client client.Client, clock clock.WithTicker, log logr.Logger) *Reporter {
	return &Reporter{
		client:  client,
		clock:   clock,
		log:     log,
		reports: map[types.NamespacedName]*report{},
	}
}

// Heard notes that a signal of a source was recorded.
func (r *Reporter) Heard(source *Source, at time.Time) {
	r.note(source, func(report *report) bool {
		report.lastSignal = at
		return true
	})
}

// Verified notes that a delivery's signature matched.
func (r *Reporter) Verified(source *Source) {
	r.signature(source, metav1.ConditionTrue, v1alpha1.ReasonVerified, "The last delivery's signature matched")
}

// Mismatch notes that a delivery's signature matched no client secret.
func (r *Reporter) Mismatch(source *Source) {
	r.signature(source, metav1.ConditionFalse, v1alpha1.ReasonSignatureMismatch,
		"A delivery with the source's token was refused: its signature matches no client secret; "+
			"compare them with the Client Secret of the integration in Sentry")
}

// Unreadable notes that a delivery could not be verified.
func (r *Reporter) Unreadable(source *Source) {
	r.signature(source, metav1.ConditionUnknown, v1alpha1.ReasonClientSecretUnreadable,
		"A delivery could not be verified: a client secret cannot be read; see the condition Ready")
}

// IgnoredProjects notes that the allow-list turned projects away.
func (r *Reporter) IgnoredProjects(source *Source, projects []string) {
	r.note(source, func(report *report) bool {
		before := len(report.projects)
		report.projects = union(report.projects, projects)
		return len(report.projects) > before
	})
}

func (r *Reporter) signature(source *Source, status metav1.ConditionStatus, reason, message string) {
	r.note(source, func(report *report) bool {
		was, generation := report.signature, source.Object.Generation
		if was != nil && was.Reason == reason && was.ObservedGeneration == generation {
			return false
		}
		report.signature = &metav1.Condition{
			Type:               v1alpha1.ConditionSignatureVerified,
			Status:             status,
			Reason:             reason,
			Message:            message,
			ObservedGeneration: generation,
			LastTransitionTime: metav1.NewTime(r.clock.Now()),
		}
		return true
	})
}

func (r *Reporter) note(source *Source, change func(*report) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.reports[source.Name]
	if known == nil || known.uid != source.Object.UID {
		known = &report{uid: source.Object.UID}
		r.reports[source.Name] = known
	}
	if !isSigned(source.Object) {
		// Should there be client secrets again, what was said of earlier ones no longer counts.
		known.signature = nil
	}
	known.changed = change(known) || known.changed
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

// Flush writes what changed since the last time.
func (r *Reporter) Flush(ctx context.Context) {
	for name, report := range r.take() {
		err := r.write(ctx, name, report)
		switch {
		case err == nil:
			continue
		case apierrors.IsConflict(err):
			r.log.V(1).Info("Another was faster to write the status", "source", name)
		default:
			r.log.Error(err, "Could not write the status", "source", name)
		}
		r.again(name)
	}
}

// take copies the reports that changed.
func (r *Reporter) take() map[types.NamespacedName]report {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := map[types.NamespacedName]report{}
	for name, known := range r.reports {
		if known.changed {
			changed[name] = *known
			known.changed = false
		}
	}
	return changed
}

// again makes a report that was not written due at the next time.
func (r *Reporter) again(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.reports[name]; known != nil {
		known.changed = true
	}
}

func (r *Reporter) forget(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.reports, name)
}

// write applies a report to the source as it was seen, or nothing if it has changed since.
func (r *Reporter) write(ctx context.Context, name types.NamespacedName, known report) error {
	var source v1alpha1.AlertSource
	if err := r.client.Get(ctx, name, &source); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(name)
			return nil
		}
		return fmt.Errorf("get AlertSource: %w", err)
	}
	if source.UID != known.uid {
		return nil
	}
	apply, err := statusOf(&source, known.addedTo(&source))
	if err != nil {
		return err
	}
	err = r.client.Status().Apply(ctx, apply, client.FieldOwner(fieldManager), client.ForceOwnership)
	return client.IgnoreNotFound(err)
}

// statusOf is a status to apply, to exactly the source that was seen.
func statusOf(seen *v1alpha1.AlertSource, status v1alpha1.AlertSourceStatus) (runtime.ApplyConfiguration, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&status)
	if err != nil {
		return nil, fmt.Errorf("encode the status: %w", err)
	}
	object := &unstructured.Unstructured{Object: map[string]any{"status": content}}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.KindAlertSource))
	object.SetNamespace(seen.Namespace)
	object.SetName(seen.Name)
	object.SetUID(seen.UID)
	object.SetResourceVersion(seen.ResourceVersion)
	return client.ApplyConfigurationFromUnstructured(object), nil
}
