package resync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/panics"
	sentryapi "github.com/itoc360/itoc360-operator/internal/sentry/client"
)

const (
	// secretsAgain is how soon a source's Secrets are looked at again, of which no watch tells.
	secretsAgain = 5 * time.Minute
	// secretsHealing is how soon that is if something is wrong with them.
	secretsHealing = 30 * time.Second
)

// Reconciler gives each source that names a token a feed, as long as it does.
type Reconciler struct {
	Deps

	mu    sync.Mutex
	feeds map[types.NamespacedName]*running
	// base ends with the term of office; feeds end with it.
	base  context.Context //nolint:containedctx // feeds outlive the reconcile that starts them
	end   context.CancelFunc
	group sync.WaitGroup
}

// running is a feed at work.
type running struct {
	*feed

	settings settings
	stop     context.CancelFunc
}

// settings are what a feed must be made anew for.
type settings struct {
	uid                   types.UID
	baseURL, organization string
	token, roots          [sha256.Size]byte
}

// NewReconciler makes a Reconciler without feeds.
func NewReconciler(deps Deps) *Reconciler {
	base, end := context.WithCancel(context.Background())
	return &Reconciler{Deps: deps, feeds: map[types.NamespacedName]*running{}, base: base, end: end}
}

// +kubebuilder:rbac:groups=itoc360.io,resources=alertsources,verbs=get;list;watch
// +kubebuilder:rbac:groups=itoc360.io,resources=alertsources/status,verbs=patch
// +kubebuilder:rbac:groups=itoc360.io,resources=incidents,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups="";events.k8s.io,resources=events,verbs=create;patch

// Reconcile starts, changes or ends a source's feed.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	source := &v1alpha1.AlertSource{}
	err := r.Client.Get(ctx, request.NamespacedName, source)
	if err != nil || source.DeletionTimestamp != nil {
		r.stop(request.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if err := r.tellSince(ctx, source); err != nil {
		return loop.Again(err)
	}
	if !source.AsksSentry() {
		r.stop(request.NamespacedName)
		return r.withoutToken(ctx, source)
	}
	options, found, err := r.connect(ctx, source)
	if err == nil {
		err = r.start(ctx, source, options, found)
	}
	var wrong *setUpError
	switch {
	case errors.As(err, &wrong):
		r.stop(request.NamespacedName)
		return r.tellProblem(ctx, source, wrong)
	case err != nil:
		return loop.Again(err)
	default:
		return ctrl.Result{RequeueAfter: secretsAgain}, nil
	}
}

// withoutToken says that Sentry's API is not asked.
func (r *Reconciler) withoutToken(ctx context.Context, source *v1alpha1.AlertSource) (ctrl.Result, error) {
	synced, arrive := withoutToken(v1alpha1.ConditionInSync), withoutToken(v1alpha1.ConditionDelivering)
	if err := r.apply(ctx, source, nil, conditions{inSync: &synced, delivering: &arrive}); err != nil {
		return loop.Again(err)
	}
	if err := r.alarm(ctx, source, arrive); err != nil {
		return loop.Again(err)
	}
	return ctrl.Result{}, nil
}

// tellProblem says what is wrong with what the source refers to.
func (r *Reconciler) tellProblem(ctx context.Context, source *v1alpha1.AlertSource, wrong *setUpError) (ctrl.Result, error) {
	trouble := troubleOf(wrong, source)
	if err := r.apply(ctx, source, source.Status.Resync, conditions{inSync: &trouble}); err != nil {
		return loop.Again(err)
	}
	return ctrl.Result{RequeueAfter: secretsHealing}, nil
}

// connect reads what a source's connection to Sentry needs.
func (r *Reconciler) connect(ctx context.Context, source *v1alpha1.AlertSource) (sentryapi.Options, settings, error) {
	spec := source.Spec.Sentry
	found := settings{uid: source.UID, baseURL: spec.BaseURL, organization: spec.Organization}
	options := sentryapi.Options{
		BaseURL: spec.BaseURL, Organization: spec.Organization, Limiters: r.Limiters,
		Name: source.Namespace + "/" + source.Name, Clock: r.Clock, Retries: r.Retries,
	}
	token, err := r.secret(ctx, source.Namespace, *spec.AuthTokenRef)
	if err != nil {
		return options, found, err
	}
	options.Token, found.token = string(token), sha256.Sum256(token)
	if spec.CARef == nil {
		return options, found, nil
	}
	certificates, err := r.secret(ctx, source.Namespace, *spec.CARef)
	if err != nil {
		return options, found, err
	}
	options.RootCAs, found.roots = x509.NewCertPool(), sha256.Sum256(certificates)
	if !options.RootCAs.AppendCertsFromPEM(certificates) {
		return options, found, problem(v1alpha1.ReasonCertificateInvalid,
			"Key %s of Secret %s, which caRef names, holds no certificate in PEM", spec.CARef.Key, spec.CARef.Name)
	}
	return options, found, nil
}

// secret is what a key of a Secret holds.
func (r *Reconciler) secret(ctx context.Context, namespace string, ref v1alpha1.SecretKeyReference) ([]byte, error) {
	secret := &corev1.Secret{}
	err := r.APIReader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref.Name}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, problem(v1alpha1.ReasonSecretMissing, "Secret %s is missing; it should hold the key %s", ref.Name, ref.Key)
	case err != nil:
		return nil, fmt.Errorf("get Secret %s: %w", ref.Name, err)
	}
	// Editors leave a line break behind what they write.
	value := bytes.TrimSpace(secret.Data[ref.Key])
	if len(value) == 0 {
		return nil, problem(v1alpha1.ReasonSecretMissing, "Secret %s lacks the key %s, or it is empty", ref.Name, ref.Key)
	}
	return value, nil
}

