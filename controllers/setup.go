package controllers

import (
	"fmt"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/itoc360/itoc360-operator/controllers/alertsource"
	"github.com/itoc360/itoc360-operator/controllers/channel"
	"github.com/itoc360/itoc360-operator/controllers/delivery"
	"github.com/itoc360/itoc360-operator/controllers/incident"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/controllers/policy"
	"github.com/itoc360/itoc360-operator/controllers/resync"
	"github.com/itoc360/itoc360-operator/controllers/schedule"
	"github.com/itoc360/itoc360-operator/internal/notify"
	sentryapi "github.com/itoc360/itoc360-operator/internal/sentry/client"
)

// eventComponent is who the Events are reported by.
const eventComponent = "itoc360-operator"

// Options are what the controllers need of the process around them.
type Options struct {
	// Directory is what the intake knows of Secrets and tokens.
	Directory alertsource.Directory
	// Inbox is the intake's.
	Inbox Inbox
	// Intake goes first; nil for none.
	Intake loop.Intake
	// Known tells what the intake knows.
	Known resync.Intake
	// Office makes targets of channels.
	Office *notify.Office
	// ExternalURL is where Sentry reaches the intake; empty if nobody said.
	ExternalURL string
	// IntakeURL is where the intake is reached inside the cluster.
	IntakeURL string
	// Clock says what time it is. Default: the real one.
	Clock clock.Clock
}

// Inbox takes what controllers have to say of alerts.
type Inbox interface {
	incident.Inbox
	resync.Inbox
}

// Setup registers all controllers with a manager. The indexes of loop.AddIndexes must be there already. It may be called
// once for each of several managers of one process, as terms of office follow each other.
func Setup(mgr ctrl.Manager, options Options) error {
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	recorder := loop.CalmRecorder(mgr.GetEventRecorder(eventComponent))
	sources := &alertsource.Reconciler{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Recorder: recorder, Directory: options.Directory,
		ExternalURL: options.ExternalURL, IntakeURL: options.IntakeURL, Clock: options.Clock, Intake: options.Intake,
	}
	health := &channel.Health{}
	dispatcher := &delivery.Dispatcher{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Office: options.Office, Outcomes: health, Recorder: recorder,
		Clock: options.Clock,
	}
	if err := mgr.Add(dispatcher); err != nil {
		return fmt.Errorf("add the dispatcher: %w", err)
	}
	channels := &channel.Reconciler{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Recorder: recorder, Office: options.Office, Health: health,
		Clock: options.Clock,
	}
	policies := &policy.Reconciler{Client: mgr.GetClient(), Recorder: recorder, Clock: options.Clock}
	schedules := &schedule.Reconciler{Client: mgr.GetClient(), Recorder: recorder, Clock: options.Clock}
	incidents := &incident.Reconciler{
		Client: mgr.GetClient(), Recorder: recorder, Clock: options.Clock, Inbox: options.Inbox, Dispatcher: dispatcher,
		Intake: options.Intake,
	}
	feeds := resync.NewReconciler(resync.Deps{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Inbox: options.Inbox, Intake: options.Known, Recorder: recorder,
		Clock: options.Clock, Limiters: sentryapi.NewLimiters(sentryapi.Limits{}, options.Clock),
	})
	retention := &incident.Retention{Client: mgr.GetClient(), Recorder: recorder, Clock: options.Clock, Intake: options.Intake}
	registrations := []func(ctrl.Manager) error{
		sources.SetupWithManager, incidents.SetupWithManager, retention.SetupWithManager,
		feeds.SetupWithManager, resync.NewWriteBack(feeds).SetupWithManager,
		channels.SetupWithManager, policies.SetupWithManager, schedules.SetupWithManager,
	}
	for _, register := range registrations {
		if err := register(mgr); err != nil {
			return err
		}
	}
	return nil
}
