package notify

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// The status may speak of an earlier spec, or be written by hand: a message says what the spec says.
func TestAMessageSaysWhatTheSpecSaysWhateverTheStatusDoes(t *testing.T) {
	states := []v1alpha1.IncidentState{
		"", v1alpha1.StateOpen, v1alpha1.StateAcknowledged, v1alpha1.StateSnoozed, v1alpha1.StateResolved,
	}
	kinds := []v1alpha1.NotificationKind{v1alpha1.KindPage, v1alpha1.KindUpdate, v1alpha1.KindResolved}
	for _, is := range states[1:] {
		for _, was := range states {
			for _, kind := range kinds {
				incident := incidentIn(is)
				want := ViewOf(incident, entryOf(kind), minute(5))
				incident.Status.State = was
				incident.Status.Cycles = []v1alpha1.Cycle{{ResolvedBy: "somebody", ResolvedAt: &metav1.MicroTime{Time: minute(1)}}}
				if got := ViewOf(incident, entryOf(kind), minute(5)); got != want {
					t.Errorf("a %s of what is %s, and was %q, says %+v and not %+v", kind, is, was, got, want)
				}
				if kind != v1alpha1.KindResolved && want.State != string(is) {
					t.Errorf("of what is %s, a %s says %s", is, kind, want.State)
				}
			}
		}
	}
}

func TestAMessageNamesWhoAnswered(t *testing.T) {
	handedOn := incidentIn(v1alpha1.StateOpen)
	handedOn.Spec.Signals = append(handedOn.Spec.Signals, v1alpha1.Signal{
		Time: metav1.NewMicroTime(minute(2)), ReceivedAt: metav1.NewMicroTime(minute(2)), By: "bob",
		Event: v1alpha1.SignalResponse, Action: "acknowledge", Effect: v1alpha1.EffectAcknowledged,
	})
	archived := incidentIn(v1alpha1.StateOpen)
	archived.Spec.Signals = append(archived.Spec.Signals, v1alpha1.Signal{
		Time: metav1.NewMicroTime(minute(2)), ReceivedAt: metav1.NewMicroTime(minute(2)), By: v1alpha1.BySentry,
		Event: v1alpha1.SignalAcknowledge, Action: "archived", Effect: v1alpha1.EffectAcknowledged,
	})
	ended := incidentIn(v1alpha1.StateSnoozed)
	ended.Spec.Response.SnoozedUntil = &metav1.Time{Time: minute(3)}
	for name, c := range map[string]struct {
		incident *v1alpha1.Incident
		by       string
		until    string
	}{
		"nobody":                        {incidentIn(v1alpha1.StateOpen), "", ""},
		"a responder":                   {incidentIn(v1alpha1.StateAcknowledged), "alice@example.com", ""},
		"a responder of a merged issue": {handedOn, "bob", ""},
		"Sentry":                        {archived, "Sentry", ""},
		"a snooze":                      {incidentIn(v1alpha1.StateSnoozed), "alice@example.com", minute(59).Format(time.RFC3339)},
		"a snooze that is over":         {ended, "", ""},
	} {
		view := ViewOf(c.incident, entryOf(v1alpha1.KindUpdate), minute(5))
		if view.AnsweredBy != c.by || view.SnoozedUntil != c.until {
			t.Errorf("%s: answered by %q, until %q", name, view.AnsweredBy, view.SnoozedUntil)
		}
	}
}
