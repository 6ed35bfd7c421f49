package resync

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

func TestOfEightHundredOldIssuesArchivedAndAssignedNobodyHears(t *testing.T) {
	w := newWorld(t)
	old := w.create(800)
	w.lose()
	w.clock.Move(24 * time.Hour)
	w.ageAll(old)
	w.pass()
	for i, id := range old {
		if i < 500 {
			w.sentry.Archive(id)
		}
		if i >= 300 {
			w.sentry.Assign(id, "Jane Doe")
		}
	}
	w.clock.Move(time.Minute)
	w.deliver()
	w.expectAllPages(0)
	w.pass()
	w.expectAllPages(0)
	w.sentry.Unresolve(old[10])
	w.deliver()
	w.expectPages(old[10], 1)
	w.expectAllPages(1)
}

func TestOneMoreProjectBringsOldNewsAlone(t *testing.T) {
	w := newWorld(t, func(source *v1alpha1.AlertSource) { source.Spec.Sentry.Projects = []string{"checkout"} })
	other := w.sentry.AddProject("ledger")
	old := w.sentry.Create(other, simulator.Issue{})
	w.lose()
	for range 4 {
		w.pass()
	}
	w.change(func(source *v1alpha1.AlertSource) { source.Spec.Sentry.Projects = []string{"checkout", "ledger"} })
	w.pass()
	w.expectStory(old, "Open")
	w.expectAllPages(0)
	young := w.sentry.Create(other, simulator.Issue{})
	w.lose()
	w.pass()
	w.expectPages(young, 1)
	w.expectAllPages(1)
}

func TestATokenAddedLateBringsOldNewsAlone(t *testing.T) {
	w := newWorld(t)
	known := w.create(1)[0]
	w.deliver()
	w.expectPages(known, 1)
	missed := w.create(5)
	w.lose()
	w.sentry.Resolve(known)
	w.lose()
	w.clock.Move(365 * 24 * time.Hour)
	for _, id := range missed {
		w.sentry.Event(id)
	}
	w.pass()
	w.expectStory(known, "Resolved")
	for _, id := range missed {
		w.expectStory(id, "Open")
	}
	w.expectAllPages(1)
}

func TestSuspendedPassesCount(t *testing.T) {
	w := newWorld(t)
	w.pass()
	w.change(func(source *v1alpha1.AlertSource) { source.Spec.Suspend = true })
	id := w.create(1)[0]
	w.lose()
	for range 3 {
		w.pass()
	}
	w.expectStory(id, "")
	w.change(func(source *v1alpha1.AlertSource) { source.Spec.Suspend = false })
	w.pass()
	w.expectStory(id, "Open")
	w.expectAllPages(0)
}

// wipe deletes all Incidents, and gives what a backup would have of them.
func (w *world) wipe() []v1alpha1.Incident {
	w.Helper()
	backup := w.source.Incidents(w.TB)
	for i := range backup {
		// Nobody is here to tell channels of the end.
		before := backup[i].DeepCopy()
		backup[i].Finalizers = nil
		testbed.Must(w.TB, control.Client(w.TB).Patch(w.Context(), &backup[i], client.MergeFrom(before)))
		testbed.Must(w.TB, control.Client(w.TB).Delete(w.Context(), backup[i].DeepCopy()))
	}
	return backup
}

// restore is what a restore from a backup does: Incidents come back without their status, and at another time.
func (w *world) restore(backup []v1alpha1.Incident) {
	w.Helper()
	recorded := metav1.NewTime(time.Now().Add(-24 * time.Hour).Truncate(time.Second))
	for i := range backup {
		kept := &backup[i]
		kept.ObjectMeta = metav1.ObjectMeta{Namespace: kept.Namespace, Name: kept.Name, Labels: kept.Labels}
		kept.Status = v1alpha1.IncidentStatus{}
		kept.Spec.RecordedAt = &recorded
		testbed.Must(w.TB, client.IgnoreAlreadyExists(control.Client(w.TB).Create(w.Context(), kept)))
	}
}

func TestARestoreBringsOldNewsAlone(t *testing.T) {
	for _, sourceFirst := range []bool{true, false} {
		w := newWorld(t)
		// What was recorded was heard before the API server restored it, by its own clock.
		w.clock.Move(-25 * time.Hour)
		ids := w.create(4)
		w.deliver()
		w.sentry.Resolve(ids[3])
		w.deliver()
		w.pass()
		w.expectAllPages(4)
		backup := w.wipe()
		w.restart()
		w.clock.Move(24 * time.Hour)
		testbed.Must(t, control.Client(t).Delete(t.Context(), w.source.Get(t)))
		w.paged = map[v1alpha1.AlertKey]map[string]bool{}
		if sourceFirst {
			w.source.Create(t, w.asks, paged)
			w.restart()
			w.pass()
			w.restore(backup)
			w.restart()
		} else {
			w.restore(backup)
			w.source.Create(t, w.asks, paged)
			w.restart()
		}
		w.wake()
		for range 3 {
			w.pass()
		}
		w.expectAllPages(0)
		for _, id := range ids[:3] {
			if latest := w.incident(id); latest == nil || !isOpen(latest, w.clock.Now()) {
				t.Errorf("source first: %t: issue %s is not open", sourceFirst, id)
			}
		}
	}
}

