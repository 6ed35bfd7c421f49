package resync

import (
	"context"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/panics"
)

// plantedIntake panics over one alert, or at the end of each sync run.
type plantedIntake struct {
	Intake
	bad   v1alpha1.AlertKey
	isBad bool
}

func (p *plantedIntake) Latest(ctx context.Context, source types.NamespacedName, key v1alpha1.AlertKey) (*v1alpha1.Incident, error) {
	if key == p.bad {
		panic("planted")
	}
	return p.Intake.Latest(ctx, source, key)
}

func (p *plantedIntake) Strangers() int {
	if p.isBad {
		panic("planted")
	}
	return p.Intake.Strangers()
}

// A panic is planted where one issue is compared: the others are brought in step, and it is once the cause is gone.
func TestAPanicOverOneIssueStopsNoOther(t *testing.T) {
	w := newWorld(t)
	w.pass()
	ids := w.create(3)
	w.lose()
	planted := &plantedIntake{Intake: w.feed.Intake, bad: v1alpha1.IssueKey(ids[1])}
	w.feed.Intake = planted
	w.pass()
	for i, id := range ids {
		if want := map[bool]string{true: "", false: "Open"}[i == 1]; w.story(id) != want {
			t.Errorf("issue %d is %q, want %q", i, w.story(id), want)
		}
	}
	if waiting := w.lastPass().Waiting; waiting == 0 {
		t.Error("none waits for the next sync run")
	}
	if told := strings.Join(testbed.Recorded(w.recorder), "\n"); !strings.Contains(told, v1alpha1.ReasonPanicked) {
		t.Errorf("the Events are %s", told)
	}
	w.feed.checkAt(ids[1], w.clock.Now())
	w.feed.checkDue(w.Context())
	if len(w.feed.checks) == 0 {
		t.Error("a check that panicked is forgotten")
	}
	planted.bad = ""
	w.pass()
	w.expectStory(ids[1], "Open")
	w.expectPages(ids[1], 1)
}

// A panic in a sync run ends that run, and shows on the source; the next one does what it should have.
func TestASyncRunThatPanicsIsFollowedByAnother(t *testing.T) {
	w := newWorld(t)
	w.pass()
	id := w.create(1)[0]
	w.lose()
	planted := &plantedIntake{Intake: w.feed.Intake, isBad: true}
	w.feed.Intake = planted
	w.clock.Move(10 * time.Minute)
	if err := w.feed.catch(w.Context(), "sync run", w.tryPass); !panics.Is(err) {
		t.Errorf("it ends with %v", err)
	}
	if told := strings.Join(testbed.Recorded(w.recorder), "\n"); !strings.Contains(told, v1alpha1.ReasonPanicked) {
		t.Errorf("the Events are %s", told)
	}
	planted.isBad = false
	w.pass()
	w.expectStory(id, "Open")
	w.expectCondition(v1alpha1.ConditionInSync, metav1.ConditionTrue, v1alpha1.ReasonInSync)
}
