package config_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// Who acts in these tests. Alice and Bob may edit their namespace; the operator and the garbage collector are as they
// come with the cluster.
const (
	alice            = "alice@example.com"
	bob              = "bob@example.com"
	operator         = "system:serviceaccount:itoc360-system:itoc360-operator"
	garbageCollector = "system:serviceaccount:kube-system:generic-garbage-collector"
)

// Why the policy refuses.
const (
	notByHand    = "Incidents are made by the operator alone"
	onlyResponse = "of an Incident only spec.response may be changed; the rest is recorded"
	noMetadata   = "of an Incident only spec.response may be changed, not its labels"
	ownName      = "in your own name: set %sBy to %s"
)

func acknowledgeAs(user string) string { return fmt.Sprintf(ownName, "acknowledged", user) }
func snoozeAs(user string) string      { return fmt.Sprintf(ownName, "snoozed", user) }
func resolveAs(user string) string     { return fmt.Sprintf(ownName, "resolved", user) }

// Responses, as merge patches of spec.response.
func acknowledgedBy(user string) string {
	return `{"acknowledgedBy": "` + user + `", "acknowledgedAt": "2026-01-31T03:04:05Z"}`
}

func snoozedBy(user string) string {
	return `{"snoozedBy": "` + user + `", "snoozedUntil": "2026-01-31T07:00:00Z"}`
}

func resolvedBy(user string) string {
	return `{"resolvedBy": "` + user + `", "resolvedAt": "2026-01-31T03:44:05Z"}`
}

func inSpec(field string) string      { return `{"spec": {` + field + `}}` }
func responding(fields string) string { return inSpec(`"response": ` + fields) }

// bench is a namespace with an Incident, where people may do what their roles allow.
type bench struct {
	namespace string
	api       client.Client
}

func newBench(t *testing.T) bench {
	t.Helper()
	install(t, "config/default")
	b := bench{api: testbed.NewClient(t, control.Get(t).Config)}
	b.namespace = testbed.Namespace(t, b.api)
	for _, user := range []string{alice, bob} {
		_, err := control.Get(t).Kubectl(t.Context(), "create", "rolebinding", "-n", b.namespace,
			"--clusterrole=itoc360-responder", "--user="+user, "responder-"+strings.Split(user, "@")[0])
		testbed.Must(t, err)
	}
	return b
}

// as is the API as a user has it.
func (b bench) as(t *testing.T, user string) client.Client {
	t.Helper()
	config := rest.CopyConfig(control.Get(t).Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	return testbed.NewClient(t, config)
}

// incident is an Incident with as many signals as there can be, and a response.
func (b bench) incident(name, response string) *v1alpha1.Incident {
	incident := &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: b.namespace, Name: name,
			Labels:          map[string]string{v1alpha1.LabelSource: "payments"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: "1"}},
		},
		Spec: v1alpha1.IncidentSpec{
			SourceRef: v1alpha1.SourceReference{Name: "payments"}, AlertKey: v1alpha1.IssueKey("42"), Number: 1,
			Issue: v1alpha1.Issue{ID: "42", Title: strings.Repeat("x", 256)}, Priority: v1alpha1.PriorityHigh, SignalCount: 1,
		},
	}
	for i := range v1alpha1.MaxSignals {
		at := metav1.NewMicroTime(time.Date(2026, 1, 31, 3, 0, i, 0, time.UTC))
		incident.Spec.Signals = append(incident.Spec.Signals, v1alpha1.Signal{
			Time: at, ReceivedAt: at, Event: v1alpha1.SignalAlert, Effect: v1alpha1.EffectUpdated, By: v1alpha1.BySentry,
		})
	}
	if response != "" {
		incident.Spec.Response = &v1alpha1.Response{}
		if err := json.Unmarshal([]byte(response), incident.Spec.Response); err != nil {
			panic(err)
		}
	}
	return incident
}

// create makes an Incident, as the operator does.
func (b bench) create(t *testing.T, name, response string) *v1alpha1.Incident {
	t.Helper()
	incident := b.incident(name, response)
	testbed.Must(t, b.as(t, operator).Create(t.Context(), incident))
	return incident
}

// inForce waits until the API server enforces the policy, which it learns of a moment after it was applied.
func (b bench) inForce(t *testing.T) {
	t.Helper()
	incident := b.create(t, "probe", "")
	testbed.Eventually(t, "the policy is in force", func(ctx context.Context) bool {
		err := b.patchAs(ctx, t, bob, incident, responding(acknowledgedBy(alice)))
		return apierrors.IsForbidden(err)
	})
}

