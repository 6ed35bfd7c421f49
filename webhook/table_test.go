package webhook_test

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// start is when the stories of these tests begin; each webhook is sent some minutes later.
var start = time.Now().Add(-2 * time.Hour).Truncate(time.Second)

func at(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }

func issue(action string, minute int, changes ...func(*simulator.Issue)) simulator.Webhook {
	issue := simulator.Issue{ID: "42"}
	for _, change := range changes {
		change(&issue)
	}
	return simulator.IssueWebhook(action, issue, at(minute))
}

func eventAlert(minute int, changes ...func(*simulator.Issue)) simulator.Webhook {
	issue := simulator.Issue{ID: "42"}
	for _, change := range changes {
		change(&issue)
	}
	return simulator.EventAlert(issue, "Page the team", false, at(minute))
}

func activity(kind string, minute int) simulator.Webhook {
	return simulator.ActivityAlert(kind, simulator.Issue{ID: "42"}, at(minute))
}

func metric(action string, minute int) simulator.Webhook {
	return simulator.MetricAlert(action, "9", "", "", nil, at(minute))
}

func priority(priority string) func(*simulator.Issue) {
	return func(i *simulator.Issue) { i.Priority = priority }
}

func level(level string) func(*simulator.Issue) {
	return func(i *simulator.Issue) { i.Level = level }
}

func status(status string) func(*simulator.Issue) {
	return func(i *simulator.Issue) { i.Status = status }
}

func project(slug string) func(*simulator.Issue) {
	return func(i *simulator.Issue) { i.Project = slug }
}

// chapter is one webhook, and the result that it is answered with.
type chapter struct {
	webhook simulator.Webhook
	result  string
}

type story struct {
	name     string
	source   func(*v1alpha1.AlertSource)
	chapters []chapter
	ends     string
}

func reopen(window time.Duration) func(*v1alpha1.AlertSource) {
	return func(s *v1alpha1.AlertSource) { s.Spec.Incidents.ReopenWindow.Duration = window }
}

func actions(meanings map[string]v1alpha1.Meaning) func(*v1alpha1.AlertSource) {
	return func(s *v1alpha1.AlertSource) { s.Spec.Mapping.Actions = meanings }
}