// start makes a feed of a source, unless the one that runs is as it should be.
func (r *Reconciler) start(ctx context.Context, source *v1alpha1.AlertSource, options sentryapi.Options, wanted settings) error {
	name := client.ObjectKeyFromObject(source)
	r.mu.Lock()
	known := r.feeds[name]
	r.mu.Unlock()
	if known != nil && known.settings == wanted {
		known.hurry(source)
		return nil
	}
	r.stop(name)
	connection, err := sentryapi.New(options)
	if err != nil {
		return problem(v1alpha1.ReasonAuthTokenInvalid, "Sentry cannot be asked: %v", err)
	}
	one := newFeed(r.Deps, source, connection, log.FromContext(ctx).WithName("resync").WithValues("source", name))
	running := &running{feed: one, settings: wanted}
	var base context.Context
	base, running.stop = context.WithCancel(r.base)
	r.mu.Lock()
	defer r.mu.Unlock()
	if base.Err() != nil {
		running.stop()
		return nil
	}
	r.feeds[name] = running
	r.group.Go(func() {
		defer connection.Close()
		// The loop gives no error.
		_ = panics.KeepRunning(base, one.log, "resync", func(ctx context.Context) error {
			one.run(ctx)
			return nil
		})
	})
	return nil
}

func (r *Reconciler) stop(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.feeds[name]; known != nil {
		known.stop()
		delete(r.feeds, name)
	}
}

// feedOf is a source's feed, nil if it has none.
func (r *Reconciler) feedOf(name types.NamespacedName) *feed {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.feeds[name]; known != nil {
		return known.feed
	}
	return nil
}

// Start waits for the end of the term of office, and then for the feeds to end.
func (r *Reconciler) Start(ctx context.Context) error {
	<-ctx.Done()
	// No feed begins once the lock is free.
	r.mu.Lock()
	r.end()
	r.mu.Unlock()
	r.group.Wait()
	return nil
}

// SetupWithManager registers the controller "resync".
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	if err := mgr.Add(r); err != nil {
		return fmt.Errorf("add the feeds: %w", err)
	}
	err := ctrl.NewControllerManagedBy(mgr).Named("resync").WithOptions(loop.ControllerOptions()).
		For(&v1alpha1.AlertSource{}, builder.WithPredicates(
			predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Watches(&v1alpha1.Incident{}, r.listen()).
		Complete(loop.ReportPanics(r, mgr.GetClient(), r.Recorder, &v1alpha1.AlertSource{}))
	if err != nil {
		return fmt.Errorf("set up controller resync: %w", err)
	}
	return nil
}
