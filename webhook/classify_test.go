package webhook

import (
	"math"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// noon is when the webhooks of these tests arrive.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.UTC)

func unixAt(ahead time.Duration) string { return strconv.FormatInt(noon.Add(ahead).Unix(), 10) }

func named(value string) sentry.Text { return sentry.Text{Present: true, Value: value} }

// issueNotice is a notice of issue 42 that is unresolved, of project checkout.
func issueNotice(action string, changes ...func(*sentry.Notice)) sentry.Notice {
	notice := sentry.Notice{
		Resource: "issue", Action: action, Subject: sentry.SubjectIssue,
		Issue:    sentry.Issue{ID: "42", Status: named("unresolved"), Category: named("error")},
		Projects: []string{"checkout"},
	}
	for _, change := range changes {
		change(&notice)
	}
	return notice
}

// metricNotice is a notice of metric alert 9 over some projects.
func metricNotice(action string, projects ...string) sentry.Notice {
	return sentry.Notice{
		Resource: "metric_alert", Action: action, Subject: sentry.SubjectMetric,
		Issue: sentry.Issue{ID: "9", Category: named("metric")}, Projects: projects,
	}
}

func sourceWith(changes ...func(*v1alpha1.AlertSourceSpec)) *v1alpha1.AlertSource {
	source := &v1alpha1.AlertSource{Spec: v1alpha1.AlertSourceSpec{
		Type: v1alpha1.SourceTypeSentry, Sentry: &v1alpha1.SentrySource{},
	}}
	for _, change := range changes {
		change(&source.Spec)
	}
	return source
}

func listing(projects ...string) func(*v1alpha1.AlertSourceSpec) {
	return func(s *v1alpha1.AlertSourceSpec) { s.Sentry.Projects = projects }
}

func meaningIn(action string, meaning v1alpha1.Meaning) func(*v1alpha1.AlertSourceSpec) {
	return func(s *v1alpha1.AlertSourceSpec) { s.Mapping.Actions = map[string]v1alpha1.Meaning{action: meaning} }
}

func categoryMeaning(category string, meaning v1alpha1.Meaning) func(*v1alpha1.AlertSourceSpec) {
	return func(s *v1alpha1.AlertSourceSpec) {
		s.Mapping.Categories = map[string]v1alpha1.Meaning{category: meaning}
	}
}

func suspended(s *v1alpha1.AlertSourceSpec) { s.Suspend = true }

func statusIs(status string) func(*sentry.Notice) {
	return func(n *sentry.Notice) { n.Issue.Status = named(status) }
}

func idIs(id string) func(*sentry.Notice) { return func(n *sentry.Notice) { n.Issue.ID = id } }

func TestWhatASourceMakesOfANotice(t *testing.T) {
	deleted := sourceWith()
	deleted.DeletionTimestamp = &metav1.Time{Time: noon}
	for _, test := range []struct {
		name    string
		source  *v1alpha1.AlertSource
		notice  sentry.Notice
		event   v1alpha1.SignalEvent
		ignored string
	}{
		{"a resource without a subject", sourceWith(), sentry.Notice{Action: "created"}, "", ignoredResource},
		{"an id with a sign", sourceWith(), issueNotice("created", idIs("-1")), "", ignoredID},
		{"an id that is a path", sourceWith(), issueNotice("created", idIs("../1")), "", ignoredID},
		{"an id longer than any", sourceWith(), issueNotice("created", idIs("123456789012345678901")), "", ignoredID},
		{"no id", sourceWith(), issueNotice("created", idIs("")), "", ignoredID},
		{"an issue's action with a metric alert", sourceWith(), metricNotice("created"), "", ignoredAction},
		{"a metric alert's action with an issue", sourceWith(), issueNotice("critical"), "", ignoredAction},
		{"an action in capitals", sourceWith(), issueNotice("Created"), "", ignoredAction},
		{"no action", sourceWith(), issueNotice(""), "", ignoredAction},

		{
			"a mapping cannot name what is unknown",
			sourceWith(meaningIn("seer", v1alpha1.MeaningAlert)), issueNotice("seer"), "", ignoredAction,
		},
		{
			"an action that means Ignore", sourceWith(meaningIn("created", v1alpha1.MeaningIgnore)),
			issueNotice("created"), "", ignoredMapping,
		},
		{
			"a resolve that means Ignore", sourceWith(meaningIn("resolved", v1alpha1.MeaningIgnore)),
			issueNotice("resolved"), "", ignoredMapping,
		},
		{
			"a resolve that means Alert", sourceWith(meaningIn("resolved", v1alpha1.MeaningAlert)),
			issueNotice("resolved"), v1alpha1.SignalAlert, "",
		},
		{
			"a category is asked after the action, and of an Alert alone",
			sourceWith(meaningIn("created", v1alpha1.MeaningUpdate), categoryMeaning("error", v1alpha1.MeaningIgnore)),
			issueNotice("created"), v1alpha1.SignalUpdate, "",
		},
		{
			"a category makes an Alert an Acknowledge", sourceWith(categoryMeaning("error", v1alpha1.MeaningAcknowledge)),
			issueNotice("created"), v1alpha1.SignalAcknowledge, "",
		},
		{
			"a category leaves a Resolve alone", sourceWith(categoryMeaning("error", v1alpha1.MeaningIgnore)),
			issueNotice("resolved"), v1alpha1.SignalResolve, "",
		},
		{
			"another category is no matter", sourceWith(categoryMeaning("cron", v1alpha1.MeaningIgnore)),
			issueNotice("created"), v1alpha1.SignalAlert, "",
		},
		{
			"the category of a metric alert is metric", sourceWith(categoryMeaning("metric", v1alpha1.MeaningUpdate)),
			metricNotice("critical"), v1alpha1.SignalUpdate, "",
		},

		{
			"an Alert that says resolved is an Update",
			sourceWith(), issueNotice("assigned", statusIs("resolved")), v1alpha1.SignalUpdate, "",
		},
		{"an Alert that says ignored is an Alert", sourceWith(), issueNotice("archived", statusIs("ignored")), v1alpha1.SignalAlert, ""},
		{
			"an Acknowledge that says resolved stays one", sourceWith(meaningIn("archived", v1alpha1.MeaningAcknowledge)),
			issueNotice("archived", statusIs("resolved")), v1alpha1.SignalAcknowledge, "",
		},
		{"a resolve that says unresolved is a Resolve", sourceWith(), issueNotice("resolved"), v1alpha1.SignalResolve, ""},

		{
			"a metric alert of several projects, one listed",
			sourceWith(listing("b", "x")), metricNotice("critical", "a", "b"), v1alpha1.SignalAlert, "",
		},
		{
			"a metric alert of several projects, none listed",
			sourceWith(listing("x")), metricNotice("critical", "a", "b"), "", ignoredProject,
		},
		{"no project passes the list", sourceWith(listing("x")), metricNotice("critical"), v1alpha1.SignalAlert, ""},
		{"a project in capitals is another", sourceWith(listing("Checkout")), issueNotice("created"), "", ignoredProject},
		{"a resolve of a project not listed", sourceWith(listing("x")), issueNotice("resolved"), v1alpha1.SignalResolve, ""},
		{
			"an action that means Resolve passes the list", sourceWith(listing("x"), meaningIn("archived", v1alpha1.MeaningResolve)),
			issueNotice("archived"), v1alpha1.SignalResolve, "",
		},
		{"a suspended source refreshes nothing", sourceWith(suspended), issueNotice("assigned"), "", ignoredSuspended},
		{"a suspended source resolves", sourceWith(suspended), issueNotice("resolved"), v1alpha1.SignalResolve, ""},
		{"a source that is going opens nothing", deleted, issueNotice("created"), "", ignoredTerminating},
		{"a source that is going resolves", deleted, issueNotice("resolved"), v1alpha1.SignalResolve, ""},
		{"a source without the field sentry", &v1alpha1.AlertSource{}, issueNotice("created"), v1alpha1.SignalAlert, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := classify(test.source, test.notice, unixAt(0), noon)
			if got.ignored != test.ignored || got.heard.Signal.Event != test.event {
				t.Errorf("got event %q, ignored %q; want event %q, ignored %q",
					got.heard.Signal.Event, got.ignored, test.event, test.ignored)
			}
		})
	}
}

