package webhook_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// During a rolling upgrade the CRD is newer than this replica, and another replica writes fields that this one does not know.
func TestFieldsOfANewerVersionSurviveEveryWrite(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client, reopen(time.Hour))
	served.knows(t, source)
	testbed.ExtendIncidents(t, served.client)
	store := storeWith(t, served, interceptor.Funcs{})
	record(t, store, source, heard(v1alpha1.SignalAlert, 1))
	name := types.NamespacedName{Namespace: source.Name.Namespace, Name: v1alpha1.IncidentName(source.Name.Name, issue42, 1)}
	respond := func(response string) {
		t.Helper()
		incident := &v1alpha1.Incident{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
		patch := client.RawPatch(types.MergePatchType, []byte(`{"spec": {"response": `+response+`}}`))
		testbed.Must(t, served.client.Patch(t.Context(), incident, patch))
	}
	respond(`{"acknowledgedBy": "alice", "acknowledgedAt": "2026-01-31T03:00:05.123Z",
		"snoozedBy": "bob", "snoozedUntil": "2026-01-31T03:00:07.5+01:00"}`)
	for _, pointer := range []string{"/spec", "/spec/issue", "/spec/response", "/spec/signals/0"} {
		if pointer == "/spec/issue" {
			title := heard(v1alpha1.SignalAlert, 2)
			title.Facts.Title = ptr.To("it broke")
			record(t, store, source, title)
		}
		testbed.SetNewer(t, served.client, name, "", pointer, "of "+pointer)
	}
	// Facts, more repeats than are kept, a withdrawal, the end, and one more cycle, which moves the response into the signals.
	for minute := 3; minute < 20; minute++ {
		record(t, store, source, heard(v1alpha1.SignalAlert, minute))
	}
	regressed := heard(v1alpha1.SignalAlert, 30)
	regressed.Facts.Title, regressed.Facts.Substatus = ptr.To("it broke again"), ptr.To("regressed")
	record(t, store, source, heard(v1alpha1.SignalResolve, 21))
	if outcome := record(t, store, source, regressed)[0]; outcome.Effect != v1alpha1.EffectReopened {
		t.Fatalf("the regression ended as %+v", outcome)
	}
	raw := testbed.RawIncident(t, served.client, name)
	for _, pointer := range []string{"/spec", "/spec/issue", "/spec/response", "/spec/signals/0"} {
		if got := testbed.Newer(raw, pointer); got != "of "+pointer {
			t.Errorf("%s has %q", pointer, got)
		}
	}
	incident := source.Incidents(t)[0]
	if response := *incident.Spec.Response; response != (v1alpha1.Response{}) || incident.Spec.Issue.Title != "it broke again" {
		t.Errorf("the response is %+v, of %+v", response, incident.Spec.Issue)
	}
}

// What somebody else put on an Incident stays there when a source is made again and takes it over.
func TestAnAdoptedIncidentKeepsWhatOthersPutOnIt(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	store := storeWith(t, served, interceptor.Funcs{})
	record(t, store, source, heard(v1alpha1.SignalAlert, 1))
	incident := source.Incidents(t)[0]
	foreign := metav1.OwnerReference{APIVersion: "example.com/v1", Kind: "Ticket", Name: "t-1", UID: "a-ticket", Controller: ptr.To(true)}
	before := incident.DeepCopy()
	incident.Labels = map[string]string{"team/pager": "yes"}
	former := incident.OwnerReferences[0]
	former.UID, former.Controller = "an-earlier-source", nil
	incident.OwnerReferences = []metav1.OwnerReference{foreign, former}
	testbed.Must(t, served.client.Patch(t.Context(), &incident, client.MergeFrom(before)))
	record(t, storeWith(t, served, interceptor.Funcs{}), source, heard(v1alpha1.SignalAlert, 2))
	adopted := source.Incidents(t)[0]
	owners := adopted.OwnerReferences
	if len(owners) != 2 || owners[0].UID != foreign.UID || !ptr.Deref(owners[0].Controller, false) || owners[1].UID != source.Get(t).UID {
		t.Errorf("its owners are %+v", owners)
	}
	if adopted.Labels["team/pager"] != "yes" || adopted.Labels[v1alpha1.LabelSource] != source.Name.Name {
		t.Errorf("its labels are %v", adopted.Labels)
	}
	generation := adopted.ResourceVersion
	record(t, store, source, heard(v1alpha1.SignalAlert, 3))
	if again := source.Incidents(t)[0]; len(again.OwnerReferences) != 2 || again.ResourceVersion == generation {
		t.Errorf("then it is %+v", again.ObjectMeta)
	}
}

// A signal that was passed over is not taken for recorded because a later one is.
func TestASignalThatWasPassedOverIsRecordedByItself(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	store := storeWith(t, served, interceptor.Funcs{})
	opens, ends, later := heard(v1alpha1.SignalAlert, 1), heard(v1alpha1.SignalResolve, 3), heard(v1alpha1.SignalUpdate, 4)
	record(t, store, source, opens)
	record(t, store, source, later)
	outcomes := record(t, storeWith(t, served, interceptor.Funcs{}), source, opens, ends, later)
	if outcomes[0].Effect != v1alpha1.EffectOpened || outcomes[1].Effect != v1alpha1.EffectResolved ||
		outcomes[2].Effect != v1alpha1.EffectUpdated {
		t.Errorf("they ended as %+v", outcomes)
	}
	incident := source.Incidents(t)[0]
	if len(incident.Spec.Signals) != 3 || incident.Spec.SignalCount != 3 {
		t.Errorf("of %d signals it has %+v", incident.Spec.SignalCount, incident.Spec.Signals)
	}
}

// Of many repeats the Incident keeps a few, and counts all: a write whose answer was lost counts none twice.
func TestRepeatsThatAreNotKeptAreCountedOnce(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	store := storeWith(t, served, interceptor.Funcs{})
	var repeats []lifecycle.Heard
	for minute := 2; minute < 60; minute++ {
		repeats = append(repeats, heard(v1alpha1.SignalAlert, minute))
	}
	record(t, store, source, heard(v1alpha1.SignalAlert, 1))
	record(t, store, source, repeats...)
	record(t, storeWith(t, served, interceptor.Funcs{}), source, repeats...)
	want := int64(len(repeats) + 1)
	if incident := source.Incidents(t)[0]; incident.Spec.SignalCount != want {
		t.Errorf("of %d signals it counts %d", want, incident.Spec.SignalCount)
	}
}
