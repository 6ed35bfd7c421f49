package lifecycle

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestFoldTellsTheState(t *testing.T) {
	withinAnHour := Rules{ReopenWindow: time.Hour}
	tests := []struct {
		name  string
		story *story
		now   int
		want  v1alpha1.IncidentState
		next  time.Time
	}{
		{"opened: Open", tell(Rules{}, alert(at(1))), 9, v1alpha1.StateOpen, time.Time{}},
		{"resolved: Resolved", tell(Rules{}, alert(at(1)), resolve(at(2))), 9, v1alpha1.StateResolved, time.Time{}},
		{"reopened: Open", tell(withinAnHour, alert(at(1)), resolve(at(2)), alert(at(3))), 9, v1alpha1.StateOpen, time.Time{}},
		{
			"acknowledged by Sentry: Acknowledged", tell(Rules{}, alert(at(1)), acknowledge(at(2))),
			9, v1alpha1.StateAcknowledged,
			time.Time{},
		},
		{
			"and an Alert other than unresolved: still Acknowledged", tell(Rules{}, alert(at(1)), acknowledge(at(2)), alert(at(3))),
			9, v1alpha1.StateAcknowledged,
			time.Time{},
		},
		{
			"and unresolved: Open (withdrawn)", tell(Rules{}, alert(at(1)), acknowledge(at(2)), unresolved(at(3))),
			9, v1alpha1.StateOpen,
			time.Time{},
		},
		{
			"the same in the other order of arrival: Open", tell(Rules{}, alert(at(1)), unresolved(at(3)), acknowledge(at(2))),
			9, v1alpha1.StateOpen,
			time.Time{},
		},
		{
			"an unresolved older than the acknowledgement: Acknowledged",
			tell(Rules{}, alert(at(1)), acknowledge(at(3)), unresolved(at(2))),
			9, v1alpha1.StateAcknowledged,
			time.Time{},
		},
		{
			"acknowledged before a reopen: Open", tell(withinAnHour, alert(at(1)), acknowledge(at(2)), resolve(at(3)), alert(at(4))),
			9, v1alpha1.StateOpen,
			time.Time{},
		},
		{
			"acknowledged at a time ahead of the reopening Alert, but before it arrived: Open",
			tell(withinAnHour, alert(at(1)), acknowledge(at(5)), resolve(at(3)), alert(at(4))), 9, v1alpha1.StateOpen,
			time.Time{},
		},
		{
			"acknowledged by hand: Acknowledged", tell(Rules{}, alert(at(1))).respond(acknowledgedByHand(2)),
			9, v1alpha1.StateAcknowledged,
			time.Time{},
		},
		{
			"acknowledged by hand, and unresolved: a person's word stands",
			tell(Rules{}, alert(at(1)), unresolved(at(3))).respond(acknowledgedByHand(2)), 9, v1alpha1.StateAcknowledged,
			time.Time{},
		},
		{"snoozed: Snoozed, until then", tell(Rules{}, alert(at(1))).respond(snoozedUntil(30)), 9, v1alpha1.StateSnoozed, at(30)},
		{
			"snoozed and acknowledged: Snoozed", tell(Rules{}, alert(at(1))).respond(snoozedUntil(30)).respond(acknowledgedByHand(2)),
			9, v1alpha1.StateSnoozed, at(30),
		},
		{"the snooze is over: Open", tell(Rules{}, alert(at(1))).respond(snoozedUntil(30)), 30, v1alpha1.StateOpen, time.Time{}},
		{
			"the snooze of an acknowledged one is over: Acknowledged",
			tell(Rules{}, alert(at(1))).respond(snoozedUntil(30)).respond(acknowledgedByHand(2)),
			31, v1alpha1.StateAcknowledged,
			time.Time{},
		},
		{
			"resolved while snoozed: Resolved", tell(Rules{}, alert(at(1)), resolve(at(2))).respond(snoozedUntil(30)),
			9, v1alpha1.StateResolved,
			time.Time{},
		},
		{"resolved by hand: Resolved", tell(Rules{}, alert(at(1))).respond(resolvedByHand(2)), 9, v1alpha1.StateResolved, time.Time{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, next := Fold(test.story.latest(), at(test.now))
			if status.State != test.want {
				t.Errorf("state is %s, want %s", status.State, test.want)
			}
			if !next.Equal(test.next) {
				t.Errorf("next is %s, want %s", next, test.next)
			}
		})
	}
}

