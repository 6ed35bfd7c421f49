package resync

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
)

// fieldOwner applies status.resync and the conditions that follow from it.
const fieldOwner = client.FieldOwner("itoc360-operator/resync")

// sinceOwner applies status.writeBack.
const sinceOwner = client.FieldOwner("itoc360-operator/write-back")

// actionResync is what the operator was doing when it had something to tell.
const actionResync = "Resync"

// conditions are what is to change; nil: stays as it is.
type conditions struct {
	inSync, delivering *metav1.Condition
	// skewed and writesBack are always written: nil if the clocks agree, and if nothing is written to Sentry.
	skewed, writesBack *metav1.Condition
}

// tellTrouble writes that a pass did not end.
func (f *feed) tellTrouble(ctx context.Context, trouble metav1.Condition) error {
	source, err := f.source(ctx)
	if err != nil {
		return err
	}
	return f.write(ctx, source, f.known(), conditions{inSync: &trouble})
}

// write applies a status and conditions, and tells in Events what is new in them.
func (f *feed) write(ctx context.Context, source *v1alpha1.AlertSource, status v1alpha1.ResyncStatus, change conditions) error {
	f.mu.Lock()
	change.skewed = clockSkewed(f.ahead)
	change.writesBack = f.writesBack
	f.mu.Unlock()
	if err := f.apply(ctx, source, &status, change); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status = status
	return nil
}

// apply applies this controller's part of a source's status, if it differs from what is there.
func (d Deps) apply(ctx context.Context, source *v1alpha1.AlertSource, status *v1alpha1.ResyncStatus, change conditions) error {
	was := source.Status.Conditions
	var want []metav1.Condition
	for kind, changed := range map[string]*metav1.Condition{
		v1alpha1.ConditionInSync: change.inSync, v1alpha1.ConditionDelivering: change.delivering,
		v1alpha1.ConditionClockSkewed: change.skewed, v1alpha1.ConditionWritesBack: change.writesBack,
	} {
		is := loop.ConditionOf(was, kind)
		if changed != nil {
			is = *changed
			loop.Stamp(&is, was, source.Generation, d.Clock.Now())
		}
		isKept := kind == v1alpha1.ConditionInSync || kind == v1alpha1.ConditionDelivering
		if is.Type != "" && (changed != nil || isKept) {
			want = append(want, is)
		}
	}
	if equality.Semantic.DeepEqual(ownConditions(was), sorted(want)) && equality.Semantic.DeepEqual(source.Status.Resync, status) {
		return nil
	}
	object, err := source.StatusToApply(v1alpha1.AlertSourceStatus{Conditions: want, Resync: status})
	if err != nil {
		return err
	}
	applied := client.ApplyConfigurationFromUnstructured(object)
	if err := d.Client.Status().Apply(ctx, applied, fieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("apply status: %w", err)
	}
	for _, condition := range want {
		announce(d.Recorder, source, loop.ConditionOf(was, condition.Type), condition)
	}
	return nil
}

// tellSince writes since when a source writes responses to Sentry, if that is new.
func (d Deps) tellSince(ctx context.Context, source *v1alpha1.AlertSource) error {
	since := sinceOf(source, d.Clock.Now())
	if equality.Semantic.DeepEqual(source.Status.WriteBack, since) {
		return nil
	}
	object, err := source.StatusToApply(v1alpha1.AlertSourceStatus{WriteBack: since})
	if err != nil {
		return err
	}
	applied := client.ApplyConfigurationFromUnstructured(object)
	if err := d.Client.Status().Apply(ctx, applied, sinceOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("apply since when is written to Sentry: %w", err)
	}
	source.Status.WriteBack = since
	return nil
}

// sinceOf is since when a source writes responses to Sentry, nil if it does not.
func sinceOf(source *v1alpha1.AlertSource, now time.Time) *v1alpha1.WriteBackStatus {
	if !source.WritesBack() {
		return nil
	}
	since := ptr.Deref(source.Status.WriteBack, v1alpha1.WriteBackStatus{})
	begin := func(since *metav1.Time, isOn bool) *metav1.Time {
		if isOn && since == nil {
			return ptr.To(metaTime(now))
		}
		if !isOn {
			return nil
		}
		return since
	}
	since.ResolveSince = begin(since.ResolveSince, source.Spec.Sentry.WriteBack.Resolve)
	since.CommentSince = begin(since.CommentSince, source.Spec.Sentry.WriteBack.Comment)
	return &since
}

// announce tells in an Event what is new in a condition.
func announce(recorder events.EventRecorder, source *v1alpha1.AlertSource, was, is metav1.Condition) {
	isGood := is.Status == metav1.ConditionTrue && is.Type != v1alpha1.ConditionClockSkewed
	switch {
	case was.Status == is.Status && was.Reason == is.Reason, is.Status == metav1.ConditionUnknown:
	case isGood:
		recorder.Eventf(source, nil, corev1.EventTypeNormal, is.Reason, actionResync, "%s", is.Message)
	default:
		recorder.Eventf(source, nil, corev1.EventTypeWarning, is.Reason, actionResync, "%s", is.Message)
	}
}

// ownConditions are those of a source that this controller writes, in order.
func ownConditions(all []metav1.Condition) []metav1.Condition {
	return sorted(slices.DeleteFunc(slices.Clone(all), func(c metav1.Condition) bool { return !v1alpha1.IsResyncCondition(c) }))
}

func sorted(conditions []metav1.Condition) []metav1.Condition {
	return slices.SortedFunc(slices.Values(conditions), func(a, b metav1.Condition) int { return cmp.Compare(a.Type, b.Type) })
}

// finish writes what a pass that has ended did, and whether webhooks arrive.
func (f *feed) finish(ctx context.Context, done v1alpha1.ResyncPass, refused []string) error {
	if err := f.countMisses(ctx, &done); err != nil {
		return err
	}
	observeMissed(done)
	source, err := f.source(ctx)
	if err != nil {
		return err
	}
	status := f.known()
	status.Passes = append(status.Passes, done)
	status.Passes = status.Passes[max(0, len(status.Passes)-v1alpha1.MaxResyncPasses):]
	synced, arrive := inSync(done, refused), delivering(f.evidence(source, status.Passes))
	if err := f.write(ctx, source, status, conditions{inSync: &synced, delivering: &arrive}); err != nil {
		return err
	}
	return f.tellDelivering(ctx, arrive)
}

func (f *feed) evidence(source *v1alpha1.AlertSource, passes []v1alpha1.ResyncPass) evidence {
	e := evidence{
		was:    loop.ConditionOf(source.Status.Conditions, v1alpha1.ConditionDelivering),
		passes: passes, ignored: source.Status.IgnoredProjects, strangers: f.Intake.Strangers(),
	}
	if source.Status.LastSignalTime != nil {
		e.lastSignal = source.Status.LastSignalTime.Time
	}
	for _, report := range source.Status.Intake {
		e.refused += int(report.Refused)
		if last := report.LastSignalTime; last != nil && last.After(e.lastSignal) {
			e.lastSignal = last.Time
		}
	}
	return e
}
