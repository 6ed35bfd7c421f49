package webhook_test

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

func TestAnIncidentThatIsBeingDeletedTakesNothingWithIt(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	expect := func(webhook int, action, result string) {
		t.Helper()
		if answer := served.post(t, source, issue(action, webhook)); answer.Result != result {
			t.Errorf("%s is answered %+v, not %s", action, answer, result)
		}
	}
	expect(1, "created", "opened")
	// Somebody keeps it, as the operator does while people are to hear of its end.
	incident := &source.Incidents(t)[0]
	incident.Finalizers = []string{"example.com/keep"}
	testbed.Must(t, served.client.Update(t.Context(), incident))
	testbed.Must(t, served.client.Delete(t.Context(), incident))
	testbed.Must(t, served.client.Get(t.Context(), client.ObjectKeyFromObject(incident), incident))
	expect(2, "assigned", "opened")
	expect(3, "assigned", "updated")
	if story := source.Story(t); story != "1 Open High, 2 Open High" {
		t.Errorf("the Incidents are %s", story)
	}
	before := incident.Spec.SignalCount
	testbed.Must(t, served.client.Get(t.Context(), client.ObjectKeyFromObject(incident), incident))
	if incident.Spec.SignalCount != before {
		t.Error("something was recorded in the one that goes")
	}
	incident.Finalizers = nil
	testbed.Must(t, served.client.Update(t.Context(), incident))
	expect(4, "resolved", "resolved")
	second := v1alpha1.IncidentName(source.Name.Name, "issue/42", 2)
	if incidents := source.Incidents(t); len(incidents) != 1 || incidents[0].Name != second {
		t.Errorf("what stays is %+v", incidents)
	}
}
