package v1alpha1_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// create creates an object given as YAML in a namespace of its own, and reads what became of it.
func create(t *testing.T, text string, into client.Object) {
	t.Helper()
	administrator := testbed.NewClient(t, cluster(t).Config)
	object := parse(t, text)
	object.SetNamespace(testbed.Namespace(t, administrator))
	testbed.Must(t, administrator.Create(t.Context(), object))
	testbed.Must(t, administrator.Get(t.Context(), client.ObjectKeyFromObject(object), into))
}

const leastIncident = `
apiVersion: itoc360.io/v1alpha1
kind: Incident
metadata: {name: payments-42-1}
spec:
  sourceRef: {name: payments}
  alertKey: issue/42
  number: 1
  priority: High
  signalCount: 1
  signals:
  - time: 2026-01-31T03:00:00.000001Z
    receivedAt: 2026-01-31T03:00:00.100001Z
    event: Alert
    effect: Opened
`

func TestAnIncidentIsOpenRightAfterItsCreation(t *testing.T) {
	for name, text := range map[string]string{
		"without a status":                        leastIncident,
		"with a status, which a creation ignores": goodIncident,
	} {
		t.Run(name, func(t *testing.T) {
			incident := &unstructured.Unstructured{}
			incident.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Incident"))
			create(t, text, incident)
			status, _, err := unstructured.NestedMap(incident.Object, "status")
			testbed.Must(t, err)
			if len(status) != 2 || status["state"] != "Open" || status["observedGeneration"] != int64(-1) {
				t.Errorf("the status is %v", status)
			}
		})
	}
}

func TestAnIncidentIsNoTestUnlessItSaysSo(t *testing.T) {
	incident := &v1alpha1.Incident{}
	create(t, leastIncident, incident)
	if incident.Spec.Test {
		t.Error("it is a test")
	}
}

func TestAnAlertSourceHasDefaults(t *testing.T) {
	const least = `
apiVersion: itoc360.io/v1alpha1
kind: AlertSource
metadata: {name: payments}
spec:
  type: Sentry
  sentry: {}
`
	for name, text := range map[string]string{
		"where nothing is said":       least,
		"where incidents are empty":   least + "  incidents: {}\n",
		"where incidents are null":    least + "  incidents: null\n",
		"where retention is empty":    least + "  incidents: {retention: {}}\n",
		"where its fields are null":   least + "  incidents: {reopenWindow: null, retention: {maxAge: null, maxResolved: null}}\n",
		"where suspend is said to be": least + "  suspend: false\n",
	} {
		t.Run(name, func(t *testing.T) {
			source := &v1alpha1.AlertSource{}
			create(t, text, source)
			rules := source.Spec.Incidents
			if rules.ReopenWindow.Duration != 0 || rules.AutoResolveAfter.Duration != 0 {
				t.Errorf("reopenWindow is %s, autoResolveAfter %s", rules.ReopenWindow.Duration, rules.AutoResolveAfter.Duration)
			}
			if rules.Retention.MaxAge.Duration != 720*time.Hour || ptr.Deref(rules.Retention.MaxResolved, -1) != 1000 {
				t.Errorf("retention is %+v", rules.Retention)
			}
			if source.Spec.Suspend || source.Status.ObservedGeneration != -1 {
				t.Errorf("suspend is %t, observedGeneration %d", source.Spec.Suspend, source.Status.ObservedGeneration)
			}
		})
	}
}

func TestAnAlertSourceShowsItsDefaults(t *testing.T) {
	source := &unstructured.Unstructured{}
	source.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("AlertSource"))
	create(t, "{apiVersion: itoc360.io/v1alpha1, kind: AlertSource, metadata: {name: a}, spec: {type: Sentry, sentry: {}}}", source)
	for path, want := range map[string]any{
		"reopenWindow": "0s", "autoResolveAfter": "0s", "maxAge": "720h", "maxResolved": int64(1000),
	} {
		rules, _, err := unstructured.NestedMap(source.Object, "spec", "incidents")
		testbed.Must(t, err)
		got, has := rules[path]
		if !has {
			got, _, err = unstructured.NestedFieldNoCopy(rules, "retention", path)
			testbed.Must(t, err)
		}
		if got != want {
			t.Errorf("%s reads %v, not %v", path, got, want)
		}
	}
}
