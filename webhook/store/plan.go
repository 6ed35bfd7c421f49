package store

import (
	"slices"
	"time"

	"k8s.io/utils/ptr"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook/sources"
)

// plan is one write, and what it makes of the signals that go into it.
type plan struct {
	// spec is what to write; nil if nothing is.
	spec *v1alpha1.IncidentSpec
	// opens is true if the spec is that of a new Incident, not of the latest.
	opens bool
	// restsOnNoLater is true if a signal is dropped, or recorded in an Incident that is over: then there must be no later
	// Incident. A Create needs no such care, its name proves it.
	restsOnNoLater bool
	// orphan is the newest time of a Resolve of which no Incident is known.
	orphan   time.Time
	outcomes []Outcome
}

// judge plans the next write: as many of the signals to come as touch one Incident.
func (r *recording) judge() plan {
	plan := plan{orphan: r.orphan(Key{r.source.Name, r.key})}
	identity := v1alpha1.IncidentSpec{SourceRef: v1alpha1.SourceReference{Name: r.source.Name.Name}, AlertKey: r.key}
	rules, now := rulesOf(r.source, r.latest.incident), r.clock.Now()
	spec := r.latest.spec()
	left := r.heard[len(r.outcomes):]
	lastRecorded := r.lastRecorded(left)
	for i, heard := range left {
		if outcome, isRecorded := r.recordedAs(heard.Signal); isRecorded {
			plan.outcomes = append(plan.outcomes, outcome)
			continue
		}
		decision := lifecycle.Route(spec, plan.orphan, heard, identity, rules, now)
		if i < lastRecorded && leavesNoTrace(decision, heard.Signal) {
			plan.outcomes = append(plan.outcomes, Outcome{Effect: decision.Effect, Incident: r.nameOf(decision.Spec)})
			continue
		}
		if decision.Seals {
			// What the signals before it changed is written along, and this one is judged by what is written.
			plan.spec = decision.Spec
			break
		}
		if decision.Opens() {
			if plan.spec != nil {
				break
			}
			plan.opens = true
		}
		plan.restsOnNoLater = !plan.opens && (plan.restsOnNoLater || rules.Deleted || !isOpen(spec, now))
		if decision.Orphan && decision.Time.After(plan.orphan) {
			plan.orphan = decision.Time
		}
		outcome := Outcome{Effect: decision.Effect, Orphan: decision.Orphan}
		if decision.Spec != nil {
			spec, plan.spec, rules.Deleted = decision.Spec, decision.Spec, false
			outcome.Incident = r.nameOf(spec)
		}
		plan.outcomes = append(plan.outcomes, outcome)
	}
	return plan
}

func (r *recording) nameOf(spec *v1alpha1.IncidentSpec) string {
	return r.source.Name.Namespace + "/" + v1alpha1.IncidentName(r.source.Name.Name, r.key, spec.Number)
}

// IsOpen tells whether an Incident takes what is heard of its alert: it is neither resolved nor being deleted.
func IsOpen(incident *v1alpha1.Incident, now time.Time) bool {
	return !lifecycle.IsStub(incident) && incident.DeletionTimestamp.IsZero() && isOpen(&incident.Spec, now)
}

func isOpen(spec *v1alpha1.IncidentSpec, now time.Time) bool {
	if spec == nil {
		return false
	}
	status, _ := lifecycle.Fold(spec, now)
	return status.State != v1alpha1.StateResolved
}

func rulesOf(source *sources.Source, latest *v1alpha1.Incident) lifecycle.Rules {
	spec := source.Object.Spec
	rules := lifecycle.Rules{
		ReopenWindow:     spec.Incidents.ReopenWindow.Duration,
		AutoResolveAfter: spec.Incidents.AutoResolveAfter.Duration,
		Levels:           spec.Mapping.Levels,
	}
	if latest != nil {
		rules.Restored = lifecycle.RestoredAt(latest)
		rules.Deleted = !latest.DeletionTimestamp.IsZero()
	}
	return rules
}

