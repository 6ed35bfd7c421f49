// Package alertsource is the controller of AlertSources: it makes and heals a source's webhook Secret, concludes in
// conditions whether the source listens, and keeps a source that is being deleted until every replica has heard of it.
package alertsource

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
)

const (
	// sourceResync bounds how long a change that no watch told of goes unseen.
	sourceResync = 10 * time.Minute
	// sourceHealing is how soon a source is looked at again that is expected to heal by itself.
	sourceHealing = 30 * time.Second
	// openCountDelay gathers the changes of a source's Incidents into one write of openIncidents.
	openCountDelay = 5 * time.Second
)

// Reconciler makes and heals a source's webhook Secret, and says in its status whether it listens, why not,
// and how many of its Incidents are unresolved.
type Reconciler struct {
	// Client writes, and reads AlertSources and Incidents from the cache.
	Client client.Client
	// APIReader reads Secrets live, and the source that is to own one.
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
	// Intake goes first; nil for none.
	Intake loop.Intake
}

// +kubebuilder:rbac:groups=itoc360.io,resources=alertsources,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=itoc360.io,resources=alertsources/status,verbs=patch
// +kubebuilder:rbac:groups=itoc360.io,resources=escalationpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="";events.k8s.io,resources=events,verbs=create;patch

// Reconcile brings one source's webhook Secret and status up to date, and lets one go that was deleted long enough ago.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	loop.Yield(ctx, r.Intake, loop.Bookkeeping)
	source := &v1alpha1.AlertSource{}
	if err := r.Client.Get(ctx, request.NamespacedName, source); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if source.DeletionTimestamp != nil {
		return r.letGo(ctx, source)
	}
	if err := r.hold(ctx, source); err != nil {
		return loop.Again(err)
	}
	found, err := r.gather(ctx, source)
	if err != nil {
		return loop.Again(err)
	}
	if found.unsettled() {
		return ctrl.Result{RequeueAfter: loop.Soon}, nil
	}
	judged := judge(source, found)
	if err := r.tell(ctx, source, judged); err != nil {
		return loop.Again(err)
	}
	if judged.heals() || recordingCondition(source, r.Clock.Now()).Status == metav1.ConditionFalse {
		return ctrl.Result{RequeueAfter: sourceHealing}, nil
	}
	return ctrl.Result{RequeueAfter: sourceResync}, nil
}

// gather collects what the verdict rests on, and mends the webhook Secret on the way.
func (r *Reconciler) gather(ctx context.Context, source *v1alpha1.AlertSource) (facts, error) {
	token, err := r.webhookSecret(ctx, source)
	if err != nil {
		return facts{}, err
	}
	key := client.ObjectKeyFromObject(source)
	found := facts{token: token, hasExternal: r.ExternalURL != ""}
	if found.unpaged, err = r.unpaged(ctx, source); err != nil {
		return facts{}, err
	}
	found.problems, found.known = r.Directory.Problems(key)
	found.sharedWith, found.first = r.Directory.SharedWith(key)
	return found, nil
}

// unpaged says why nobody is paged, empty if people are.
func (r *Reconciler) unpaged(ctx context.Context, source *v1alpha1.AlertSource) (string, error) {
	ref := source.Spec.EscalationPolicyRef
	if ref == nil {
		return "Nobody is paged: name an EscalationPolicy in escalationPolicyRef", nil
	}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: source.Namespace, Name: ref.Name}, &v1alpha1.EscalationPolicy{})
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("Nobody is paged: EscalationPolicy %s, which escalationPolicyRef names, is not there", ref.Name), nil
	case err != nil:
		return "", fmt.Errorf("get policy %s: %w", ref.Name, err)
	default:
		return "", nil
	}
}

// tell writes the verdict on a source into its status, with what else is to be said of it, and what is new into Events.
func (r *Reconciler) tell(ctx context.Context, source *v1alpha1.AlertSource, judged verdict) error {
	open, err := r.openIncidents(ctx, client.ObjectKeyFromObject(source))
	if err != nil {
		return err
	}
	if err := r.writeStatus(ctx, source, judged, open); err != nil {
		return err
	}
	r.announce(source, judged)
	return r.dropReports(ctx, source)
}

func (r *Reconciler) baseURL() string {
	if r.ExternalURL != "" {
		return r.ExternalURL
	}
	return r.IntakeURL
}

func (r *Reconciler) openIncidents(ctx context.Context, source client.ObjectKey) (int32, error) {
	incidents, err := loop.Incidents(ctx, r.Client, source)
	if err != nil {
		return 0, err
	}
	var open int32
	for i := range incidents {
		if loop.IsUnresolved(&incidents[i]) {
			open++
		}
	}
	return open, nil
}

// announce tells in Events what is new in a verdict.
func (r *Reconciler) announce(source *v1alpha1.AlertSource, now verdict) {
	was := loop.ConditionOf(source.Status.Conditions, v1alpha1.ConditionReady)
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
	if now.unpaged != "" && !strings.Contains(was.Message, now.unpaged) {
		eventNobodyPaged(r.Recorder, source, now)
	}
}

// SetupWithManager registers the controller "alertsource". Its own status writes do not wake it; the intakes' reports do.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("alertsource").WithOptions(loop.ControllerOptions()).
		For(&v1alpha1.AlertSource{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, reportChanged()))).
		Watches(&v1alpha1.Incident{}, loop.SourceOfChanged(openCountDelay)).
		Watches(&v1alpha1.EscalationPolicy{}, handler.EnqueueRequestsFromMapFunc(r.ofPolicy),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(source.Func(r.subscribe)).
		Complete(loop.ReportPanics(r, mgr.GetClient(), r.Recorder, &v1alpha1.AlertSource{}))
	if err != nil {
		return fmt.Errorf("set up controller alertsource: %w", err)
	}
	return nil
}

// ofPolicy are the sources that page by a policy.
func (r *Reconciler) ofPolicy(ctx context.Context, policy client.Object) []reconcile.Request {
	sources, err := loop.SourcesOf(ctx, r.Client, client.ObjectKeyFromObject(policy))
	return loop.RequestsFor(ctx, sources, err)
}

// subscribe hears the directory for as long as the controller's term lasts.
func (r *Reconciler) subscribe(ctx context.Context, queue loop.Requests) error {
	enqueue := &handler.TypedEnqueueRequestForObject[*v1alpha1.AlertSource]{}
	return source.Channel(r.Directory.Subscribe(ctx), enqueue).Start(ctx, queue)
}

// reportChanged lets updates pass in which an intake reported, or a report was dropped.
func reportChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		was, ok := e.ObjectOld.(*v1alpha1.AlertSource)
		is, isSource := e.ObjectNew.(*v1alpha1.AlertSource)
		return ok && isSource && !equality.Semantic.DeepEqual(was.Status.Intake, is.Status.Intake)
	}}
}
