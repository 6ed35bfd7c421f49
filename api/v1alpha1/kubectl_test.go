package v1alpha1_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// three makes a namespace with an Incident that is open, one that is acknowledged, and one that is resolved and of
// another source.
func three(t *testing.T, administrator client.Client) (namespace string) {
	t.Helper()
	namespace = testbed.Namespace(t, administrator)
	acknowledged := &v1alpha1.Response{AcknowledgedBy: "alice", AcknowledgedAt: ptr.To(metav1.Now())}
	resolved := &v1alpha1.Response{ResolvedBy: "alice", ResolvedAt: ptr.To(metav1.Now())}
	open(t, administrator, namespace, "payments", "41", v1alpha1.PriorityHigh, nil)
	open(t, administrator, namespace, "payments", "42", v1alpha1.PriorityLow, acknowledged)
	open(t, administrator, namespace, "ledger", "43", v1alpha1.PriorityHigh, resolved)
	return namespace
}

// open opens an Incident and concludes its status as the operator does.
func open(
	t *testing.T, administrator client.Client, namespace, source, id string, priority v1alpha1.Priority,
	response *v1alpha1.Response,
) *v1alpha1.Incident {
	t.Helper()
	key, now := v1alpha1.IssueKey(id), metav1.NowMicro()
	incident := &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.IncidentName(source, key, 1)},
		Spec: v1alpha1.IncidentSpec{
			SourceRef: v1alpha1.SourceReference{Name: source}, AlertKey: key, Number: 1, Priority: priority,
			Issue:       v1alpha1.Issue{ID: id, ShortID: "CHECKOUT-1A", Title: "TypeError", Assignee: "Alice"},
			SignalCount: 7, Response: response,
			Signals: []v1alpha1.Signal{{
				Time: now, ReceivedAt: now, Event: v1alpha1.SignalAlert, Effect: v1alpha1.EffectOpened,
			}},
		},
	}
	testbed.Must(t, administrator.Create(t.Context(), incident))
	conclude(t, administrator, incident)
	return incident
}

func conclude(t *testing.T, administrator client.Client, incident *v1alpha1.Incident) {
	t.Helper()
	incident.Status, _ = lifecycle.Fold(&incident.Spec, time.Now())
	incident.Status.ObservedGeneration = incident.Generation
	meta.SetStatusCondition(&incident.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionNotified, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonNotified,
	})
	testbed.Must(t, administrator.Status().Update(t.Context(), incident))
}

func TestIncidentsAreSelectedByField(t *testing.T) {
	namespace := three(t, testbed.NewClient(t, cluster(t).Config))
	for selector, want := range map[string]string{
		"status.state=Open":                         "payments-41-1",
		"status.state=Acknowledged":                 "payments-42-1",
		"status.state!=Resolved":                    "payments-41-1 payments-42-1",
		"spec.sourceRef.name=ledger":                "ledger-43-1",
		"spec.issue.id=42":                          "payments-42-1",
		"spec.priority=High":                        "ledger-43-1 payments-41-1",
		"spec.priority=High,status.state!=Resolved": "payments-41-1",
		"status.state=Snoozed":                      "",
	} {
		listed := kubectl(t, "get", "incidents", "--namespace="+namespace, "--field-selector="+selector, "--output=name")
		got := strings.Join(strings.Fields(strings.ReplaceAll(listed, "incident.itoc360.io/", "")), " ")
		if got != want {
			t.Errorf("%s selects %q, not %q", selector, got, want)
		}
	}
}

func TestKubectlWaitsForAnIncidentToBeResolved(t *testing.T) {
	administrator := testbed.NewClient(t, cluster(t).Config)
	namespace := testbed.Namespace(t, administrator)
	incident := open(t, administrator, namespace, "payments", "41", v1alpha1.PriorityHigh, nil)
	kubectl(t, "wait", "--for=condition=Resolved=false", "--namespace="+namespace, "incident/payments-41-1")
	waited := make(chan error, 1)
	go func() {
		_, err := cluster(t).Kubectl(t.Context(), "wait", "--for=condition=Resolved", "--timeout="+testbed.Patience.String(),
			"--namespace="+namespace, "incident/payments-41-1")
		waited <- err
	}()
	incident.Spec.Response = &v1alpha1.Response{ResolvedBy: "alice", ResolvedAt: ptr.To(metav1.Now())}
	testbed.Must(t, administrator.Update(t.Context(), incident))
	conclude(t, administrator, incident)
	if err := <-waited; err != nil {
		t.Errorf("kubectl waits in vain: %v", err)
	}
	kubectl(t, "wait", "--for=jsonpath={.status.state}=Resolved", "--namespace="+namespace, "incident/payments-41-1")
}

func TestKubectlPrintsIncidentsWithTheirColumns(t *testing.T) {
	namespace := three(t, testbed.NewClient(t, cluster(t).Config))
	comparePrinted(t, kubectl(t, "get", "incidents", "--namespace="+namespace), `
NAME STATE PRIORITY NUMBER ISSUE TITLE ASSIGNEE NOTIFIED SIGNALS AGE
ledger-43-1 Resolved High 1 CHECKOUT-1A TypeError Alice Notified 7 <age>
payments-41-1 Open High 1 CHECKOUT-1A TypeError Alice Notified 7 <age>
payments-42-1 Acknowledged Low 1 CHECKOUT-1A TypeError Alice Notified 7 <age>
`)
}