// recordedAs is what became of a signal that is recorded already: it stands in the Incident, or did something to the one before it. The
// answer to a write may have been lost, or a process have died before it took note. What did nothing to the one before may still do
// something to this one.
func (r *recording) recordedAs(signal v1alpha1.Signal) (outcome Outcome, isRecorded bool) {
	for _, spec := range []*v1alpha1.IncidentSpec{r.latest.spec(), r.latest.before} {
		place := placeIn(spec, signal)
		if place >= 0 && (spec != r.latest.before || spec.Signals[place].Effect != v1alpha1.EffectNone) {
			return Outcome{Effect: spec.Signals[place].Effect, Incident: r.nameOf(spec)}, true
		}
	}
	return Outcome{}, false
}

// lastRecorded is the place of the last of some signals that is recorded already, -1 if none is.
func (r *recording) lastRecorded(left []lifecycle.Heard) int {
	for i := len(left) - 1; i >= 0; i-- {
		if _, isRecorded := r.recordedAs(left[i].Signal); isRecorded {
			return i
		}
	}
	return -1
}

// leavesNoTrace tells whether all that recording a signal would leave is a count: it is a repeat, and older than the repeats that are
// kept. Of such a one it cannot be told whether it was recorded. Where a later one of its batch was, so was probably this one.
func leavesNoTrace(decision lifecycle.Decision, signal v1alpha1.Signal) bool {
	isRepeat := decision.Effect == v1alpha1.EffectUpdated || decision.Effect == v1alpha1.EffectNone
	return isRepeat && decision.Spec != nil && !decision.Seals && placeIn(decision.Spec, signal) < 0
}

// placeIn is where a signal stands in an Incident, -1 if it does not.
func placeIn(spec *v1alpha1.IncidentSpec, signal v1alpha1.Signal) int {
	if spec == nil {
		return -1
	}
	return slices.IndexFunc(spec.Signals, func(s v1alpha1.Signal) bool { return isSame(s, signal) })
}

// mayBeInTheOneBefore tells whether a signal came before the Incident opened: then it may stand in the one before it.
func mayBeInTheOneBefore(spec *v1alpha1.IncidentSpec, heard []lifecycle.Heard) bool {
	if spec == nil || spec.Number < 2 {
		return false
	}
	opened := spec.Signals[0].ReceivedAt
	return slices.ContainsFunc(heard, func(h lifecycle.Heard) bool {
		return h.Signal.By == v1alpha1.BySentry && h.Signal.ReceivedAt.Before(&opened)
	})
}

// isSame compares what Route leaves as it was. No two signals of an alert arrive in the same microsecond: see the inbox.
func isSame(a, b v1alpha1.Signal) bool {
	return a.ReceivedAt.UnixMicro() == b.ReceivedAt.UnixMicro() && a.Action == b.Action && a.By == b.By && a.Rule == b.Rule
}

// signalsMissing are Sentry's signals that one list has and an earlier one had not.
func signalsMissing(earlier, later []v1alpha1.Signal) []lifecycle.Heard {
	known := map[v1alpha1.Signal]bool{}
	for _, signal := range earlier {
		known[unjudged(signal)] = true
	}
	var missing []lifecycle.Heard
	for _, signal := range later {
		if signal.By == v1alpha1.BySentry && !known[unjudged(signal)] {
			missing = append(missing, lifecycle.Heard{Signal: signal})
		}
	}
	return missing
}

// unjudged is a signal of Sentry's without its effect, its times in one zone: == on it is equality, for until, which is a
// pointer, only responders' have.
func unjudged(signal v1alpha1.Signal) v1alpha1.Signal {
	signal.Effect = ""
	signal.Time.Time = signal.Time.UTC()
	signal.ReceivedAt.Time = signal.ReceivedAt.UTC()
	return signal
}

// latest is the Incident of an alert key with the highest number, as far as it is known.
type latest struct {
	// incident is nil if there is none.
	incident *v1alpha1.Incident
	// before is the one before it, if a signal may stand there already; else nil.
	before *v1alpha1.IncidentSpec
	// isLive is true if it was read from, or written to, the API server in this recording.
	isLive bool
	// isLast is true if the API server said that there is no later one.
	isLast bool
}

func (l *latest) number() int32 { return ptr.Deref(l.spec(), v1alpha1.IncidentSpec{}).Number }

func (l *latest) spec() *v1alpha1.IncidentSpec {
	if l.incident == nil {
		return nil
	}
	return &l.incident.Spec
}
