package lifecycle

import (
	"slices"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	opened       = v1alpha1.EffectOpened
	updated      = v1alpha1.EffectUpdated
	acknowledges = v1alpha1.EffectAcknowledged
	reopened     = v1alpha1.EffectReopened
	resolves     = v1alpha1.EffectResolved
	withdraws    = v1alpha1.EffectUnacknowledged
	none         = v1alpha1.EffectNone
)

type effects = []v1alpha1.SignalEffect

// TestRoute tells, for each row of the table of what a signal does to the latest Incident, and for each sentence about
// times and echoes, a story and how it ends. In brackets are the scenarios that doc.go names.
func TestRoute(t *testing.T) {
	withinAnHour := Rules{ReopenWindow: time.Hour}
	tests := []struct {
		name     string
		rules    Rules
		arrivals []Heard
		// effects of the arrivals, one each; numbers of the Incidents are counted; recorded are the signals ever recorded
		// in the latest.
		effects   effects
		incidents int
		recorded  int64
		open      bool
	}{
		// none
		{
			"none, Alert: Incident 1 opens",
			Rules{},
			[]Heard{alert(at(1))},
			effects{opened},
			1, 1, true,
		},
		{
			"none, Resolve: nothing",
			Rules{},
			[]Heard{resolve(at(1))},
			effects{none},
			0, 0, false,
		},
		{
			"none, Update: nothing (echo)",
			Rules{},
			[]Heard{update(at(1))},
			effects{none},
			0, 0, false,
		},
		{
			"none, Acknowledge: nothing",
			Rules{},
			[]Heard{acknowledge(at(1))},
			effects{none},
			0, 0, false,
		},
		{
			"none, an Alert older than an orphaned Resolve: nothing (orphan)",
			Rules{},
			[]Heard{resolve(at(2)), alert(at(1))},
			effects{none, none},
			0, 0, false,
		},
		{
			"none, an Alert older than the newest of two orphans: nothing",
			Rules{},
			[]Heard{resolve(at(5)), resolve(at(2)), alert(at(4))},
			effects{none, none, none},
			0, 0, false,
		},
		{
			"none, an Alert newer than an orphaned Resolve: Incident 1 opens",
			Rules{},
			[]Heard{resolve(at(2)), alert(at(3))},
			effects{none, opened},
			1, 1, true,
		},
		{
			"none, an Alert of the time of an orphan, being the later arrival, counts as newer",
			Rules{},
			[]Heard{resolve(at(2)), alert(at(2))},
			effects{none, opened},
			1, 1, true,
		},

		// open
		{
			"open, Alert: same Incident, refreshed",
			Rules{},
			[]Heard{alert(at(1)), unresolved(at(2))},
			effects{opened, updated},
			1, 2, true,
		},
		{
			"open, a late Alert: recorded",
			Rules{},
			[]Heard{alert(at(2)), alert(at(1))},
			effects{opened, none},
			1, 2, true,
		},
		{
			"open, Update: refreshed",
			Rules{},
			[]Heard{alert(at(1)), update(at(2))},
			effects{opened, updated},
			1, 2, true,
		},
		{
			"open, Resolve not older than the newest Alert: resolved (one cycle)",
			Rules{},
			[]Heard{alert(at(1)), resolve(at(2))},
			effects{opened, resolves},
			1, 2, false,
		},
		{
			"open, Resolve of the time of the newest Alert: resolved, being the later arrival",
			Rules{},
			[]Heard{alert(at(1)), resolve(at(1))},
			effects{opened, resolves},
			1, 2, false,
		},
		{
			"open, Resolve older than the newest Alert: recorded, stays open (late resolve)",
			Rules{},
			[]Heard{alert(at(1)), unresolved(at(3)), resolve(at(2))},
			effects{opened, updated, none},
			1, 3, true,
		},
		{
			"open, Resolve older than a newer Update but not than the newest Alert: resolved",
			Rules{},
			[]Heard{alert(at(1)), update(at(3)), resolve(at(2))},
			effects{opened, updated, resolves},
			1, 3, false,
		},
		{
			"open, Resolve older than a newer Acknowledge but not than the newest Alert: resolved",
			Rules{},
			[]Heard{alert(at(1)), acknowledge(at(3)), resolve(at(2))},
			effects{opened, acknowledges, resolves},
			1, 3, false,
		},

		// resolved, reopenWindow 0
		{
			"resolved, newer Alert: Incident 2 opens (recurrence)",
			Rules{},
			[]Heard{alert(at(1)), resolve(at(2)), unresolved(at(3))},
			effects{opened, resolves, opened},
			2, 1, true,
		},
		{
			"resolved, Alert of the time of the Resolve: the later arrival counts as newer",
			Rules{},
			[]Heard{alert(at(1)), resolve(at(2)), unresolved(at(2))},
			effects{opened, resolves, opened},
			2, 1, true,
		},
		{
			"resolved, Alert older than the Resolve: recorded, stays resolved (late alert)",
			Rules{},
			[]Heard{alert(at(1)), resolve(at(3)), alert(at(2))},
			effects{opened, resolves, none},
			1, 3, false,
		},
		{
			"resolved, Resolve newer than the last one: its time is recorded",
			Rules{},
			[]Heard{alert(at(1)), resolve(at(2)), resolve(at(5))},
			effects{opened, resolves, none},
			1, 3, false,
		},
		{
			"resolved, Alert older than such a Resolve: stays resolved",
			Rules{},
			[]Heard{alert(at(1)), resolve(at(2)), resolve(at(5)), alert(at(4))},
			effects{opened, resolves, none, none},
			1, 4, false,
		},
		{
			"resolved, Resolve older than the last one: nothing",
			Rules{},
			[]Heard{alert(at(1)), resolve(at(5)), resolve(at(2))},
			effects{opened, resolves, none},
			1, 2, false,
		},
		{
			"resolved, Update: opens and reopens nothing (echo)", withinAnHour,
			[]Heard{alert(at(1)), resolve(at(2)), update(at(3))},
			effects{opened, resolves, none},
			1, 2, false,
		},
		{
			"resolved, Acknowledge: opens and reopens nothing", withinAnHour,
			[]Heard{alert(at(1)), resolve(at(2)), acknowledge(at(3))},
			effects{opened, resolves, none},
			1, 2, false,
		},

		// resolved, with a reopenWindow
		{
			"resolved, newer Alert within reopenWindow: a new cycle of the same Incident (quick recurrence)", withinAnHour,
			[]Heard{alert(at(1)), resolve(at(2)), unresolved(at(3))},
			effects{opened, resolves, reopened},
			1, 3, true,
		},
		{
			"resolved, newer Alert at the end of reopenWindow: a new cycle of the same Incident", withinAnHour,
			[]Heard{alert(at(1)), resolve(at(2)), unresolved(at(62))},
			effects{opened, resolves, reopened},
			1, 3, true,
		},
		{
			"resolved, newer Alert after reopenWindow: Incident 2 opens", withinAnHour,
			[]Heard{alert(at(1)), resolve(at(2)), unresolved(at(63))},
			effects{opened, resolves, opened},
			2, 1, true,
		},
		{
			"resolved, late Alert within reopenWindow: stays resolved", withinAnHour,
			[]Heard{alert(at(1)), resolve(at(3)), alert(at(2))},
			effects{opened, resolves, none},
			1, 3, false,
		},
		{
			"resolved, newer Alert after reopenWindow: sealed, so that an older Alert opens the next as well", withinAnHour,
			[]Heard{alert(at(1)), resolve(at(2)), unresolved(at(63)), resolve(at(64)), alert(at(65), received(at(66)))},
			effects{opened, resolves, opened, resolves, reopened},
			2, 3, true,
		},
		{
			"reopened, a late Resolve: stays open", withinAnHour,
			[]Heard{alert(at(1)), resolve(at(2)), unresolved(at(9)), resolve(at(5))},
			effects{opened, resolves, reopened, none},
			1, 4, true,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &story{rules: test.rules}
			var got effects
			for _, heard := range test.arrivals {
				got = append(got, s.hear(heard).Effect)
			}
			if !slices.Equal(got, test.effects) {
				t.Errorf("effects are %v, want %v", got, test.effects)
			}
			if len(s.incidents) != test.incidents {
				t.Fatalf("%d Incidents, want %d", len(s.incidents), test.incidents)
			}
			if test.incidents > 0 && s.latest().SignalCount != test.recorded {
				t.Errorf("signalCount is %d, want %d", s.latest().SignalCount, test.recorded)
			}
			if s.open() != test.open {
				t.Errorf("open is %t, want %t", s.open(), test.open)
			}
		})
	}
}