// stories are the rows of the tables that docs/reference.md shows.
var stories = []story{
	// What Sentry's actions mean.
	{"created is an alert", nil, []chapter{{issue("created", 1), "opened"}}, "1 Open High"},
	{"assigned is an alert", nil, []chapter{{issue("assigned", 1), "opened"}}, "1 Open High"},
	{"unresolved is an alert", nil, []chapter{{issue("unresolved", 1), "opened"}}, "1 Open High"},
	{"archived is an alert", nil, []chapter{{issue("archived", 1), "opened"}}, "1 Open High"},
	{"ignored, the word for archived on the wire, is an alert", nil, []chapter{{issue("ignored", 1), "opened"}}, "1 Open High"},
	{"resolved is a resolve", nil, []chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}}, "1 Resolved High"},
	{"an alert rule that fires is an alert", nil, []chapter{{eventAlert(1), "opened"}}, "1 Open High"},
	{"an activity that names a regression is an alert", nil, []chapter{{activity("status_regression", 1), "opened"}}, "1 Open High"},
	{"an activity that names an escalation is an alert", nil, []chapter{{activity("status_escalating", 1), "opened"}}, "1 Open High"},
	{"an activity that names an unresolving is an alert", nil, []chapter{{activity("status_unresolved", 1), "opened"}}, "1 Open High"},
	{"an activity that names an archiving is an alert", nil, []chapter{{activity("status_ignored", 1), "opened"}}, "1 Open High"},
	{
		"an activity that names a resolve is a resolve", nil,
		[]chapter{{issue("created", 1), "opened"}, {activity("status_resolved_in_release", 2), "resolved"}},
		"1 Resolved High",
	},
	{"an activity of another kind is ignored", nil, []chapter{{activity("note", 1), "ignored"}}, ""},
	{"a critical metric alert is an alert", nil, []chapter{{metric("critical", 1), "opened"}}, "1 Open Critical"},
	{"a metric warning is an alert", nil, []chapter{{metric("warning", 1), "opened"}}, "1 Open Medium"},
	{"an open metric alert is an alert", nil, []chapter{{metric("open", 1), "opened"}}, "1 Open Medium"},
	{
		"a resolved metric alert is a resolve", nil,
		[]chapter{{metric("critical", 1), "opened"}, {metric("resolved", 2), "resolved"}},
		"1 Resolved Critical",
	},
	{
		"an issue and a metric alert with one id are two alerts", nil,
		[]chapter{{issue("created", 1, func(i *simulator.Issue) { i.ID = "9" }), "opened"}, {metric("critical", 1), "opened"}},
		"1 Open High, 1 Open Critical",
	},
	{"an unknown action is ignored", nil, []chapter{{issue("external_issue_linked", 1), "ignored"}}, ""},
	{"an installation is ignored", nil, []chapter{{simulator.Installation("created", at(1)), "ignored"}}, ""},
	{"an unknown resource is ignored", nil, []chapter{{simulator.Other("seer", "root_cause_completed", at(1)), "ignored"}}, ""},
	{
		"an alert rule of an old Sentry, which names the issue by its URL alone, is an alert", nil,
		[]chapter{{issue("created", 1), "opened"}, {eventAlert(2, func(i *simulator.Issue) { i.OldEvent = true }), "updated"}},
		"1 Open High",
	},
	{
		"an issue whose id is no number is ignored", nil,
		[]chapter{{issue("created", 1, func(i *simulator.Issue) { i.ID = "none" }), "ignored"}},
		"",
	},

	// Priorities.
	{"low is Low", nil, []chapter{{issue("created", 1, priority("low")), "opened"}}, "1 Open Low"},
	{"medium is Medium", nil, []chapter{{issue("created", 1, priority("medium")), "opened"}}, "1 Open Medium"},
	{"high is High", nil, []chapter{{issue("created", 1, priority("high")), "opened"}}, "1 Open High"},
	{"critical is Critical", nil, []chapter{{issue("created", 1, priority("critical")), "opened"}}, "1 Open Critical"},
	{"no priority and fatal is Critical", nil, []chapter{{eventAlert(1, level("fatal")), "opened"}}, "1 Open Critical"},
	{"no priority and error is High", nil, []chapter{{eventAlert(1, level("error")), "opened"}}, "1 Open High"},
	{"no priority and warning is Medium", nil, []chapter{{eventAlert(1, level("warning")), "opened"}}, "1 Open Medium"},
	{"no priority and info is Low", nil, []chapter{{eventAlert(1, level("info")), "opened"}}, "1 Open Low"},
	{
		"no priority and no level is Low", nil,
		[]chapter{{issue("created", 1, priority(simulator.Null), level(simulator.Absent)), "opened"}},
		"1 Open Low",
	},
	{"a source's own levels win", func(s *v1alpha1.AlertSource) {
		s.Spec.Mapping.Levels = map[string]v1alpha1.Priority{"info": v1alpha1.PriorityHigh}
	}, []chapter{{eventAlert(1, level("info")), "opened"}}, "1 Open High"},
	{
		"an alert without priority keeps the Incident's", nil,
		[]chapter{{issue("created", 1, priority("medium")), "opened"}, {eventAlert(2, level("fatal")), "updated"}},
		"1 Open Medium",
	},
	{
		"a newer priority refreshes", nil,
		[]chapter{{issue("created", 1, priority("low")), "opened"}, {issue("assigned", 2, priority("high")), "updated"}},
		"1 Open High",
	},
	{
		"a late priority refreshes nothing", nil,
		[]chapter{{issue("created", 2, priority("low")), "opened"}, {issue("assigned", 1, priority("high")), "updated"}},
		"1 Open Low",
	},
	{
		"a resolve refreshes no priority", nil,
		[]chapter{{issue("created", 1, priority("high")), "opened"}, {issue("resolved", 2, priority("low")), "resolved"}},
		"1 Resolved High",
	},

	// The latest Incident and the signal.
	{"none and an alert opens the first", nil, []chapter{{issue("created", 1), "opened"}}, "1 Open High"},
	{"none and a resolve is an orphan", nil, []chapter{{issue("resolved", 1), "ignored"}}, ""},
	{
		"an orphan is remembered against an older alert", nil,
		[]chapter{{issue("resolved", 2), "ignored"}, {issue("created", 1), "ignored"}},
		"",
	},
	{
		"an orphan does not stop a newer alert", nil,
		[]chapter{{issue("resolved", 1), "ignored"}, {issue("unresolved", 2), "opened"}},
		"1 Open High",
	},
	{
		"open and an alert refreshes the same", nil,
		[]chapter{{issue("created", 1), "opened"}, {issue("archived", 2), "updated"}},
		"1 Open High",
	},
	{
		"two alert rules and the created of one issue are one Incident", nil,
		[]chapter{{eventAlert(1), "opened"}, {issue("created", 1), "updated"}, {eventAlert(1), "updated"}},
		"1 Open High",
	},
	{
		"open and a resolve as old as the newest alert resolves", nil,
		[]chapter{{issue("created", 1), "opened"}, {issue("resolved", 1), "resolved"}},
		"1 Resolved High",
	},
	{
		"open and a late resolve stays open", nil,
		[]chapter{{issue("created", 1), "opened"}, {issue("unresolved", 3), "updated"}, {issue("resolved", 2), "updated"}},
		"1 Open High",
	},
	{
		"resolved and a newer alert opens the next", nil,
		[]chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}, {issue("unresolved", 3), "opened"}},
		"1 Resolved High, 2 Open High",
	},
	{
		"resolved and a newer alert within the window reopens", reopen(time.Hour),
		[]chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}, {issue("unresolved", 3), "reopened"}},
		"1 Open High",
	},
	{
		"resolved and a newer alert after the window opens the next", reopen(time.Minute),
		[]chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "resolved"}, {issue("unresolved", 4), "opened"}},
		"1 Resolved High, 2 Open High",
	},
	{
		"resolved and a late alert stays resolved", nil,
		[]chapter{
			{issue("created", 1), "opened"},
			{issue("resolved", 3), "resolved"},
			{issue("assigned", 2, status("unresolved")), "updated"},
		},
		"1 Resolved High",
	},
	{
		"resolved and a newer resolve is recorded and counts against a late alert", nil,
		[]chapter{
			{issue("created", 1), "opened"},
			{issue("resolved", 2), "resolved"},
			{issue("resolved", 5), "updated"},
			{issue("unresolved", 4), "updated"},
			{issue("unresolved", 6), "opened"},
		},
		"1 Resolved High, 2 Open High",
	},
	{
		"none and an alert whose payload says resolved opens nothing", nil,
		[]chapter{{issue("created", 1, status("resolved")), "ignored"}},
		"",
	},
	{
		"resolved and an alert whose payload says resolved opens nothing", nil,
		[]chapter{
			{issue("created", 1), "opened"},
			{issue("resolved", 2), "resolved"},
			{issue("assigned", 3, status("resolved")), "ignored"},
		},
		"1 Resolved High",
	},
	{
		"an alert whose payload says resolved does not make a resolve late", nil,
		[]chapter{
			{issue("created", 1), "opened"},
			{issue("assigned", 3, status("resolved")), "updated"},
			{issue("resolved", 2), "resolved"},
		},
		"1 Resolved High",
	},
	{
		"the action resolved resolves although the payload says unresolved", nil,
		[]chapter{{issue("created", 1), "opened"}, {issue("resolved", 2, status("unresolved")), "resolved"}},
		"1 Resolved High",
	},
	{
		"the time of an alert rule is that of its event", nil,
		[]chapter{
			{issue("created", 1), "opened"},
			{issue("resolved", 3), "resolved"},
			{eventAlert(4, func(i *simulator.Issue) { i.Received = at(2) }), "updated"},
		},
		"1 Resolved High",
	},

	// What a source's spec says otherwise.
	{
		"an action that means Ignore is ignored", actions(map[string]v1alpha1.Meaning{"assigned": v1alpha1.MeaningIgnore}),
		[]chapter{{issue("assigned", 1), "ignored"}},
		"",
	},
	{
		"an action that means Update opens nothing", actions(map[string]v1alpha1.Meaning{"assigned": v1alpha1.MeaningUpdate}),
		[]chapter{{issue("assigned", 1), "ignored"}},
		"",
	},
	{
		"an action that means Update refreshes", actions(map[string]v1alpha1.Meaning{"assigned": v1alpha1.MeaningUpdate}),
		[]chapter{{issue("created", 1, priority("low")), "opened"}, {issue("assigned", 2, priority("high")), "updated"}},
		"1 Open High",
	},
	{
		"an action that means Update does not make a resolve late",
		actions(map[string]v1alpha1.Meaning{"assigned": v1alpha1.MeaningUpdate}),
		[]chapter{{issue("created", 1), "opened"}, {issue("assigned", 3), "updated"}, {issue("resolved", 2), "resolved"}},
		"1 Resolved High",
	},
	{
		"an action that means Acknowledge acknowledges", actions(map[string]v1alpha1.Meaning{"archived": v1alpha1.MeaningAcknowledge}),
		[]chapter{{issue("created", 1), "opened"}, {issue("ignored", 2), "updated"}},
		"1 Acknowledged High",
	},
	{
		"the next unresolved withdraws an acknowledgement", actions(map[string]v1alpha1.Meaning{"archived": v1alpha1.MeaningAcknowledge}),
		[]chapter{{issue("created", 1), "opened"}, {issue("ignored", 2), "updated"}, {issue("unresolved", 3), "updated"}},
		"1 Open High",
	},
	{
		"an action that means Resolve resolves", actions(map[string]v1alpha1.Meaning{"archived": v1alpha1.MeaningResolve}),
		[]chapter{{issue("created", 1), "opened"}, {issue("archived", 2), "resolved"}},
		"1 Resolved High",
	},
	{
		"an action that is mapped away from Resolve resolves nothing",
		actions(map[string]v1alpha1.Meaning{"resolved": v1alpha1.MeaningIgnore}),
		[]chapter{{issue("created", 1), "opened"}, {issue("resolved", 2), "ignored"}},
		"1 Open High",
	},
	{"a category that means Ignore is ignored, its resolve is not", func(s *v1alpha1.AlertSource) {
		s.Spec.Mapping.Categories = map[string]v1alpha1.Meaning{"metric": v1alpha1.MeaningIgnore}
	}, []chapter{
		{metric("critical", 1), "ignored"},
		{issue("created", 1), "opened"},
		{issue("resolved", 2), "resolved"},
	}, "1 Resolved High"},
	{"a project that is not listed is ignored", func(s *v1alpha1.AlertSource) {
		s.Spec.Sentry.Projects = []string{"ledger"}
	}, []chapter{{issue("created", 1), "ignored"}, {issue("created", 1, project("ledger")), "opened"}}, "1 Open High"},
	{"a metric alert of several projects passes if one is listed", func(s *v1alpha1.AlertSource) {
		s.Spec.Sentry.Projects = []string{"ledger"}
	}, []chapter{
		{simulator.MetricAlert("critical", "9", "", "", []string{"checkout"}, at(1)), "ignored"},
		{simulator.MetricAlert("critical", "9", "", "", []string{"checkout", "ledger"}, at(1)), "opened"},
	}, "1 Open Critical"},
	{"an alert whose project cannot be told passes", func(s *v1alpha1.AlertSource) {
		s.Spec.Sentry.Projects = []string{"ledger"}
	}, []chapter{{issue("created", 1, project(simulator.Absent)), "opened"}}, "1 Open High"},
	{"an alert rule of a project that is not listed is ignored", func(s *v1alpha1.AlertSource) {
		s.Spec.Sentry.Projects = []string{"ledger"}
	}, []chapter{{eventAlert(1), "ignored"}}, ""},
	{
		"a suspended source opens nothing", func(s *v1alpha1.AlertSource) { s.Spec.Suspend = true },
		[]chapter{{issue("created", 1), "ignored"}},
		"",
	},

	// Test notifications.
	{
		"a test notification is shown as a test", nil,
		[]chapter{{simulator.EventAlert(simulator.Issue{ID: "42"}, "", true, at(1)), "opened"}},
		"1 Open High",
	},
}

