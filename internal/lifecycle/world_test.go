package lifecycle

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// world is one alert key with its people: signals come in, looks are taken, notifications are sent, and time goes by.
type world struct {
	*story
	policy   *v1alpha1.EscalationPolicySpec
	missing  map[string]bool
	restored time.Time
	leaving  map[string]bool
	closing  bool
	onCall   map[string]Duty
	// gathers is true while what is told is told in summaries.
	gathers bool

	status v1alpha1.IncidentStatus
	last   Escalation
	// arrived is what the channels' people have seen, in order.
	arrived []v1alpha1.Notification
}

// newWorld is a world in which an issue has just come up.
func newWorld(policy *v1alpha1.EscalationPolicySpec, with ...func(*Heard)) *world {
	w := &world{story: tell(Rules{}, alert(at(0), with...)), policy: policy, missing: map[string]bool{}, leaving: map[string]bool{}}
	w.status.State = v1alpha1.StateOpen
	return w
}

func policyOf(steps ...v1alpha1.EscalationStep) *v1alpha1.EscalationPolicySpec {
	return &v1alpha1.EscalationPolicySpec{Steps: steps}
}

// step is one that is due so many minutes after the run's start.
func step(name string, after int, channels ...string) v1alpha1.EscalationStep {
	step := v1alpha1.EscalationStep{
		Name: name, After: metav1.Duration{Duration: time.Duration(after) * time.Minute}, MinPriority: v1alpha1.PriorityLow,
	}
	for _, channel := range channels {
		step.Notify = append(step.Notify, v1alpha1.Recipient{ChannelRef: &v1alpha1.ChannelReference{Name: channel}})
	}
	return step
}

func from(priority v1alpha1.Priority, step v1alpha1.EscalationStep) v1alpha1.EscalationStep {
	step.MinPriority = priority
	return step
}

func repeated(policy *v1alpha1.EscalationPolicySpec, times int32, every int) *v1alpha1.EscalationPolicySpec {
	policy.Repeat = &v1alpha1.Repeat{Times: times, Every: metav1.Duration{Duration: time.Duration(every) * time.Minute}}
	return policy
}

// usual tells the team at once and somebody on call after ten minutes.
func usual() *v1alpha1.EscalationPolicySpec {
	return policyOf(step("team", 0, "slack"), step("on-call", 10, "pager"))
}

func (w *world) situation() Situation {
	is, _ := Fold(w.latest(), w.now)
	plan := Plan{Policy: w.policy, Missing: w.missing, Leaving: w.leaving, Closing: w.closing, OnCall: w.onCall}
	if w.policy == nil {
		plan.Obstacle = v1alpha1.ReasonPolicyMissing
	}
	return Situation{Spec: w.latest(), Was: w.status, Is: is, Restored: w.restored, Plan: plan, Now: w.now}
}

// look lets the controller look at the Incident, and keeps what it writes.
func (w *world) look() *world {
	situation := w.situation()
	w.last = Escalate(situation)
	w.status = situation.Is
	w.status.Escalation, w.status.Notifications = w.last.Run, w.last.Notifications
	return w
}

// lookAt looks at a minute of the day.
func (w *world) lookAt(minute int) *world {
	w.now = at(minute)
	return w.look()
}

// deliver lets every channel take what is pending, as far as its time has come, and looks again.
func (w *world) deliver() *world {
	for _, entry := range slices.Clone(w.status.Notifications) {
		w.attempt(entry.Channel, nil)
	}
	return w.look()
}

// fail lets a channel refuse what is pending for it, and looks again.
func (w *world) fail(channel string, class FailureClass) *world {
	failure := &Failure{Class: class, Reason: "Refused", Message: "the channel refuses"}
	if class == FailureUnauthorized {
		failure.Reason = v1alpha1.ReasonUnauthorized
	}
	w.attempt(channel, failure)
	return w.look()
}

func (w *world) attempt(channel string, failure *Failure) {
	place, _ := Claim(w.status.Notifications, channel, w.now)
	if place < 0 {
		return
	}
	entry := &w.status.Notifications[place]
	if failure != nil {
		Failed(entry, *failure, 0, w.now)
		return
	}
	Sent(entry, "receipt", w.now)
	entry.Gathered = w.gathers
	w.arrived = append(w.arrived, *entry)
}

// responded lets a responder act at a minute, and looks.
func (w *world) responded(minute int, change func(*v1alpha1.Response)) *world {
	w.now = at(minute)
	w.respond(change)
	return w.look()
}

// heard lets a signal come in, and looks.
func (w *world) heard(heard Heard) *world {
	w.rules.Restored = w.restored
	w.hear(heard)
	return w.look()
}

func unacknowledged(r *v1alpha1.Response) { r.AcknowledgedBy, r.AcknowledgedAt = "", nil }

// expect expects what the channels' people have seen, such as "Page slack, Update slack".
func (w *world) expect(t *testing.T, want string) {
	t.Helper()
	var seen []string
	for _, entry := range w.arrived {
		seen = append(seen, string(entry.Kind)+" "+entry.Channel)
	}
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("the people have seen %q, not %q\nledger: %s", got, want, asJSON(t, w.status.Notifications))
	}
}

func (w *world) expectNotified(t *testing.T, reason string) {
	t.Helper()
	if got := w.last.Notified.Reason; got != reason {
		t.Errorf("Notified is %s, not %s: %s", got, reason, w.last.Notified.Message)
	}
}

func (w *world) expectNext(t *testing.T, minute int) {
	t.Helper()
	if !w.last.Next.Equal(at(minute)) {
		t.Errorf("the next look is at %s, not %s", w.last.Next, at(minute))
	}
}

// stateOf is how the last entry for a channel stands.
func (w *world) stateOf(t rapid.TB, channel string) v1alpha1.NotificationState {
	t.Helper()
	for _, entry := range slices.Backward(w.status.Notifications) {
		if entry.Channel == channel {
			return entry.State
		}
	}
	t.Fatalf("nothing was ever due for %s", channel)
	return ""
}
