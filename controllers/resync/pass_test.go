package resync

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestWhatWasThereBeforeTheFirstPassWakesNobodyUntilAWebhookSaysThatItGoesOn(t *testing.T) {
	w := newWorld(t)
	old := w.create(30)
	w.lose()
	w.clock.Move(30 * 24 * time.Hour)
	w.ageAll(old[:20])
	w.pass()
	for _, id := range old {
		w.expectStory(id, "Open")
	}
	w.expectAllPages(0)
	w.expectCondition(v1alpha1.ConditionInSync, metav1.ConditionTrue, v1alpha1.ReasonInSync, "30 unresolved issues")
	if pass := w.lastPass(); pass.OpenedQuietly != 30 || pass.Opened != 0 || pass.Issues != 30 {
		t.Errorf("the pass is %+v", pass)
	}
	for i, id := range old {
		w.clock.Move(time.Minute)
		if i%2 == 0 {
			w.sentry.Archive(id)
		} else {
			w.sentry.Assign(id, "Jane Doe")
		}
		w.deliver()
	}
	w.expectAllPages(0)
	w.sentry.Escalate(old[0])
	w.deliver()
	w.expectPages(old[0], 1)
	w.expectAllPages(1)
	w.pass()
	w.expectAllPages(1)
}

func TestWhatNoWebhookToldIsFoundAndPaged(t *testing.T) {
	w := newWorld(t)
	w.pass()
	w.pass()
	w.clock.Move(time.Minute)
	id := w.create(1)[0]
	w.lose()
	w.pass()
	w.expectStory(id, "Open")
	w.expectPages(id, 1)
	w.sentry.Resolve(id)
	w.lose()
	w.pass()
	w.expectStory(id, "Resolved")
	w.clock.Move(time.Minute)
	w.sentry.Regress(id)
	w.lose()
	w.pass()
	w.expectStory(id, "Resolved, Open")
	w.expectPages(id, 2)
	if signal := w.incident(id).Spec.Signals[0]; signal.By != v1alpha1.ByResync || signal.Action != "unresolved" || signal.Quiet {
		t.Errorf("it was opened by %+v", signal)
	}
	w.pass()
	w.expectAllPages(2)
}

func TestWhatAMappingIgnoresHidesNothingElse(t *testing.T) {
	w := newWorld(t, func(source *v1alpha1.AlertSource) {
		source.Spec.Mapping.Actions = map[string]v1alpha1.Meaning{
			"assigned": v1alpha1.MeaningIgnore, "resolved": v1alpha1.MeaningIgnore, "archived": v1alpha1.MeaningAcknowledge,
		}
	})
	w.pass()
	id := w.create(1)[0]
	w.deliver()
	w.clock.Move(time.Minute)
	w.sentry.Assign(id, "Jane Doe")
	w.sentry.Prioritize(id, "low")
	w.lose()
	w.pass()
	if latest := w.incident(id); latest.Spec.Priority != v1alpha1.PriorityLow || latest.Spec.Issue.Assignee != "Jane Doe" {
		t.Errorf("it is %s, assigned to %q", latest.Spec.Priority, latest.Spec.Issue.Assignee)
	}
	w.clock.Move(time.Minute)
	w.sentry.Archive(id)
	w.lose()
	w.pass()
	w.expectStory(id, "Acknowledged")
	w.clock.Move(time.Minute)
	w.sentry.Unarchive(id)
	w.lose()
	w.pass()
	w.expectStory(id, "Open")
	w.expectPages(id, 2)
	w.sentry.Resolve(id)
	w.lose()
	w.pass()
	w.expectStory(id, "Open")
}
