// The itoc360-operator turns Sentry's webhooks into Incidents.
//
// It is one outer manager without leader election, which has the caches, the health checks and the intake on every
// replica; inside it the replicas campaign for the term of office in which one of them runs the controllers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/go-logr/logr"
	uberzap "go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	runtimeutil "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/controllers/term"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
	"github.com/itoc360/itoc360-operator/internal/options"
	"github.com/itoc360/itoc360-operator/internal/panics"
	"github.com/itoc360/itoc360-operator/webhook"
)

// A panic in a handler of an informer's events must not end the process: client-go logs it and goes on with the next event. It and
// controller-runtime, which recovers those of reconciles, call the handlers of panics.
func init() {
	metrics.Registry.MustRegister(panics.Total)
	runtimeutil.ReallyCrash = false
	runtimeutil.PanicHandlers = append(runtimeutil.PanicHandlers, func(context.Context, any) {
		panics.Total.WithLabelValues("controller").Inc()
	})
}

func main() {
	os.Exit(start(os.Args[1:], os.Stderr))
}

// start parses the flags, runs the operator until a signal, and gives the exit code.
func start(arguments []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("itoc360-operator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	operator := options.New()
	operator.Bind(flags)
	config.RegisterFlags(flags)
	logging := zap.Options{}
	logging.BindFlags(flags)
	version := flags.Bool("version", false, "Print the version and exit.")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case *version:
		fmt.Fprintln(stderr, options.Version())
		return 0
	}
	if err := operator.Complete(flags.Args()); err != nil {
		fmt.Fprintf(stderr, "itoc360-operator: %v\nRun itoc360-operator --help for the flags.\n", err)
		return 2
	}
	logger := newLogger(&logging)
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	if err := runUntilSignal(operator); err != nil {
		logger.Error(err, "The operator ended")
		return 1
	}
	return 0
}

// newLogger is the logger that the flags describe. From verbosity 6 on, client-go logs what it reads and writes, Secrets
// included: so much is never logged.
func newLogger(logging *zap.Options, more ...zap.Opts) logr.Logger {
	return zap.New(append([]zap.Opts{zap.UseFlagOptions(logging), withoutBodies}, more...)...)
}

func withoutBodies(logging *zap.Options) {
	wanted := logging.Level
	if wanted == nil {
		return
	}
	logging.Level = uberzap.LevelEnablerFunc(func(level zapcore.Level) bool {
		return level >= mostVerbose && wanted.Enabled(level)
	})
}

// mostVerbose is verbosity 5 as zap counts it.
const mostVerbose = zapcore.Level(-5)

func runUntilSignal(operator *options.Options) error {
	cfg, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the API server (--kubeconfig, KUBECONFIG or the Pod's ServiceAccount): %w", err)
	}
	return run(ctrl.SetupSignalHandler(), cfg, operator, net.Listen)
}

// drainGrace is how long, after the shutdown delay, accepted signals and running reconciles have to come to an end.
const drainGrace = 108 * time.Second

// listen opens the intake's listener; a test learns its address there.
type listen func(network, address string) (net.Listener, error)

// run runs the operator until the context ends.
func run(ctx context.Context, cfg *rest.Config, operator *options.Options, listen listen) error {
	listener, err := listen("tcp", operator.IntakeAddress)
	if err != nil {
		return fmt.Errorf("listen for webhooks (--intake-bind-address): %w", err)
	}
	defer func() { _ = listener.Close() }()
	serverClock := webhook.NewServerClock(clock.RealClock{})
	mgr, err := newManager(cfg, serverClock, operator)
	if err != nil {
		return err
	}
	intake, err := addIntake(ctx, mgr, listener, serverClock, operator)
	if err != nil {
		return err
	}
	if err := addControllers(ctx, mgr, intake, operator); err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("process", healthz.Ping); err != nil {
		return fmt.Errorf("add the health check: %w", err)
	}
	if err := mgr.AddReadyzCheck("intake", intake.Server.Ready); err != nil {
		return fmt.Errorf("add the readiness check: %w", err)
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run the manager: %w", err)
	}
	return nil
}