func (b bench) patchAs(ctx context.Context, t *testing.T, user string, incident *v1alpha1.Incident, patch string) error {
	t.Helper()
	return b.as(t, user).Patch(ctx, incident.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)), client.DryRunAll)
}

func TestAResponderChangesNothingButTheResponseAndInTheirOwnName(t *testing.T) {
	b := newBench(t)
	b.inForce(t)
	acknowledged := b.create(t, "acknowledged", acknowledgedBy(alice))
	snoozed := b.create(t, "snoozed", snoozedBy(alice))
	both := b.create(t, "both", `{"acknowledgedBy": "`+alice+`", "acknowledgedAt": "2026-01-31T03:04:05Z",
		"snoozedBy": "`+bob+`", "snoozedUntil": "2026-01-31T07:00:00Z"}`)
	bare := b.create(t, "bare", "")
	for _, test := range []struct {
		name  string
		user  string
		of    *v1alpha1.Incident
		patch string
		// refused is empty for what is accepted.
		refused string
	}{
		{"acknowledge", alice, bare, responding(acknowledgedBy(alice)), ""},
		{"acknowledge for somebody else", alice, bare, responding(acknowledgedBy(bob)), acknowledgeAs(alice)},
		{"acknowledge as Sentry", alice, bare, responding(acknowledgedBy(v1alpha1.BySentry)), acknowledgeAs(alice)},
		{"take back one's own acknowledgement", alice, acknowledged, responding("null"), ""},
		{"take back somebody else's acknowledgement", bob, acknowledged, responding("null"), acknowledgeAs(bob)},
		{
			"take back somebody else's acknowledgement in part", bob, both,
			responding(`{"acknowledgedBy": null, "acknowledgedAt": null}`), acknowledgeAs(bob),
		},
		{"move the time of one's own", alice, acknowledged, responding(`{"acknowledgedAt": "2026-01-31T03:00:00Z"}`), ""},
		{
			"move the time of somebody else's", bob, acknowledged, responding(`{"acknowledgedAt": "2026-01-31T03:00:00Z"}`),
			acknowledgeAs(bob),
		},
		{"take over somebody else's acknowledgement", bob, acknowledged, responding(acknowledgedBy(bob)), ""},
		{"hand over one's own acknowledgement", alice, acknowledged, responding(acknowledgedBy(bob)), acknowledgeAs(alice)},

		{"snooze", alice, bare, responding(snoozedBy(alice)), ""},
		{"snooze for somebody else", alice, bare, responding(snoozedBy(bob)), snoozeAs(alice)},
		{
			"snooze anonymously", alice, bare, responding(`{"snoozedUntil": "2026-01-31T07:00:00Z"}`),
			"snoozedBy and snoozedUntil go together",
		},
		{"snooze as anonymous", alice, bare, responding(snoozedBy("system:anonymous")), snoozeAs(alice)},
		{"end one's own snooze", alice, snoozed, responding("null"), ""},
		{"end somebody else's snooze", bob, snoozed, responding("null"), snoozeAs(bob)},
		{"prolong somebody else's snooze", bob, snoozed, responding(`{"snoozedUntil": "2027-01-31T07:00:00Z"}`), snoozeAs(bob)},
		{"take over somebody else's snooze", bob, snoozed, responding(snoozedBy(bob)), ""},

		{"resolve", alice, bare, responding(resolvedBy(alice)), ""},
		{"resolve what somebody else acknowledged", bob, acknowledged, responding(resolvedBy(bob)), ""},
		{"resolve for somebody else", alice, bare, responding(resolvedBy(bob)), resolveAs(alice)},
		{"resolve as the operator", alice, bare, responding(resolvedBy(v1alpha1.ByOperator)), resolveAs(alice)},

		{"change the priority", alice, bare, inSpec(`"priority": "Low"`), onlyResponse},
		{"change it while acknowledging", alice, bare, inSpec(`"priority": "Low", "response": ` + acknowledgedBy(alice)), onlyResponse},
		{"make it a test", alice, bare, inSpec(`"test": true`), onlyResponse},
		{"seal it", alice, bare, inSpec(`"sealed": true`), onlyResponse},
		{"change the issue", alice, bare, inSpec(`"issue": {"title": "nothing happened"}`), onlyResponse},
		{"drop the issue", alice, bare, inSpec(`"issue": null`), onlyResponse},
		{"add to the issue", alice, bare, inSpec(`"issue": {"assignee": "Bob"}`), onlyResponse},
		{"count otherwise", alice, bare, inSpec(`"signalCount": 2`), onlyResponse},
		{
			"rewrite what was heard", alice, bare,
			inSpec(`"signals": [{"time": "2026-01-31T03:00:00.000000Z", "receivedAt": "2026-01-31T03:00:00.000000Z",
				"event": "Resolve", "effect": "Resolved", "by": "Sentry"}]`), onlyResponse,
		},
		{"change a label", alice, bare, `{"metadata": {"labels": {"itoc360.io/source": "ledger"}}}`, noMetadata},
		{"add an annotation", alice, bare, `{"metadata": {"annotations": {"note": "seen"}}}`, noMetadata},
		{"take its owner away", alice, bare, `{"metadata": {"ownerReferences": null}}`, noMetadata},
		{"keep it from going", alice, bare, `{"metadata": {"finalizers": ["example.com/mine"]}}`, noMetadata},
		{"change nothing", alice, acknowledged, `{}`, ""},

		{"the operator records", operator, bare, inSpec(`"priority": "Low", "sealed": true`), ""},
		{"the operator takes an acknowledgement back", operator, acknowledged, responding("null"), ""},
		{"the operator adopts", operator, bare, `{"metadata": {"labels": {"itoc360.io/source": "ledger"}, "ownerReferences": null}}`, ""},
		{"the garbage collector leaves an orphan", garbageCollector, bare, `{"metadata": {"ownerReferences": null}}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := b.patchAs(t.Context(), t, test.user, test.of, test.patch)
			switch {
			case test.refused == "":
				testbed.Must(t, err)
			case err == nil || !strings.Contains(err.Error(), test.refused):
				t.Errorf("got %v, want %q", err, test.refused)
			}
		})
	}
}

// A whole object is written by kubectl edit and kubectl replace; kubectl apply --server-side may create.
func TestAResponderWritesAWholeIncidentUnderTheSameRules(t *testing.T) {
	b := newBench(t)
	b.inForce(t)
	incident := b.create(t, "whole", "")
	incident.Spec.Response = &v1alpha1.Response{AcknowledgedBy: alice, AcknowledgedAt: &metav1.Time{Time: time.Now()}}
	testbed.Must(t, b.as(t, alice).Update(t.Context(), incident.DeepCopy(), client.DryRunAll))
	if err := b.as(t, bob).Update(t.Context(), incident.DeepCopy(), client.DryRunAll); !isRefused(err, acknowledgeAs(bob)) {
		t.Errorf("got %v", err)
	}
	apply := []byte(`{"apiVersion": "itoc360.io/v1alpha1", "kind": "Incident", "spec": {"response": ` + acknowledgedBy(alice) + `}}`)
	testbed.Must(t, b.as(t, alice).Patch(t.Context(), incident.DeepCopy(), client.RawPatch(types.ApplyPatchType, apply),
		client.FieldOwner("kubectl"), client.DryRunAll))
}

func TestOnlyTheOperatorMakesIncidents(t *testing.T) {
	b := newBench(t)
	b.inForce(t)
	// Even whoever is given the verb create, by a role of their own, makes none.
	for _, arguments := range [][]string{
		{"create", "role", "creator", "--verb=create,patch", "--resource=incidents.itoc360.io"},
		{"create", "rolebinding", "creator", "--role=creator", "--user=" + alice},
	} {
		_, err := control.Get(t).Kubectl(t.Context(), append(arguments, "-n", b.namespace)...)
		testbed.Must(t, err)
	}
	for name, response := range map[string]string{"bare": "", "in her own name": acknowledgedBy(alice), "in another's": resolvedBy(bob)} {
		if err := b.as(t, alice).Create(t.Context(), b.incident("made", response), client.DryRunAll); !isRefused(err, notByHand) {
			t.Errorf("%s: got %v", name, err)
		}
		testbed.Must(t, b.as(t, operator).Create(t.Context(), b.incident("made", response), client.DryRunAll))
		testbed.Must(t, b.api.Create(t.Context(), b.incident("made", response), client.DryRunAll))
	}
	generated := b.incident("", "")
	generated.GenerateName = "made-"
	if err := b.as(t, alice).Create(t.Context(), generated, client.DryRunAll); !isRefused(err, notByHand) {
		t.Errorf("with a generated name: got %v", err)
	}
}

func TestAResponderWritesNoStatus(t *testing.T) {
	b := newBench(t)
	incident := b.create(t, "status", "")
	for _, user := range []string{alice, bob} {
		err := b.as(t, user).Status().Patch(t.Context(), incident.DeepCopy(),
			client.RawPatch(types.MergePatchType, []byte(`{"status": {"state": "Resolved"}}`)))
		if !apierrors.IsForbidden(err) {
			t.Errorf("%s: got %v", user, err)
		}
	}
}

func isRefused(err error, why string) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), why)
}