func TestKubectlPrintsAlertSourcesWithTheirColumns(t *testing.T) {
	administrator := testbed.NewClient(t, cluster(t).Config)
	source := testbed.NewSource(t, administrator).Get(t)
	source.Status.OpenIncidents = ptr.To[int32](3)
	source.Status.LastSignalTime = ptr.To(metav1.Now())
	source.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonListening,
		LastTransitionTime: metav1.Now(),
	}}
	testbed.Must(t, administrator.Status().Update(t.Context(), source))
	comparePrinted(t, kubectl(t, "get", "alertsources", "--namespace="+source.Namespace), `
NAME READY REASON OPEN LAST SIGNAL AGE
payments True Listening 3 <age> <age>
`)
}

func TestKubectlPrintsPoliciesAndChannelsWithTheirColumns(t *testing.T) {
	administrator := testbed.NewClient(t, cluster(t).Config)
	namespace := testbed.Namespace(t, administrator)
	for _, text := range []string{goodEscalationPolicy, goodNotificationChannel, goodOnCallSchedule} {
		object := parse(t, text)
		object.SetNamespace(namespace)
		status := object.Object["status"]
		testbed.Must(t, administrator.Create(t.Context(), object))
		object.Object["status"] = status
		testbed.Must(t, administrator.Status().Update(t.Context(), object))
	}
	comparePrinted(t, kubectl(t, "get", "escp", "--namespace="+namespace), `
NAME READY REASON AGE
payments True Usable <age>
`)
	comparePrinted(t, kubectl(t, "get", "nchan", "--namespace="+namespace), `
NAME READY REASON TEST AGE
payments-slack True Usable Failed <age>
`)
	comparePrinted(t, kubectl(t, "get", "oncall", "--namespace="+namespace), `
NAME ON CALL UNTIL READY REASON AGE
payments ada 2026-02-02T08:00:00Z True Usable <age>
`)
}

// comparePrinted compares a table with what it must be, in which each age is as yet unknown and columns are apart by one
// space.
func comparePrinted(t *testing.T, printed, want string) {
	t.Helper()
	printed = regexp.MustCompile(`\b[0-9][0-9hms]*[hms]\b`).ReplaceAllString(printed, "<age>")
	printed = regexp.MustCompile(` +`).ReplaceAllString(printed, " ")
	printed = regexp.MustCompile(`(?m) +$`).ReplaceAllString(printed, "")
	if strings.TrimSpace(printed) != strings.TrimSpace(want) {
		t.Errorf("kubectl prints\n%s\nand not\n%s", printed, want)
	}
}

func TestKubectlKnowsShortNamesAndTheCategory(t *testing.T) {
	administrator := testbed.NewClient(t, cluster(t).Config)
	source := testbed.NewSource(t, administrator)
	namespace := source.Name.Namespace
	open(t, administrator, namespace, "payments", "41", v1alpha1.PriorityHigh, nil)
	const theSource, theIncident = "alertsource.itoc360.io/payments", "incident.itoc360.io/payments-41-1"
	for word, want := range map[string]string{
		"inc":     theIncident,
		"asrc":    theSource,
		"itoc360": theSource + " " + theIncident,
	} {
		listed := strings.Fields(kubectl(t, "get", word, "--namespace="+namespace, "--output=name"))
		if got := strings.Join(listed, " "); got != want {
			t.Errorf("kubectl get %s lists %q, not %q", word, got, want)
		}
	}
}

func TestKubectlExplainsEachField(t *testing.T) {
	for field, want := range map[string]string{
		"incidents.spec.response":               "resolvedBy is the Kubernetes user name of who resolved by hand",
		"incidents.spec.signals.effect":         "effect is what it did to the Incident",
		"incidents.status.cycles":               "absent while unresolved",
		"escalationpolicies.spec.steps.after":   "Default: 0s, at once.",
		"nchan.spec.webhook.signingSecretRef":   "with or without whsec_ before it",
		"incidents.status.notifications":        "oldest first",
		"alertsources.spec.mapping.actions":     "Default: resolved is Resolve, all others",
		"alertsources.spec.incidents":           "retention says how long resolved Incidents are kept",
		"alertsources.status.ignoredProjects":   "slugs of projects whose alerts the allow-list turned away",
		"alertsources.spec.sentry.projects":     "Empty: all projects",
		"alertsources.spec.tokenRef.key":        "key within the Secret",
		"alertsources.spec.incidents.retention": "At least 1h. Default: 720h.",
	} {
		var explained string
		// The API server publishes what it knows of a CRD some time after it serves it.
		testbed.Eventually(t, "kubectl explains "+field, func(ctx context.Context) bool {
			var err error
			explained, err = cluster(t).Kubectl(ctx, "explain", field)
			return err == nil
		})
		oneLine := strings.Join(strings.Fields(explained), " ")
		if !strings.Contains(oneLine, want) {
			t.Errorf("of %s, kubectl says\n%s\nand not %q", field, explained, want)
		}
	}
}