func TestEveryRowOfTheTables(t *testing.T) {
	t.Parallel()
	served := startIntake(t, cluster(t).Config)
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			source := testbed.NewSource(t, served.client, changes(story.source)...)
			served.knows(t, source)
			for i, chapter := range story.chapters {
				answer := served.post(t, source, chapter.webhook)
				if answer.Status != 200 || answer.Result != chapter.result {
					t.Errorf("webhook %d: answered %d %s, want 200 %s: %s", i+1, answer.Status, answer.Result, chapter.result, answer.Body)
				}
			}
			if got := source.Story(t); got != story.ends {
				t.Errorf("ended as %q, want %q", got, story.ends)
			}
		})
	}
}

func changes(change func(*v1alpha1.AlertSource)) []func(*v1alpha1.AlertSource) {
	if change == nil {
		return nil
	}
	return []func(*v1alpha1.AlertSource){change}
}

// Each pair of neighbouring signals of one issue, in both orders of arrival, after the same beginning.
func TestNeighbouringSignalsEndInTheSameOpenSetInBothOrders(t *testing.T) {
	t.Parallel()
	signals := map[string]func(minute int) simulator.Webhook{
		"created":    func(m int) simulator.Webhook { return issue("created", m) },
		"assigned":   func(m int) simulator.Webhook { return issue("assigned", m, status("unresolved")) },
		"unresolved": func(m int) simulator.Webhook { return issue("unresolved", m) },
		"archived":   func(m int) simulator.Webhook { return issue("archived", m) },
		"resolved":   func(m int) simulator.Webhook { return issue("resolved", m) },
		"rule":       func(m int) simulator.Webhook { return eventAlert(m) },
		"echo":       func(m int) simulator.Webhook { return issue("assigned", m, status("resolved")) },
	}
	beginnings := map[string][]simulator.Webhook{
		"nothing":  nil,
		"open":     {issue("created", 1)},
		"resolved": {issue("created", 1), issue("resolved", 2)},
	}
	served := startIntake(t, cluster(t).Config)
	for _, window := range []time.Duration{0, time.Hour} {
		for begins, before := range beginnings {
			for first, earlier := range signals {
				for second, later := range signals {
					t.Run(begins+", "+first+" then "+second+", window "+window.String(), func(t *testing.T) {
						t.Parallel()
						pair := []simulator.Webhook{earlier(10), later(11)}
						inOrder := openSet(t, served, window, append(before[:len(before):len(before)], pair...))
						reversed := openSet(t, served, window, append(before[:len(before):len(before)], pair[1], pair[0]))
						if inOrder != reversed {
							t.Errorf("in order %q, reversed %q", inOrder, reversed)
						}
					})
				}
			}
		}
	}
}