func TestTheTimeOfASignal(t *testing.T) {
	arrival := metav1.NewMicroTime(noon.Truncate(time.Microsecond))
	event := func(ago time.Duration) *time.Time {
		at := noon.Add(-ago)
		return &at
	}
	for _, test := range []struct {
		name     string
		header   string
		received *time.Time
		want     time.Time
		untimed  bool
	}{
		{"the sender's", unixAt(-time.Minute), nil, noon.Truncate(time.Second).Add(-time.Minute), false},
		{"years ago", "1000000000", nil, time.Unix(1_000_000_000, 0), false},
		{"five minutes ahead", unixAt(5 * time.Minute), nil, noon.Truncate(time.Second).Add(5 * time.Minute), false},
		{"an hour ahead, which Route bounds", unixAt(time.Hour), nil, noon.Truncate(time.Second).Add(time.Hour), false},
		{
			"an event received before it was sent",
			unixAt(0), event(2 * time.Hour), noon.Truncate(time.Microsecond).Add(-2 * time.Hour), false,
		},
		{"an event received after it was sent", unixAt(-time.Minute), event(0), noon.Truncate(time.Second).Add(-time.Minute), false},
		{"an event without the sender's time", "", event(time.Hour), arrival.Time, true},
		{
			"an event with a sender's time far ahead",
			unixAt(time.Hour), event(time.Hour), noon.Truncate(time.Microsecond).Add(-time.Hour), false,
		},
		{"absent", "", nil, arrival.Time, true},
		{"not a number", "NaN", nil, arrival.Time, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, untimed := signalTime(test.header, test.received, arrival)
			if !got.Time.Equal(test.want) || untimed != test.untimed {
				t.Errorf("got %s, untimed %t; want %s, untimed %t", got.Time, untimed, test.want, test.untimed)
			}
		})
	}
}

