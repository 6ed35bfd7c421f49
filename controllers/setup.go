package controllers

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	// eventComponent is who the Events are reported by.
	eventComponent = "itoc360-operator"
	// workers is how many objects of one kind are reconciled at the same time. Few: a storm of status writes would
	// take the API server's time from the intake.
	workers = 4
	// openCountDelay gathers the changes of a source's Incidents into one write of openIncidents.
	openCountDelay = 5 * time.Second
	// retentionDelay gathers the resolves of a source's Incidents into one look at its retention. Nothing is due within
	// an hour of its resolve, so there is no hurry.
	retentionDelay = time.Minute
)

// Options are what the controllers need of the process around them.
type Options struct {
	// Directory is what the intake knows of Secrets and tokens.
	Directory Directory
	// Silence is the intake's inbox.
	Silence SilenceRecorder
	// ExternalURL is where Sentry reaches the intake; empty if nobody said.
	ExternalURL string
	// IntakeURL is where the intake is reached inside the cluster.
	IntakeURL string
	// Clock says what time it is. Default: the real one.
	Clock clock.PassiveClock
}

// Setup registers all controllers with a manager. The indexes of AddIndexes must be there already. It may be called
// once for each of several managers of one process, as terms of office follow each other.
func Setup(mgr ctrl.Manager, options Options) error {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	recorder := mgr.GetEventRecorder(eventComponent)
	sources := &AlertSourceReconciler{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Recorder: recorder, Directory: options.Directory,
		ExternalURL: options.ExternalURL, IntakeURL: options.IntakeURL, Clock: options.Clock,
	}
	incidents := &IncidentReconciler{Client: mgr.GetClient(), Recorder: recorder, Clock: options.Clock, Silence: options.Silence}
	retention := &RetentionReconciler{Client: mgr.GetClient(), Clock: options.Clock}
	registrations := []func(ctrl.Manager) error{
		sources.SetupWithManager, incidents.SetupWithManager, retention.SetupWithManager,
	}
	for _, register := range registrations {
		if err := register(mgr); err != nil {
			return err
		}
	}
	return nil
}

// SetupWithManager registers the controller "alertsource". Its own status writes do not wake it; the intakes' reports do.
func (r *AlertSourceReconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("alertsource").WithOptions(controllerOptions()).
		For(&v1alpha1.AlertSource{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, reportChanged()))).
		Watches(&v1alpha1.Incident{}, sourceOfChanged(openCountDelay)).
		WatchesRawSource(source.Func(r.subscribe)).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up controller alertsource: %w", err)
	}
	return nil
}

// subscribe hears the directory for as long as the controller's term lasts.
func (r *AlertSourceReconciler) subscribe(ctx context.Context, queue requests) error {
	enqueue := &handler.TypedEnqueueRequestForObject[*v1alpha1.AlertSource]{}
	return source.Channel(r.Directory.Subscribe(ctx), enqueue).Start(ctx, queue)
}

// SetupWithManager registers the controller "incident". Its own status writes do not wake it.
func (r *IncidentReconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("incident").WithOptions(controllerOptions()).
		For(&v1alpha1.Incident{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.AlertSource{}, handler.EnqueueRequestsFromMapFunc(r.unresolvedOf),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up controller incident: %w", err)
	}
	return nil
}

// unresolvedOf are the Incidents for which a change of their source's autoResolveAfter matters.
func (r *IncidentReconciler) unresolvedOf(ctx context.Context, source client.Object) []reconcile.Request {
	incidents, err := listIncidents(ctx, r.Client, client.ObjectKeyFromObject(source))
	if err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "Listing the incidents of a changed source")
		return nil
	}
	var requests []reconcile.Request
	for i := range incidents {
		if isUnresolved(&incidents[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&incidents[i])})
		}
	}
	return requests
}

// SetupWithManager registers the controller "retention".
func (r *RetentionReconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("retention").WithOptions(controllerOptions()).
		For(&v1alpha1.AlertSource{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Incident{}, sourceOfChanged(retentionDelay)).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up controller retention: %w", err)
	}
	return nil
}

// controllerOptions lets names repeat: each term of office registers the same controllers anew.
func controllerOptions() controller.Options {
	return controller.Options{MaxConcurrentReconciles: workers, SkipNameValidation: ptr.To(true)}
}