// openSet posts webhooks to a new source, and tells whether the issue is open in the end, and in how many Incidents.
func openSet(t *testing.T, served *intake, window time.Duration, webhooks []simulator.Webhook) string {
	t.Helper()
	source := testbed.NewSource(t, served.client, reopen(window))
	served.knows(t, source)
	for _, webhook := range webhooks {
		if answer := served.post(t, source, webhook); answer.Status != 200 {
			t.Fatalf("answered %d: %s", answer.Status, answer.Body)
		}
	}
	open := ""
	for _, told := range source.Incidents(t) {
		if state(&told) != v1alpha1.StateResolved {
			open += string(told.Spec.AlertKey) + " "
		}
	}
	return open
}

func TestThreeCyclesAreThreeIncidentsOrOne(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	post := func(source *testbed.Source) {
		for i, action := range []string{"created", "resolved", "unresolved", "resolved", "unresolved"} {
			served.post(t, source, issue(action, i+1))
		}
	}
	t.Run("without a window, three Incidents", func(t *testing.T) {
		source := testbed.NewSource(t, served.client)
		served.knows(t, source)
		post(source)
		if got, want := source.Story(t), "1 Resolved High, 2 Resolved High, 3 Open High"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("within a window, one Incident with three cycles", func(t *testing.T) {
		source := testbed.NewSource(t, served.client, reopen(time.Hour))
		served.knows(t, source)
		post(source)
		incidents := source.Incidents(t)
		if len(incidents) != 1 {
			t.Fatalf("%d Incidents, want 1", len(incidents))
		}
		if cycles := folded(&incidents[0]).Cycles; len(cycles) != 3 || cycles[2].ResolvedAt != nil {
			t.Errorf("cycles %v, want three, the last one open", cycles)
		}
	})
}

// respond writes what a responder wants of an Incident.
func respond(t *testing.T, c client.Client, incident *v1alpha1.Incident, response v1alpha1.Response) {
	t.Helper()
	before := incident.DeepCopy()
	incident.Spec.Response = &response
	testbed.Must(t, c.Patch(t.Context(), incident, client.MergeFrom(before)))
}

func now() *metav1.Time { return ptr.To(metav1.NewTime(time.Now().Truncate(time.Second))) }

func TestAResolveByHandIsNeverReopened(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client, reopen(time.Hour))
	served.knows(t, source)
	served.post(t, source, issue("created", 1))
	respond(t, served.client, &source.Incidents(t)[0], v1alpha1.Response{ResolvedBy: "alice", ResolvedAt: now()})
	if answer := served.post(t, source, eventAlert(2)); answer.Result != "opened" {
		t.Errorf("answered %s, want opened", answer.Result)
	}
	if got, want := source.Story(t), "1 Resolved High, 2 Open High"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAReopenedCycleIsNotBornAcknowledged(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client, reopen(time.Hour))
	served.knows(t, source)
	served.post(t, source, issue("created", 1))
	respond(t, served.client, &source.Incidents(t)[0], v1alpha1.Response{AcknowledgedBy: "alice", AcknowledgedAt: now()})
	if got := source.Story(t); got != "1 Acknowledged High" {
		t.Fatalf("got %q", got)
	}
	served.post(t, source, issue("resolved", 2))
	served.post(t, source, issue("unresolved", 3))
	incident := source.Incidents(t)[0]
	if ptr.Deref(incident.Spec.Response, v1alpha1.Response{}) != (v1alpha1.Response{}) {
		t.Errorf("the response is still there: %v", incident.Spec.Response)
	}
	if cycles := folded(&incident).Cycles; len(cycles) != 2 || cycles[0].AcknowledgedAt == nil || cycles[1].AcknowledgedAt != nil {
		t.Errorf("cycles %+v, want the first acknowledged and the second not", cycles)
	}
}

// Sentry regresses only what was resolved: where the Resolve was lost, the person spoke of what came before it.
func TestWhatAPersonAcknowledgedIsOpenAgainOnceItHasRegressed(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.post(t, source, issue("created", 1))
	respond(t, served.client, &source.Incidents(t)[0], v1alpha1.Response{AcknowledgedBy: "alice", AcknowledgedAt: now()})
	for minute, step := range []struct{ substatus, result, story string }{
		{"ongoing", "updated", "1 Acknowledged High"},
		{"escalating", "updated", "1 Acknowledged High"},
		{"regressed", "updated", "1 Open High"},
	} {
		unresolved := issue("unresolved", minute+2, func(i *simulator.Issue) { i.Substatus = step.substatus })
		if answer := served.post(t, source, unresolved); answer.Result != step.result {
			t.Errorf("%s: answered %s, want %s", step.substatus, answer.Result, step.result)
		}
		if got := source.Story(t); got != step.story {
			t.Errorf("%s: ended as %q, want %q", step.substatus, got, step.story)
		}
	}
	told := source.Incidents(t)[0].Spec
	kept := slices.IndexFunc(told.Signals, func(s v1alpha1.Signal) bool { return s.Event == v1alpha1.SignalResponse })
	if ptr.Deref(told.Response, v1alpha1.Response{}) != (v1alpha1.Response{}) || kept < 0 || told.Signals[kept].By != "alice" {
		t.Errorf("the acknowledgement is not kept as a signal: %+v", told)
	}
}

func TestAnAllowListThatGrowsLetsTheNextAlertPass(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client, func(s *v1alpha1.AlertSource) { s.Spec.Sentry.Projects = []string{"ledger"} })
	served.knows(t, source)
	if answer := served.post(t, source, issue("created", 1)); answer.Result != "ignored" {
		t.Fatalf("answered %s", answer.Result)
	}
	source.Update(t, func(s *v1alpha1.AlertSource) { s.Spec.Sentry.Projects = []string{"ledger", "checkout"} })
	served.knows(t, source)
	if answer := served.post(t, source, eventAlert(2)); answer.Result != "opened" {
		t.Errorf("answered %s, want opened", answer.Result)
	}
}

