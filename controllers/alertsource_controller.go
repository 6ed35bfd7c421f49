package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	// sourceResync bounds how long a change that no watch told of goes unseen.
	sourceResync = 10 * time.Minute
	// sourceHealing is how soon a source is looked at again that is expected to heal by itself.
	sourceHealing = 30 * time.Second
	// soon is how soon a look is repeated that came too early: a cache lags, or somebody else wrote first.
	soon = time.Second
)

// AlertSourceReconciler makes and heals a source's webhook Secret, and says in its status whether it listens, why not,
// and how many of its Incidents are unresolved.
type AlertSourceReconciler struct {
	// Client writes, and reads AlertSources and Incidents from the cache.
	Client client.Client
	// APIReader reads Secrets live.
	APIReader client.Reader
	// Recorder takes the Events.
	Recorder events.EventRecorder
	// Directory is what the intake knows of Secrets and tokens.
	Directory Directory
	// ExternalURL is where Sentry reaches the intake; empty if nobody said.
	ExternalURL string
	// IntakeURL is where the intake is reached inside the cluster; it stands in for a missing ExternalURL.
	IntakeURL string
	// Clock tells the time of transitions.
	Clock clock.PassiveClock
}

// +kubebuilder:rbac:groups=itoc360.io,resources=alertsources,verbs=get;list;watch
// +kubebuilder:rbac:groups=itoc360.io,resources=alertsources/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="";events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one source's webhook Secret and status up to date.
func (r *AlertSourceReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	source := &v1alpha1.AlertSource{}
	if err := r.Client.Get(ctx, request.NamespacedName, source); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	found, err := r.gather(ctx, source)
	if err != nil {
		return again(err)
	}
	if found.unsettled() {
		return ctrl.Result{RequeueAfter: soon}, nil
	}
	open, err := r.openIncidents(ctx, request.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	judged := judge(source, found)
	if err := r.writeStatus(ctx, source, judged, open); err != nil {
		return again(err)
	}
	r.announce(source, judged)
	if err := r.dropReports(ctx, source); err != nil {
		return again(err)
	}
	if judged.heals() {
		return ctrl.Result{RequeueAfter: sourceHealing}, nil
	}
	return ctrl.Result{RequeueAfter: sourceResync}, nil
}

// gather collects what the verdict rests on, and mends the webhook Secret on the way.
func (r *AlertSourceReconciler) gather(ctx context.Context, source *v1alpha1.AlertSource) (facts, error) {
	if source.DeletionTimestamp != nil {
		return facts{known: true}, nil
	}
	token, err := r.webhookSecret(ctx, source)
	if err != nil {
		return facts{}, err
	}
	key := client.ObjectKeyFromObject(source)
	found := facts{token: token, hasExternal: r.ExternalURL != ""}
	found.problems, found.known = r.Directory.Problems(key)
	found.sharedWith, found.first = r.Directory.SharedWith(key)
	return found, nil
}

func (r *AlertSourceReconciler) baseURL() string {
	if r.ExternalURL != "" {
		return r.ExternalURL
	}
	return r.IntakeURL
}

func (r *AlertSourceReconciler) openIncidents(ctx context.Context, source client.ObjectKey) (int32, error) {
	incidents, err := listIncidents(ctx, r.Client, source)
	if err != nil {
		return 0, err
	}
	var open int32
	for i := range incidents {
		if isUnresolved(&incidents[i]) {
			open++
		}
	}
	return open, nil
}

// announce tells in Events what is new in a verdict.
func (r *AlertSourceReconciler) announce(source *v1alpha1.AlertSource, now verdict) {
	was := conditionOf(source.Status.Conditions, v1alpha1.ConditionReady)
	if was.Status == now.ready && was.Reason == now.reason && was.Message == now.message {
		return
	}
	switch now.reason {
	case v1alpha1.ReasonSecretMissing, v1alpha1.ReasonTokenInvalid, v1alpha1.ReasonTokenShared, v1alpha1.ReasonSecretForeign:
		eventSourceTrouble(r.Recorder, source, now)
	case v1alpha1.ReasonListening:
		if was.Status != now.ready {
			eventSourceListening(r.Recorder, source, now)
		}
	}
}

// again makes a repeated look of what is no error: somebody else wrote, made or deleted first. In a namespace that is
// being deleted nothing is left to do.
func again(err error) (ctrl.Result, error) {
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err):
		return ctrl.Result{RequeueAfter: soon}, nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return ctrl.Result{}, nil
	default:
		return ctrl.Result{}, fmt.Errorf("reconcile: %w", err)
	}
}
