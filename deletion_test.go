package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// ownToken lets the operator make a source's token.
func ownToken(s *v1alpha1.AlertSource) { s.Spec.TokenRef = nil }

func TestWhatADeletedSourceTakesAlong(t *testing.T) {
	o := startOperator(t, serviceAccount(t), "only")
	for name, test := range map[string]struct {
		delete func(ctx context.Context, source *testbed.Source) error
		keeps  bool
	}{
		"by default, all": {func(ctx context.Context, source *testbed.Source) error {
			return source.Client.Delete(ctx, source.Get(t))
		}, false},
		"in the foreground, all": {func(ctx context.Context, source *testbed.Source) error {
			return source.Client.Delete(ctx, source.Get(t), client.PropagationPolicy(metav1.DeletePropagationForeground))
		}, false},
		"with its namespace, all": {func(ctx context.Context, source *testbed.Source) error {
			return source.Client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: source.Name.Namespace}})
		}, false},
		"leaving orphans, nothing": {func(ctx context.Context, source *testbed.Source) error {
			return source.Client.Delete(ctx, source.Get(t), client.PropagationPolicy(metav1.DeletePropagationOrphan))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			source := testbed.NewSource(t, testbed.NewClient(t, cluster.Config), ownToken)
			webhookSecret := types.NamespacedName{Namespace: source.Name.Namespace, Name: v1alpha1.WebhookSecretName(source.Name.Name)}
			source.Token = tokenIn(t, source.Client, webhookSecret)
			o.knows(t, source)
			post(t, o, source, simulator.IssueWebhook("created", simulator.Issue{ID: "42"}, time.Now()))
			settled(t, source)
			testbed.Must(t, test.delete(t.Context(), source))
			testbed.Eventually(t, "the source is gone", func(ctx context.Context) bool {
				return apierrors.IsNotFound(source.Client.Get(ctx, source.Name, &v1alpha1.AlertSource{}))
			})
			if test.keeps {
				expectOrphans(t, o, source, webhookSecret)
				return
			}
			testbed.Eventually(t, "Secret and Incidents are gone", func(ctx context.Context) bool {
				err := source.Client.Get(ctx, webhookSecret, &corev1.Secret{})
				return apierrors.IsNotFound(err) && len(source.Incidents(t)) == 0
			})
		})
	}
}

// expectOrphans fails the test unless Secret and Incident are nobody's, and a source made again takes them over.
func expectOrphans(t *testing.T, o *operator, source *testbed.Source, webhookSecret types.NamespacedName) {
	t.Helper()
	secret := &corev1.Secret{}
	testbed.Must(t, source.Client.Get(t.Context(), webhookSecret, secret))
	incidents := source.Incidents(t)
	if len(incidents) != 1 || len(incidents[0].OwnerReferences)+len(secret.OwnerReferences) > 0 {
		t.Fatalf("%d Incidents are left, owned by %v, the Secret by %v", len(incidents), incidents, secret.OwnerReferences)
	}
	source.Create(t, ownToken)
	o.knows(t, source)
	answer := post(t, o, source, simulator.IssueWebhook("resolved", simulator.Issue{ID: "42"}, time.Now()))
	if answer.Result != "resolved" || !metav1.IsControlledBy(&source.Incidents(t)[0], source.Get(t)) {
		t.Errorf("made again, the source answers %s, and the Incident is owned by %v", answer, source.Incidents(t)[0].OwnerReferences)
	}
}

// The token is the user's own and stays the same, so Sentry goes on posting while the source is deleted and made anew.
func TestASourceMadeAgainLosesNoAnsweredWebhook(t *testing.T) {
	for name, config := range map[string]*rest.Config{
		"a replica in time":             serviceAccount(t),
		"a replica that hears it later": controlplane.DelayWatches(serviceAccount(t), time.Second),
	} {
		t.Run(name, func(t *testing.T) { makeAgain(t, config) })
	}
}

// issuesKnown are those of which a source has Incidents when it is deleted; it hears of as many others afterwards. So many
// keep the garbage collector busy for a while.
const issuesKnown = 60

func makeAgain(t *testing.T, config *rest.Config) {
	t.Helper()
	o := startOperator(t, config, "only")
	source := testbed.NewSource(t, testbed.NewClient(t, cluster.Config))
	o.knows(t, source)
	for round := range 2 {
		for i := range issuesKnown {
			post(t, o, source, simulator.IssueWebhook("created", simulator.Issue{ID: strconv.Itoa(100 + i)}, time.Now()))
		}
		testbed.Must(t, source.Client.Delete(t.Context(), source.Get(t)))
		for i := 0; source.TryCreate(t.Context()) != nil; i++ {
			tell(t, o, source, i)
		}
		going := len(source.Incidents(t))
		if going == 0 {
			t.Error("the former source's Incidents are gone already: this shows nothing")
		}
		t.Logf("made again while %d Incidents of the former source are still there", going)
		answered := map[v1alpha1.AlertKey]bool{}
		for i := 0; i < 2*issuesKnown || (len(answered) < issuesKnown && i < 10_000); i++ {
			// New issues and those of the former source, whose Incidents are still going.
			if key, answer := tell(t, o, source, i); answer.Status == http.StatusOK {
				answered[key] = true
			}
		}
		owner := source.Get(t).UID
		missing := map[v1alpha1.AlertKey]bool{}
		testbed.Eventually(t, fmt.Sprintf("round %d: what was answered 200 is there, and nothing is the former source's", round),
			func(context.Context) bool {
				clear(missing)
				maps.Copy(missing, answered)
				for _, incident := range source.Incidents(t) {
					controller := metav1.GetControllerOf(&incident)
					if controller == nil || controller.UID != owner {
						return false
					}
					delete(missing, incident.Spec.AlertKey)
				}
				return len(missing) == 0
			})
		o.knows(t, source)
	}
}

// tell posts an alert of one of the issues, in turn.
func tell(t *testing.T, o *operator, source *testbed.Source, turn int) (v1alpha1.AlertKey, simulator.Answer) {
	t.Helper()
	id := strconv.Itoa(100 + turn%(2*issuesKnown))
	return v1alpha1.IssueKey(id), post(t, o, source, simulator.EventAlert(simulator.Issue{ID: id}, "Page the team", false, time.Now()))
}