func TestATestNotificationStaysOneAfterItsIncidentIsGone(t *testing.T) {
	w := newWorld(t)
	w.pass()
	id := w.sentry.CreateSample(w.project)
	for _, webhook := range w.outbox.Take() {
		if webhook.Resource == "event_alert" {
			w.post(webhook)
		}
	}
	w.pass()
	w.expectStory(id, "Open")
	w.clock.Move(2 * time.Hour)
	w.retain()
	w.expectStory(id, "")
	for range 3 {
		w.pass()
	}
	w.expectStory(id, "")
	w.expectAllPages(0)
}

func TestAMetricAlertWithTheNumberOfAnIssueIsNoIssue(t *testing.T) {
	w := newWorld(t)
	id := w.create(1)[0]
	w.deliver()
	w.post(simulator.MetricAlert("critical", id, "Rate", "Rule", []string{"checkout"}, w.clock.Now()))
	w.sentry.Resolve(id)
	w.lose()
	for range 3 {
		w.pass()
	}
	w.expectStory(id, "Resolved")
	for _, one := range w.source.Incidents(t) {
		if one.Spec.AlertKey == v1alpha1.MetricKey(id) && !isOpen(&one, w.clock.Now()) {
			t.Errorf("the metric alert is not open: %s", describe(&one))
		}
	}
}

func TestOnlyErrorsAndWhatTheMappingNamesOpenByThemselves(t *testing.T) {
	w := newWorld(t, func(source *v1alpha1.AlertSource) {
		source.Spec.Mapping.Categories = map[string]v1alpha1.Meaning{"cron": v1alpha1.MeaningAlert, "performance": v1alpha1.MeaningIgnore}
	})
	w.pass()
	want := map[string]string{"error": "Open", "cron": "Open", "performance": "", "outage": "", simulator.Absent: "Open"}
	ids := map[string]string{}
	for category := range want {
		ids[category] = w.sentry.Create(w.project, simulator.Issue{Category: category})
	}
	w.lose()
	w.pass()
	for category, id := range ids {
		if got := w.story(id); got != want[category] {
			t.Errorf("category %q: %q, want %q", category, got, want[category])
		}
	}
}

func TestAnHourOffIsRightWithinOnePass(t *testing.T) {
	w := newWorld(t)
	w.pass()
	kept := w.create(150)
	w.deliver()
	w.pass()
	var young []string
	for i := range 300 {
		w.clock.Move(12 * time.Second)
		switch i % 3 {
		case 0:
			young = append(young, w.create(1)...)
		case 1:
			w.sentry.Resolve(kept[i/3])
		default:
			w.sentry.Assign(kept[i/3+50], "Jane Doe")
		}
	}
	w.lose()
	w.restart()
	before, _ := w.sentry.Calls()
	w.pass()
	after, _ := w.sentry.Calls()
	for i, id := range kept {
		latest := w.incident(id)
		if want := i >= 100; isOpen(latest, w.clock.Now()) != want {
			t.Errorf("issue %d is open: %t", i, !want)
		}
		if i >= 100 && latest.Spec.Issue.Assignee != "Jane Doe" {
			t.Errorf("issue %d is assigned to %q", i, latest.Spec.Issue.Assignee)
		}
	}
	for _, id := range young {
		w.expectPages(id, 1)
	}
	t.Logf("300 changes were found in %d calls", after-before)
}

func TestWhatMayBeNewsIsAskedForTwoHundredAtATime(t *testing.T) {
	w := newWorld(t)
	w.pass()
	w.pass()
	ids := w.create(450)
	w.lose()
	for pass, want := range []int{200, 400, 450} {
		w.pass()
		if got := len(w.paged); got != want {
			t.Errorf("after pass %d %d issues have paged, want %d", pass+1, got, want)
		}
		if pass == 0 {
			w.expectCondition(v1alpha1.ConditionInSync, metav1.ConditionTrue, v1alpha1.ReasonInSync, "250 more")
		}
	}
	w.expectAllPages(len(ids))
}

func TestOfManyOldIssuesOfANewProjectNoneWaits(t *testing.T) {
	w := newWorld(t, func(source *v1alpha1.AlertSource) { source.Spec.Sentry.Projects = []string{"checkout"} })
	other := w.sentry.AddProject("ledger")
	for range 300 {
		w.sentry.Age(w.sentry.Create(other, simulator.Issue{}))
	}
	w.lose()
	for range 3 {
		w.pass()
	}
	w.change(func(source *v1alpha1.AlertSource) { source.Spec.Sentry.Projects = []string{"checkout", "ledger"} })
	w.pass()
	if got := len(w.source.Incidents(t)); got != 300 {
		t.Errorf("%d Incidents are open, want 300", got)
	}
	w.expectAllPages(0)
}
