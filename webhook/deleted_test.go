package webhook_test

import (
	"context"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
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

// A replica has not heard of a source's deletion when the garbage collector has orphaned its Incidents already.
func TestAnOrphanedIncidentIsNotAdoptedByASourceThatIsGoing(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client, func(s *v1alpha1.AlertSource) { s.Finalizers = []string{"example.com/keep"} })
	served.knows(t, source)
	record(t, storeWith(t, served, interceptor.Funcs{}), source, heard(v1alpha1.SignalAlert, 1))
	stale := known(t, source)
	testbed.Must(t, served.client.Delete(t.Context(), source.Get(t), client.PropagationPolicy(metav1.DeletePropagationOrphan)))
	incident := &source.Incidents(t)[0]
	incident.OwnerReferences = nil
	testbed.Must(t, served.client.Update(t.Context(), incident))
	testbed.Eventually(t, "the cache has heard of it", func(ctx context.Context) bool {
		var cached v1alpha1.Incident
		testbed.Must(t, served.cache.Get(ctx, client.ObjectKeyFromObject(incident), &cached))
		return len(cached.OwnerReferences) == 0
	})
	behind := storeWith(t, served, interceptor.Funcs{})
	outcomes := behind.Record(t.Context(), stale, issue42, []lifecycle.Heard{heard(v1alpha1.SignalResolve, 2)})
	if len(outcomes) != 1 || outcomes[0].Effect != v1alpha1.EffectResolved {
		t.Errorf("the outcomes are %+v", outcomes)
	}
	if owners := source.Incidents(t)[0].OwnerReferences; len(owners) > 0 {
		t.Errorf("the Incident is owned by %v", owners)
	}
	source.Update(t, func(s *v1alpha1.AlertSource) { s.Finalizers = nil })
}