func TestSecondsSince1970(t *testing.T) {
	for text, want := range map[string]time.Time{
		"1":                        time.Unix(1, 0),
		"1700000000":               time.Unix(1_700_000_000, 0),
		"1700000000.25":            time.Unix(1_700_000_000, 250_000_000),
		"1700000000.1234567":       time.UnixMicro(1_700_000_000_123_457),
		"1.7e9":                    time.Unix(1_700_000_000, 0),
		strconv.Itoa(2147483647):   time.Unix(math.MaxInt32, 0),
		"4294967294":               time.Unix(2*math.MaxInt32, 0),
		"4294967295":               {},
		"0":                        {},
		"-1":                       {},
		"NaN":                      {},
		"Inf":                      {},
		"-Inf":                     {},
		"1e300":                    {},
		"1e999":                    {},
		"":                         {},
		" 1700000000":              {},
		"2026-03-01T12:00:00Z":     {},
		"1700000000, 1700000001":   {},
		"99999999999999999999":     {},
		"1700000000000":            {}, // milliseconds
		"\xff":                     {},
		"1700000000\x00":           {},
		"١٧٠٠٠٠٠٠٠٠":               {},
		"1700000000.0000000000001": time.Unix(1_700_000_000, 0),
	} {
		got, ok := unixTime(text)
		if ok != !want.IsZero() || (ok && !got.Equal(want)) {
			t.Errorf("%q is read as %s, %t; want %s", text, got, ok, want)
		}
	}
}

func TestASignalSaysWhatTheNoticeSays(t *testing.T) {
	firstSeen := noon.Add(-time.Hour)
	notice := issueNotice("triggered", func(n *sentry.Notice) {
		n.Rule, n.Sample = "Page the team", true
		n.Issue.Priority = named("medium")
		n.Issue.Title, n.Issue.Assignee = named("boom"), named("")
		n.Issue.FirstSeen = &firstSeen
	})
	got := classify(sourceWith(), notice, unixAt(0), noon)
	signal, facts := got.heard.Signal, got.heard.Facts
	if got.key != "issue/42" || signal.Action != "triggered" || signal.Rule != "Page the team" || signal.By != v1alpha1.BySentry ||
		signal.Priority != v1alpha1.PriorityMedium || !got.heard.Test {
		t.Errorf("got %s %+v, test %t", got.key, signal, got.heard.Test)
	}
	if signal.ReceivedAt.Nanosecond() != 123_456_000 {
		t.Errorf("received at %s: the API server keeps microseconds", signal.ReceivedAt)
	}
	if *facts.ID != "42" || *facts.Title != "boom" || *facts.Assignee != "" || facts.Culprit != nil {
		t.Errorf("got %+v: what is null clears, what is absent says nothing", facts)
	}
	if facts.FirstSeen.Nanosecond() != 0 {
		t.Errorf("first seen %s: the API server keeps seconds", facts.FirstSeen)
	}
}

func TestAMetricAlertHasAKeyOfItsOwn(t *testing.T) {
	for action, want := range map[string]v1alpha1.Priority{
		"critical": v1alpha1.PriorityCritical, "warning": v1alpha1.PriorityMedium, "open": v1alpha1.PriorityMedium, "resolved": "",
	} {
		got := classify(sourceWith(), metricNotice(action, "a", "b"), unixAt(0), noon)
		if got.key != "metric/9" || got.heard.Signal.Priority != want {
			t.Errorf("%s: got %s with priority %q, want metric/9 with %q", action, got.key, got.heard.Signal.Priority, want)
		}
		if id := got.heard.Facts.ID; id == nil || *id != "9" {
			t.Errorf("%s: the id is %v, want 9", action, id)
		}
	}
}
