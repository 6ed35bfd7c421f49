package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/panics"
	"github.com/itoc360/itoc360-operator/webhook/inbox"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/spool"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// Users' Secrets bear any name; the Directory reads exactly those that AlertSources refer to.
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch
// +kubebuilder:rbac:groups=itoc360.io,resources=alertsources,verbs=get;list;watch
// +kubebuilder:rbac:groups=itoc360.io,resources=alertsources/status,verbs=patch
// +kubebuilder:rbac:groups=itoc360.io,resources=incidents,verbs=get;list;watch;create;patch;record

// Options are what an intake needs to know.
type Options struct {
	// Listener takes the connections.
	Listener net.Listener
	// Certificates serve TLS; nil for plain HTTP.
	Certificates *certwatcher.CertWatcher
	// ShutdownDelay is how long serving goes on after the stop.
	ShutdownDelay time.Duration
	// AnswerTimeout is when an answer is due: what is not recorded by then is answered 503. Default: 900ms.
	AnswerTimeout time.Duration
	// SpoolDir is where to keep on disk what cannot be recorded in time; empty for nowhere.
	SpoolDir string
	// SpoolMaxBytes is how large that may become.
	SpoolMaxBytes int64
	// Trouble hears what is wrong with the spool. Default: nobody.
	Trouble func(reason, message string)
	// ServerClock is the API server's clock. Default: the operator's own.
	ServerClock *ServerClock
	// Replica is this process's name among the replicas.
	Replica string
}

// Intake is the whole of it, put together.
type Intake struct {
	Directory *sources.Directory
	Inbox     *inbox.Inbox
	Server    *Server

	handler *Handler
	store   *store.Store
	log     logr.Logger
	// helpers serve the server, and outlive it; by their names.
	helpers map[string]manager.Runnable
	// spool is nil if there is none; it outlives all.
	spool *spool.Spool
}

// Strangers is how many requests of the last hour bore a token that is no source's.
func (i *Intake) Strangers() int { return i.handler.strangers.lastHour() }

// Latest is an alert's latest Incident, or its stub, as this replica knows it, nil if it knows of none. It must not be changed.
func (i *Intake) Latest(ctx context.Context, source types.NamespacedName, key v1alpha1.AlertKey) (*v1alpha1.Incident, error) {
	latest, err := i.store.Latest(ctx, source, key)
	if err != nil {
		return nil, fmt.Errorf("look for the Incident: %w", err)
	}
	return latest, nil
}

// NeedLeaderElection is false: every replica takes deliveries. It also makes the manager start the intake after the
// caches, and stop it before them.
func (i *Intake) NeedLeaderElection() bool { return false }

// Start serves until the context ends. Until the server has drained, the directory still follows what changes.
func (i *Intake) Start(ctx context.Context) error {
	group, drained := errgroup.WithContext(context.WithoutCancel(ctx))
	drained, stop := context.WithCancel(drained)
	if i.spool != nil {
		i.spool.Start(i.Inbox.Restore)
	}
	serving, end := context.WithCancel(ctx)
	defer end()
	for name, helper := range i.helpers {
		group.Go(func() error {
			defer end()
			return panics.KeepRunning(drained, i.log, name, helper.Start)
		})
	}
	group.Go(func() error {
		defer stop()
		return panics.CatchError(i.log, "intake server", func() error { return i.Server.Start(serving) })
	})
	err := group.Wait()
	if i.spool == nil {
		return err
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(err, i.spool.Close(closing))
}

// Add puts an intake into a manager without leader election.
func Add(ctx context.Context, mgr manager.Manager, options Options) (*Intake, error) {
	if err := store.AddIndex(ctx, mgr.GetFieldIndexer()); err != nil {
		return nil, err
	}
	secrets, err := kubernetes.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("make a client for Secrets: %w", err)
	}
	realClock := clock.RealClock{}
	log := mgr.GetLogger().WithName("intake")
	directory := sources.NewDirectory(mgr.GetCache(), secrets, realClock)
	directory.Log = log
	recorder := store.New(mgr.GetClient(), mgr.GetCache(), mgr.GetAPIReader(), directory, realClock)
	if options.ServerClock != nil {
		recorder.UseServerClock(options.ServerClock.Now)
	}
	if options.Trouble == nil {
		options.Trouble = func(string, string) {}
	}
	if options.AnswerTimeout == 0 {
		options.AnswerTimeout = answerTimeout
	}
	letters, kept := newInbox(recorder, directory, options, log)
	reporter := NewReporter(mgr.GetClient(), options.Replica, realClock, log)
	reporter.Watch(letters.Problems, directory)
	handler := NewHandler(directory, letters, reporter, realClock, log)
	handler.AnswerTimeout = options.AnswerTimeout
	server := &Server{
		Handler:       handler,
		Inbox:         letters,
		Directory:     directory,
		Listener:      options.Listener,
		Certificates:  options.Certificates,
		ShutdownDelay: options.ShutdownDelay,
		Log:           log,
	}
	intake := &Intake{
		Directory: directory,
		Inbox:     letters,
		Server:    server,
		handler:   handler,
		store:     recorder,
		log:       log,
		helpers: map[string]manager.Runnable{
			"source directory": directory, "inbox": letters, "reporter": reporter,
			"rescuer":        &store.Rescuer{Directory: directory, Store: recorder, Log: log},
			"resolved watch": &resolvedWatch{mgr.GetCache(), letters, realClock, log},
		},
		spool: kept,
	}
	if err := mgr.Add(intake); err != nil {
		return nil, fmt.Errorf("add to the manager: %w", err)
	}
	return intake, nil
}

// newInbox makes an inbox, with the spool behind it if there is to be one.
func newInbox(recorder inbox.Recorder, named store.Named, options Options, log logr.Logger) (*inbox.Inbox, *spool.Spool) {
	settings := inbox.Options{Named: named, Clock: clock.RealClock{}, Log: log, Reserve: options.AnswerTimeout / reservedPart}
	if options.SpoolDir == "" {
		return inbox.New(recorder, settings), nil
	}
	disk := spool.New(spool.Options{
		Dir: options.SpoolDir, MaxBytes: options.SpoolMaxBytes, Trouble: options.Trouble, Log: log.WithName("spool"),
	})
	settings.Disk = disk
	return inbox.New(recorder, settings), disk
}
