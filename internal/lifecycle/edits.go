package lifecycle

import (
	"gomodules.xyz/jsonpatch/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/edit"
)

var specLists = edit.Match(edit.Lists{}, isSameSignal)

// isSameSignal compares what is never changed of a signal: all but its effect, which a reopening may take from an acknowledgement.
func isSameSignal(a, b *v1alpha1.Signal) bool {
	if !a.ReceivedAt.Time.Equal(b.ReceivedAt.Time) || !a.Time.Time.Equal(b.Time.Time) || !a.Until.Equal(b.Until) {
		return false
	}
	same := *a
	same.Effect, same.Time, same.ReceivedAt, same.Until = b.Effect, b.Time, b.ReceivedAt, b.Until
	return same == *b
}

// SpecEdits returns the operations that make one spec of an Incident of another: each inserts or removes one signal, or sets one
// field. Of the response only what is no longer there is removed, pair by pair: the rest is the responders', in their own words.
func SpecEdits(before, after *v1alpha1.IncidentSpec) []jsonpatch.Operation {
	is := *after
	if before.Response != nil && is.Response == nil {
		is.Response = &v1alpha1.Response{}
	}
	return edit.Diff("/spec", before, &is, specLists)
}

var statusLists = func() edit.Lists {
	lists := edit.Match(edit.Lists{}, func(a, b *v1alpha1.Notification) bool { return IsSame(*a, *b) })
	// Cycles are only ever added at the end.
	edit.Match(lists, func(_, _ *v1alpha1.Cycle) bool { return true })
	edit.Match(lists, func(a, b *metav1.Condition) bool { return a.Type == b.Type })
	return edit.Match(lists, func(a, b *v1alpha1.WriteRecord) bool { return a.Kind == b.Kind })
}()

// IsSame reports whether two entries of a ledger are the same notification, whatever became of it: it compares their keys.
func IsSame(a, b v1alpha1.Notification) bool {
	return a.Run == b.Run && a.Loop == b.Loop && a.Step == b.Step && a.Channel == b.Channel && a.Kind == b.Kind && a.Sequence == b.Sequence
}

// StatusEdits returns the operations that make one status of an Incident of another, entry by entry.
func StatusEdits(before, after v1alpha1.IncidentStatus) []jsonpatch.Operation {
	return edit.Diff("/status", &before, &after, statusLists)
}

// EndedBy is who resolved an Incident: Sentry, Operator (after silence), or a responder's user name; empty while it is unresolved. Of
// a stub its status says so, of any other its spec, which the status may not have followed yet.
func EndedBy(incident *v1alpha1.Incident) string {
	cycles := incident.Status.Cycles
	if !IsStub(incident) {
		cycles = replay(incident.Spec.Signals)
	}
	switch {
	case len(cycles) > 0 && cycles[len(cycles)-1].ResolvedAt != nil:
		return cycles[len(cycles)-1].ResolvedBy
	case !IsStub(incident) && isByHand(&incident.Spec):
		return incident.Spec.Response.ResolvedBy
	default:
		return ""
	}
}
