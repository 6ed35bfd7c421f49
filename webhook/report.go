package webhook

import (
	"maps"
	"math"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/webhook/inbox"
)

// report is what this process knows of a source.
type report struct {
	// source is as it was last heard of.
	source     *v1alpha1.AlertSource
	lastSignal time.Time
	// signature is what became of the last one, at signatureTime; empty if there was none.
	signature     v1alpha1.SignatureResult
	signatureTime time.Time
	// refused counts refused signatures by the minute.
	refused map[time.Time]int32
	// projects are those turned away, with the last time.
	projects map[string]time.Time
	// problem is what keeps signals from being recorded; nil: nothing does.
	problem *inbox.Problem

	// written is what stands in the status, nil if nothing does.
	written *v1alpha1.IntakeReport
}

func newReport(source *v1alpha1.AlertSource) *report {
	return &report{source: source, refused: map[time.Time]int32{}, projects: map[string]time.Time{}}
}

// heard notes the source as it is now. Where it names no client secret, what signatures showed no longer counts.
func (r *report) heard(source *v1alpha1.AlertSource) {
	r.source = source
	if !source.HasClientSecrets() {
		r.signature, r.signatureTime = "", time.Time{}
		clear(r.refused)
	}
}

func (r *report) signed(result v1alpha1.SignatureResult, now time.Time) {
	r.signature, r.signatureTime = result, now
	if result == v1alpha1.SignatureRefused {
		r.refused[now.Truncate(time.Minute)]++
	}
}

// turnedAway notes projects. There is no end of slugs that a sender with the token could name.
func (r *report) turnedAway(projects []string, now time.Time) {
	for _, project := range projects {
		if _, known := r.projects[project]; known || len(r.projects) < v1alpha1.MaxIgnoredProjects {
			r.projects[project] = now
		}
	}
}

// prune forgets the refusals and projects that are not of the last hour.
func (r *report) prune(now time.Time) {
	old := now.Add(-v1alpha1.IntakeMemory)
	maps.DeleteFunc(r.refused, func(minute time.Time, _ int32) bool { return !minute.After(old) })
	maps.DeleteFunc(r.projects, func(_ string, last time.Time) bool { return !last.After(old) })
}

// entry is what to report.
func (r *report) entry(replica string, now time.Time) v1alpha1.IntakeReport {
	entry := v1alpha1.IntakeReport{
		Replica:           replica,
		ReportedAt:        metav1.NewTime(now.Truncate(time.Second)),
		LastSignalTime:    second(r.lastSignal),
		LastSignature:     r.signature,
		LastSignatureTime: second(r.signatureTime),
		IgnoredProjects:   slices.Sorted(maps.Keys(r.projects)),
	}
	for _, count := range r.refused {
		entry.Refused += count
	}
	if r.problem != nil {
		entry.NotRecording = &v1alpha1.RecordingProblem{
			Since: *second(r.problem.Since), Reason: r.problem.Reason, Message: r.problem.Message,
			Alerts: int32(min(r.problem.Alerts, math.MaxInt32)), //nolint:gosec // bounded just so
		}
	}
	return entry
}

// isWritten tells whether an entry says nothing that is not in the status. A problem is said anew, while it lasts: a replica that has
// gone would otherwise have it for ever.
func (r *report) isWritten(entry v1alpha1.IntakeReport, now time.Time) bool {
	if r.written == nil || entry.NotRecording != nil && now.Sub(r.written.ReportedAt.Time) >= problemInterval {
		return false
	}
	entry.ReportedAt = r.written.ReportedAt
	return equality.Semantic.DeepEqual(entry, *r.written)
}

// isOld tells whether a report, once pruned, says nothing of the last hour.
func (r *report) isOld(now time.Time) bool {
	old := now.Add(-v1alpha1.IntakeMemory)
	return !r.lastSignal.After(old) && !r.signatureTime.After(old) && len(r.refused) == 0 && len(r.projects) == 0 && r.problem == nil
}

func second(at time.Time) *metav1.Time {
	if at.IsZero() {
		return nil
	}
	return ptr.To(metav1.NewTime(at.Truncate(time.Second)))
}