func TestFoldTellsTheCycles(t *testing.T) {
	withinAnHour := Rules{ReopenWindow: time.Hour}
	tests := []struct {
		name  string
		story *story
		want  []v1alpha1.Cycle
	}{
		{"one cycle", tell(Rules{}, alert(at(1)), resolve(at(4))), []v1alpha1.Cycle{
			{OpenedAt: *microAt(1), ResolvedAt: microAt(4), ResolvedBy: v1alpha1.BySentry},
		}},
		{"quick recurrence", tell(withinAnHour, alert(at(1)), resolve(at(4)), alert(at(5))), []v1alpha1.Cycle{
			{OpenedAt: *microAt(1), ResolvedAt: microAt(4), ResolvedBy: v1alpha1.BySentry},
			{OpenedAt: *microAt(5)},
		}},
		{"a later Resolve moves no end", tell(Rules{}, alert(at(1)), resolve(at(4)), resolve(at(6))), []v1alpha1.Cycle{
			{OpenedAt: *microAt(1), ResolvedAt: microAt(4), ResolvedBy: v1alpha1.BySentry},
		}},
		{"a late Alert moves no beginning", tell(Rules{}, alert(at(3)), alert(at(1))), []v1alpha1.Cycle{{OpenedAt: *microAt(3)}}},
		{"by hand", tell(Rules{}, alert(at(1))).respond(resolvedByHand(4)), []v1alpha1.Cycle{
			{OpenedAt: *microAt(1), ResolvedAt: microAt(4), ResolvedBy: alice},
		}},
		{"by hand, dated before the Incident", tell(Rules{}, alert(at(5))).respond(resolvedByHand(4)), []v1alpha1.Cycle{
			{OpenedAt: *microAt(5), ResolvedAt: microAt(5), ResolvedBy: alice},
		}},
		{
			"by hand, acknowledged before", tell(Rules{}, alert(at(1))).respond(acknowledgedByHand(2)).respond(resolvedByHand(4)),
			[]v1alpha1.Cycle{
				{OpenedAt: *microAt(1), AcknowledgedAt: microAt(2), ResolvedAt: microAt(4), ResolvedBy: alice},
			},
		},
		{"acknowledged ahead of now", tell(Rules{}, alert(at(1))).respond(acknowledgedByHand(2000)), []v1alpha1.Cycle{
			{OpenedAt: *microAt(1), AcknowledgedAt: microAt(1000)},
		}},
		{
			"acknowledged by hand, then resolved by Sentry",
			tell(Rules{}, alert(at(1)), resolve(at(4))).respond(acknowledgedByHand(2)),
			[]v1alpha1.Cycle{
				{OpenedAt: *microAt(1), AcknowledgedAt: microAt(2), ResolvedAt: microAt(4), ResolvedBy: v1alpha1.BySentry},
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, _ := Fold(test.story.latest(), at(1000))
			if got, want := asJSON(t, status.Cycles), asJSON(t, test.want); got != want {
				t.Errorf("cycles are %s, want %s", got, want)
			}
		})
	}
}

func TestFoldTellsTheConditions(t *testing.T) {
	tests := []struct {
		name   string
		story  *story
		kind   string
		status metav1.ConditionStatus
		reason string
		tells  string
		since  int
	}{
		{
			"nobody acknowledged", tell(Rules{}, alert(at(1))),
			v1alpha1.ConditionAcknowledged, metav1.ConditionFalse, v1alpha1.ReasonNotAcknowledged, "Nobody", 1,
		},
		{
			"Sentry acknowledged", tell(Rules{}, alert(at(1)), acknowledge(at(2))),
			v1alpha1.ConditionAcknowledged, metav1.ConditionTrue, v1alpha1.ReasonAcknowledged, "Sentry", 2,
		},
		{
			"alice acknowledged", tell(Rules{}, alert(at(1))).respond(acknowledgedByHand(3)),
			v1alpha1.ConditionAcknowledged, metav1.ConditionTrue, v1alpha1.ReasonAcknowledged, alice, 3,
		},
		{
			"alice acknowledged, and it is over", tell(Rules{}, alert(at(1)), resolve(at(4))).respond(acknowledgedByHand(3)),
			v1alpha1.ConditionAcknowledged, metav1.ConditionTrue, v1alpha1.ReasonAcknowledged, alice, 3,
		},
		{
			"open", tell(Rules{}, alert(at(1))),
			v1alpha1.ConditionResolved, metav1.ConditionFalse, v1alpha1.ReasonUnresolved, "2026-01-31T03:01:00Z", 1,
		},
		{
			"Sentry resolved", tell(Rules{}, alert(at(1)), resolve(at(4))),
			v1alpha1.ConditionResolved, metav1.ConditionTrue, v1alpha1.ReasonResolvedBySentry, "Sentry", 4,
		},
		{
			"alice resolved", tell(Rules{}, alert(at(1))).respond(resolvedByHand(4)),
			v1alpha1.ConditionResolved, metav1.ConditionTrue, v1alpha1.ReasonResolvedByHand, alice, 4,
		},
		{
			"silence resolved", tell(Rules{AutoResolveAfter: time.Hour}, alert(at(1)), silence(at(61))),
			v1alpha1.ConditionResolved, metav1.ConditionTrue, v1alpha1.ReasonResolvedAfterSilence, "autoResolveAfter", 61,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, _ := Fold(test.story.latest(), at(1000))
			got := meta.FindStatusCondition(status.Conditions, test.kind)
			if got == nil || got.Status != test.status || got.Reason != test.reason {
				t.Fatalf("condition is %s, want %s because of %s", asJSON(t, got), test.status, test.reason)
			}
			if !strings.Contains(got.Message, test.tells) {
				t.Errorf("message %q does not tell of %s", got.Message, test.tells)
			}
			if !got.LastTransitionTime.Time.Equal(at(test.since)) {
				t.Errorf("it holds since %s, want %s", got.LastTransitionTime, at(test.since))
			}
		})
	}
}

func TestAnIncidentWrittenWithoutAnOpeningSignalCountsAsOpenSinceItsFirst(t *testing.T) {
	written := v1alpha1.Signal{Time: *microAt(3), ReceivedAt: *microAt(3), Event: v1alpha1.SignalAlert, Effect: none, By: alice}
	s := &story{incidents: []*v1alpha1.IncidentSpec{{Number: 1, Signals: []v1alpha1.Signal{written}, SignalCount: 1}}}
	if cycles := s.status().Cycles; len(cycles) != 1 || !cycles[0].OpenedAt.Time.Equal(at(3)) || !s.open() {
		t.Errorf("it is %s", asJSON(t, s.status()))
	}
	if got := s.hear(resolve(at(5))).Effect; got != resolves || s.open() {
		t.Errorf("a Resolve has effect %s", got)
	}
}