func TestASuspendedSourceStillResolvesWhatIsOpen(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.post(t, source, issue("created", 1, priority("low")))
	source.Update(t, func(s *v1alpha1.AlertSource) { s.Spec.Suspend = true })
	served.knows(t, source)
	if answer := served.post(t, source, issue("assigned", 2)); answer.Result != "ignored" {
		t.Errorf("a refresh was answered %s, want ignored", answer.Result)
	}
	if answer := served.post(t, source, issue("resolved", 3)); answer.Result != "resolved" {
		t.Errorf("a resolve was answered %s, want resolved", answer.Result)
	}
	if got := source.Story(t); got != "1 Resolved Low" {
		t.Errorf("got %q", got)
	}
}

func TestATestNotificationMakesATest(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	sample := simulator.EventAlert(simulator.Issue{ID: "42"}, "", true, at(1))
	for name, webhooks := range map[string][]simulator.Webhook{
		"the tag alone":                 {sample},
		"its created first":             {issue("created", 1), sample},
		"nothing turns a test back":     {sample, issue("created", 1), eventAlert(2)},
		"the button in the wrong order": {sample, issue("created", 0)},
	} {
		t.Run(name, func(t *testing.T) {
			source := testbed.NewSource(t, served.client)
			served.knows(t, source)
			for _, webhook := range webhooks {
				served.post(t, source, webhook)
			}
			incidents := source.Incidents(t)
			if len(incidents) != 1 || !incidents[0].Spec.Test {
				t.Errorf("want one Incident that is a test, got %+v", incidents)
			}
		})
	}
}

func folded(incident *v1alpha1.Incident) v1alpha1.IncidentStatus {
	status, _ := lifecycle.Fold(&incident.Spec, time.Now())
	return status
}

func state(incident *v1alpha1.Incident) v1alpha1.IncidentState { return folded(incident).State }
