package controllers

import (
	"context"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/controllers/term"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
)

var control testbed.ControlPlane

func TestMain(m *testing.M) { os.Exit(control.Run(m)) }

// knowingDirectory knows of no problem.
type knowingDirectory chan event.TypedGenericEvent[*v1alpha1.AlertSource]

func (knowingDirectory) Problems(types.NamespacedName) (problems []string, known bool) {
	return nil, true
}

func (knowingDirectory) SharedWith(types.NamespacedName) (others []types.NamespacedName, first bool) {
	return nil, true
}

func (d knowingDirectory) Subscribe(context.Context) <-chan event.TypedGenericEvent[*v1alpha1.AlertSource] {
	return d
}

// noInbox is for tests in which time brings nothing about.
type noInbox struct{ *testing.T }

func (t noInbox) RecordSilence(_ context.Context, source types.NamespacedName, key v1alpha1.AlertKey) error {
	t.Errorf("silence of %s %s", source, key)
	return nil
}

func (t noInbox) RecordAcknowledgementTimeout(
	_ context.Context, source types.NamespacedName, key v1alpha1.AlertKey, _ time.Time,
) error {
	t.Errorf("acknowledgement timeout of %s %s", source, key)
	return nil
}

func (t noInbox) RecordFound(
	_ context.Context, source types.NamespacedName, key v1alpha1.AlertKey, _ lifecycle.Heard,
) (v1alpha1.SignalEffect, string, error) {
	t.Errorf("something was found out about %s %s", source, key)
	return v1alpha1.EffectNone, "", nil
}

// noIntake knows nothing.
type noIntake struct{}

func (noIntake) Latest(context.Context, types.NamespacedName, v1alpha1.AlertKey) (*v1alpha1.Incident, error) {
	return nil, nil
}

func (noIntake) Strangers() int { return 0 }

// startCampaign runs a campaign for the lease until the test ends.
func startCampaign(t *testing.T, lease types.NamespacedName, directory knowingDirectory) {
	t.Helper()
	outer, err := ctrl.NewManager(control.Get(t).Config, ctrl.Options{
		Scheme: testbed.Scheme(t), Metrics: metricsserver.Options{BindAddress: "0"},
	})
	testbed.Must(t, err)
	testbed.Must(t, loop.AddIndexes(t.Context(), outer.GetFieldIndexer()))
	testbed.Must(t, outer.Add(&term.Campaign{
		Outer: outer, LeaderElect: true, Identity: "replica-a", Namespace: lease.Namespace, LeaseName: lease.Name,
		LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 200 * time.Millisecond,
		Setup: func(mgr ctrl.Manager) error {
			return Setup(mgr, Options{
				Directory: directory, Inbox: noInbox{t}, Known: noIntake{}, Office: &notify.Office{},
				ExternalURL: "https://alerts.example.com",
			})
		},
	}))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- outer.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the manager ended: %v", err)
		}
	})
}

func TestTheControllersWorkInEachTerm(t *testing.T) {
	live := control.Client(t)
	directory := make(knowingDirectory)
	source := types.NamespacedName{Namespace: testbed.Namespace(t, live), Name: "payments"}
	lease := types.NamespacedName{Namespace: source.Namespace, Name: "itoc360-operator"}
	startCampaign(t, lease, directory)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: source.Namespace, Name: "payments-webhook"}}
	testbed.Must(t, live.Create(t.Context(), testbed.NewAlertSource(source)))
	for number := int32(1); number <= 2; number++ {
		opened := testbed.SignalAt(0, v1alpha1.SignalAlert, v1alpha1.EffectOpened)
		incident := testbed.NewIncident(source, v1alpha1.IssueKey("42"), number, opened)
		testbed.Must(t, live.Create(t.Context(), incident))
		testbed.Eventually(t, "the Incident has its status", func(ctx context.Context) bool {
			return live.Get(ctx, client.ObjectKeyFromObject(incident), incident) == nil && len(incident.Status.Cycles) == 1
		})
		testbed.Eventually(t, "the source is ready and counts", func(ctx context.Context) bool {
			got := &v1alpha1.AlertSource{}
			return live.Get(ctx, source, got) == nil && ptr.Deref(got.Status.OpenIncidents, 0) == number &&
				loop.ConditionOf(got.Status.Conditions, v1alpha1.ConditionReady).Status == metav1.ConditionTrue
		})
		testbed.Must(t, live.Delete(t.Context(), secret.DeepCopy()))
		directory <- event.TypedGenericEvent[*v1alpha1.AlertSource]{Object: testbed.NewAlertSource(source)}
		testbed.Eventually(t, "the Secret is made anew", func(ctx context.Context) bool {
			return live.Get(ctx, client.ObjectKeyFromObject(secret), &corev1.Secret{}) == nil
		})
		if number == 1 {
			testbed.StealLease(t, live, lease)
		}
	}
	testbed.Eventually(t, "the Events are there", func(ctx context.Context) bool {
		list := &corev1.EventList{}
		return live.List(ctx, list, client.InNamespace(source.Namespace)) == nil && len(list.Items) >= 3
	})
}