// newManager makes the outer manager: caches, health and metrics, without leader election.
func newManager(cfg *rest.Config, serverClock *webhook.ServerClock, operator *options.Options) (manager.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("register the API: %w", err)
		}
	}
	cfg = rest.CopyConfig(cfg)
	// The API server's priority and fairness limits us better than we could: a storm must not wait for a bucket of ours.
	cfg.QPS = -1
	cfg.Wrap(serverClock.Wrap)
	cacheOptions := cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject:         map[client.Object]cache.ByObject{&v1alpha1.Incident{}: {Transform: keepWhole(lifecycle.Transform)}},
	}
	if namespaces := operator.Namespaces(); len(namespaces) > 0 {
		cacheOptions.DefaultNamespaces = map[string]cache.Config{}
		for _, namespace := range namespaces {
			cacheOptions.DefaultNamespaces[namespace] = cache.Config{}
		}
	}
	grace := operator.ShutdownDelay + drainGrace
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme:                  scheme,
		Cache:                   cacheOptions,
		Metrics:                 metricsserver.Options{BindAddress: operator.MetricsAddress},
		HealthProbeBindAddress:  operator.HealthAddress,
		PprofBindAddress:        operator.ProfileAddress,
		GracefulShutdownTimeout: &grace,
	})
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	return mgr, nil
}

// keepWhole makes a cache's transform keep an object as it is if it panics: else the cache would have no more of the others either.
func keepWhole(transform toolscache.TransformFunc) toolscache.TransformFunc {
	return func(object any) (kept any, err error) {
		err = panics.CatchError(ctrl.Log, "cache", func() (err error) {
			kept, err = transform(object)
			return err
		})
		if panics.Is(err) {
			return object, nil
		}
		return kept, err
	}
}

func addIntake(
	ctx context.Context, mgr manager.Manager, listener net.Listener, serverClock *webhook.ServerClock, operator *options.Options,
) (*webhook.Intake, error) {
	intakeOptions := webhook.Options{
		Listener:      listener,
		ShutdownDelay: operator.ShutdownDelay,
		AnswerTimeout: operator.AnswerTimeout,
		Replica:       operator.Replica,
		ServerClock:   serverClock,
		SpoolDir:      operator.SpoolDir,
		SpoolMaxBytes: operator.SpoolMaxBytes.Value(),
		Trouble:       eventOnPod(mgr, operator),
	}
	if operator.CertificateFile != "" {
		certificates, err := certwatcher.New(operator.CertificateFile, operator.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificate (--intake-tls-cert-file): %w", err)
		}
		if err := mgr.Add(certificates); err != nil {
			return nil, fmt.Errorf("watch the certificate: %w", err)
		}
		intakeOptions.Certificates = certificates
	}
	intake, err := webhook.Add(ctx, mgr, intakeOptions)
	if err != nil {
		return nil, fmt.Errorf("add the intake: %w", err)
	}
	return intake, nil
}

// eventOnPod tells of trouble in an Event on this replica's Pod.
func eventOnPod(mgr manager.Manager, operator *options.Options) func(reason, message string) {
	recorder := mgr.GetEventRecorder("itoc360-operator")
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: operator.Namespace, Name: operator.Replica, UID: types.UID(operator.PodUID),
	}}
	return func(reason, message string) {
		recorder.Eventf(pod, nil, corev1.EventTypeWarning, reason, "Spool", "%s", message)
	}
}

// addControllers adds the campaign for the term in which this replica runs the controllers.
func addControllers(ctx context.Context, mgr manager.Manager, intake *webhook.Intake, operator *options.Options) error {
	if err := loop.AddIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("add the controllers: %w", err)
	}
	office := &notify.Office{
		Client: notify.NewClient(), SlackURL: operator.SlackURL, PagerDutyURL: operator.PagerDutyURL,
		Log: mgr.GetLogger().WithName("notify"), Now: clock.RealClock{}.Now,
	}
	campaign := &term.Campaign{
		Outer:       mgr,
		LeaderElect: operator.LeaderElect,
		Namespace:   operator.Namespace,
		Identity:    operator.Replica,
		LeaseName:   "itoc360-operator",
		Setup: func(mgr manager.Manager) error {
			return controllers.Setup(mgr, controllers.Options{
				Directory:   intake.Directory,
				Inbox:       intake.Inbox,
				Intake:      intake.Inbox,
				Known:       intake,
				Office:      office,
				ExternalURL: operator.ExternalURL,
				IntakeURL:   operator.IntakeURL(),
				Clock:       clock.RealClock{},
			})
		},
	}
	if err := mgr.Add(campaign); err != nil {
		return fmt.Errorf("add the campaign: %w", err)
	}
	return nil
}
