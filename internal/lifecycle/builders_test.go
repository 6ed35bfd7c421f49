package lifecycle

import (
	"bytes"
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const alice = "alice@example.com"

// at is a time on the day of the tests, so many minutes after three in the morning.
func at(minute int) time.Time {
	return time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
}

func microAt(minute int) *metav1.MicroTime {
	return &metav1.MicroTime{Time: at(minute)}
}

func secondAt(minute int) *metav1.Time {
	return &metav1.Time{Time: at(minute)}
}

// heardAs is a signal from Sentry that arrives in the minute in which it was sent.
func heardAs(event v1alpha1.SignalEvent, action string, sent time.Time, with []func(*Heard)) Heard {
	heard := Heard{Signal: v1alpha1.Signal{
		Time: metav1.NewMicroTime(sent), ReceivedAt: metav1.NewMicroTime(sent),
		Event: event, Action: action, By: v1alpha1.BySentry,
	}}
	for _, change := range with {
		change(&heard)
	}
	return heard
}

func alert(sent time.Time, with ...func(*Heard)) Heard {
	return heardAs(v1alpha1.SignalAlert, "triggered", sent, with)
}

func unresolved(sent time.Time, with ...func(*Heard)) Heard {
	return heardAs(v1alpha1.SignalAlert, "unresolved", sent, with)
}

// regression is an unresolved of what Sentry takes for resolved.
func regression(sent time.Time, with ...func(*Heard)) Heard {
	return unresolved(sent, append(with, regressed)...)
}

func regressed(h *Heard) { h.Facts.Substatus = ptr.To("regressed") }

func update(sent time.Time, with ...func(*Heard)) Heard {
	return heardAs(v1alpha1.SignalUpdate, "assigned", sent, with)
}

func acknowledge(sent time.Time, with ...func(*Heard)) Heard {
	return heardAs(v1alpha1.SignalAcknowledge, "archived", sent, with)
}

func resolve(sent time.Time, with ...func(*Heard)) Heard {
	return heardAs(v1alpha1.SignalResolve, "resolved", sent, with)
}

// silence is the operator's resolve because nothing was heard.
func silence(sent time.Time) Heard {
	return heardAs(v1alpha1.SignalResolve, ActionSilence, sent, []func(*Heard){func(h *Heard) {
		h.Signal.By = v1alpha1.ByOperator
	}})
}

func received(arrival time.Time) func(*Heard) {
	return func(h *Heard) { h.Signal.ReceivedAt = metav1.NewMicroTime(arrival) }
}

func untimed(h *Heard) {
	h.Untimed = true
	h.Signal.Time = metav1.MicroTime{}
}

func tagged(h *Heard) { h.Test = true }

func withPriority(priority v1alpha1.Priority) func(*Heard) {
	return func(h *Heard) { h.Signal.Priority = priority }
}

func withLevel(level string) func(*Heard) {
	return func(h *Heard) { h.Facts.Level = &level }
}

func withTitle(title string) func(*Heard) {
	return func(h *Heard) { h.Facts.Title = &title }
}

func withAssignee(assignee string) func(*Heard) {
	return func(h *Heard) { h.Facts.Assignee = &assignee }
}

// story is what became of one alert key: all its Incidents, and the orphan that is remembered.
type story struct {
	incidents []*v1alpha1.IncidentSpec
	orphan    time.Time
	rules     Rules
	now       time.Time
	last      Decision
}

// tell lets Route judge signals one after another, in the order of their arrival.
func tell(rules Rules, arrivals ...Heard) *story {
	s := &story{rules: rules}
	for _, heard := range arrivals {
		s.hear(heard)
	}
	return s
}

func (s *story) hear(heard Heard) Decision {
	if arrival := heard.Signal.ReceivedAt.Time; arrival.After(s.now) {
		s.now = arrival
	}
	latest := s.latest()
	s.last = Route(latest, s.orphan, heard, identity(), s.rules, s.now)
	if s.last.Seals {
		s.incidents[len(s.incidents)-1] = s.last.Spec
		return s.hear(heard)
	}
	if s.last.Orphan && s.last.Time.After(s.orphan) {
		s.orphan = s.last.Time
	}
	switch spec := s.last.Spec; {
	case spec == nil:
	case latest != nil && spec.Number == latest.Number:
		s.incidents[len(s.incidents)-1] = spec
	default:
		s.incidents = append(s.incidents, spec)
	}
	return s.last
}

// and tells one more signal.
func (s *story) and(heard Heard) *story {
	s.hear(heard)
	return s
}

// respond lets a responder change the latest Incident's response.
func (s *story) respond(change func(*v1alpha1.Response)) *story {
	latest := s.latest()
	if latest.Response == nil {
		latest.Response = &v1alpha1.Response{}
	}
	change(latest.Response)
	return s
}

func (s *story) latest() *v1alpha1.IncidentSpec {
	if len(s.incidents) == 0 {
		return nil
	}
	return s.incidents[len(s.incidents)-1]
}

func (s *story) status() v1alpha1.IncidentStatus {
	status, _ := Fold(s.latest(), s.now)
	return status
}

func (s *story) open() bool {
	return s.latest() != nil && s.status().State != v1alpha1.StateResolved
}

func identity() v1alpha1.IncidentSpec {
	return v1alpha1.IncidentSpec{SourceRef: v1alpha1.SourceReference{Name: "payments"}, AlertKey: v1alpha1.IssueKey("42")}
}

func resolvedByHand(minute int) func(*v1alpha1.Response) {
	return func(r *v1alpha1.Response) { r.ResolvedBy, r.ResolvedAt = alice, secondAt(minute) }
}

func acknowledgedByHand(minute int) func(*v1alpha1.Response) {
	return func(r *v1alpha1.Response) { r.AcknowledgedBy, r.AcknowledgedAt = alice, secondAt(minute) }
}

func snoozedUntil(minute int) func(*v1alpha1.Response) {
	return func(r *v1alpha1.Response) { r.SnoozedBy, r.SnoozedUntil = alice, secondAt(minute) }
}

// asJSON is a value as the API server would show it, to print and to compare.
func asJSON(t rapid.TB, value any) string {
	t.Helper()
	var text bytes.Buffer
	if err := json.Indent(&text, toJSON(t, value), "", " "); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func toJSON(t rapid.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func fromJSON(t rapid.TB, text []byte) *v1alpha1.IncidentSpec {
	t.Helper()
	spec := &v1alpha1.IncidentSpec{}
	if err := json.Unmarshal(text, spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

// same tells whether the API server would show two values alike.
func same(t rapid.TB, a, b any) bool {
	t.Helper()
	return bytes.Equal(toJSON(t, a), toJSON(t, b))
}
