package delivery

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/incident"
	"github.com/itoc360/itoc360-operator/hack/receivers"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/notify"
)

// errDead is what a dead process gets from the API server: there is nothing that it could still do.
var errDead = apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("incidents").GroupResource(), "for the dead")

// crashPoint is where a process dies: right after its numbered write, whose success it does not hear of, or when a receiver has
// its numbered message and the sender does not know yet. Before a write is after the one before it, or at the message between
// them. Number 0 is nowhere.
type crashPoint struct {
	at     string
	number int32
}

const (
	afterWrite = "after write"
	atMessage  = "at message"
)

func (p crashPoint) String() string { return fmt.Sprintf("%s %d", p.at, p.number) }

// drama is an Incident that comes up, is acknowledged and is resolved, told to a channel of each kind, by a process that dies
// once, and its successor. Time goes by only while nothing is under way.
type drama struct {
	*testing.T

	dies             crashPoint
	writes, messages atomic.Int32
	namespace        string
	clock            *clocktesting.FakeClock
	source           client.ObjectKey
	incident         client.ObjectKey
	slack            *receivers.Slack
	hook             *receivers.Webhook
	duty             *receivers.PagerDuty
	mail             *receivers.MailServer
	office           *notify.Office
	// process is the one that lives; alerts is what Alertmanager told people.
	process atomic.Pointer[process]
	mu      sync.Mutex
	alerts  []string
}

// process is an operator: its reconciler and its dispatcher, and what both do to the API server.
type process struct {
	drama      *drama
	dead       atomic.Bool
	reconciler *incident.Reconciler
	dispatcher *Dispatcher
}

// write does a write, unless the process is dead.
func (p *process) write(do func() error) error {
	if p.dead.Load() {
		return errDead
	}
	number := p.drama.writes.Add(1)
	err := do()
	if p.drama.dies == (crashPoint{afterWrite, number}) {
		p.dead.Store(true)
	}
	if p.dead.Load() {
		return errDead
	}
	return err
}

// received counts a message, at which the process may die.
func (d *drama) received() {
	if d.dies == (crashPoint{atMessage, d.messages.Add(1)}) {
		d.process.Load().dead.Store(true)
	}
}

// client is the process's way to the API server.
func (p *process) client() client.Client {
	return interceptor.NewClient(control.Client(p.drama.T), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, into client.Object, options ...client.GetOption) error {
			if p.dead.Load() {
				return errDead
			}
			return c.Get(ctx, key, into, options...)
		},
		// The operator watches this namespace alone: the others have operators of their own.
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			if p.dead.Load() {
				return errDead
			}
			return c.List(ctx, list, append(options, client.InNamespace(p.drama.namespace))...)
		},
		Patch: func(
			ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption,
		) error {
			return p.write(func() error { return c.Patch(ctx, object, patch, options...) })
		},
		SubResourcePatch: func(
			ctx context.Context, c client.Client, subResource string, object client.Object, patch client.Patch,
			options ...client.SubResourcePatchOption,
		) error {
			return p.write(func() error { return c.SubResource(subResource).Patch(ctx, object, patch, options...) })
		},
	})
}

// noInbox is told nothing.
type noInbox struct{ *testing.T }

func (t noInbox) RecordSilence(context.Context, types.NamespacedName, v1alpha1.AlertKey) error {
	t.Error("the inbox is told of silence")
	return nil
}

func (t noInbox) RecordAcknowledgementTimeout(context.Context, types.NamespacedName, v1alpha1.AlertKey, time.Time) error {
	t.Error("the inbox is told of a timeout")
	return nil
}

// start starts a process, in place of the one before.
func (d *drama) start() {
	p := &process{drama: d}
	c := p.client()
	p.dispatcher = &Dispatcher{Client: c, APIReader: c, Office: d.office, Outcomes: &noted{}, Clock: d.clock}
	p.reconciler = &incident.Reconciler{
		Client: c, Recorder: events.NewFakeRecorder(1000), Clock: d.clock, Inbox: noInbox{d.T}, Dispatcher: p.dispatcher,
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.dispatcher.Start(ctx)
	}()
	d.process.Store(p)
	d.Cleanup(func() {
		p.dead.Store(true)
		cancel()
		<-ended
	})
}

// isIdle tells whether a dispatcher has nothing under way, and nothing that may be tried now.
func (d *Dispatcher) isIdle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, q := range d.queues {
		q.mu.Lock()
		ready, _ := q.ready(d.now())
		isBusy := q.sending > 0 || len(ready) > 0
		q.mu.Unlock()
		if isBusy {
			return false
		}
	}
	return true
}

// goOn lets time go by until something holds, with a new process if one has died.
func (d *drama) goOn(what string, holds func(*v1alpha1.Incident) bool) {
	d.Helper()
	testbed.Eventually(d, what, func(ctx context.Context) bool {
		found := &v1alpha1.Incident{}
		testbed.Must(d.T, control.Client(d.T).Get(ctx, d.incident, found))
		if holds(found) {
			return true
		}
		p := d.process.Load()
		if p.dead.Load() {
			d.start()
			return false
		}
		_, err := p.reconciler.Reconcile(ctx, ctrl.Request{NamespacedName: d.incident})
		if err != nil && !p.dead.Load() {
			d.Errorf("reconcile: %v", err)
		}
		if p.dispatcher.isIdle() {
			d.clock.Step(500 * time.Millisecond)
		}
		return false
	})
}

// allTold tells whether each channel was told something of a kind.
func allTold(kind v1alpha1.NotificationKind) func(*v1alpha1.Incident) bool {
	return func(incident *v1alpha1.Incident) bool {
		count := 0
		for _, entry := range incident.Status.Notifications {
			if entry.Kind == kind && entry.State == v1alpha1.NotificationSent {
				count++
			}
		}
		return count == len(crashChannels)
	}
}

var crashChannels = []string{"slack", "hook", "mail", "duty", "alerts"}

// newDrama makes receivers of each kind, a policy that tells them all at once, and an Incident.
func newDrama(t *testing.T, alertmanager *sharedAlertmanager, dies crashPoint) *drama {
	t.Helper()
	c := control.Client(t)
	// In the past, as far as Alertmanager is concerned: an end must not lie ahead of its clock.
	began := time.Now().Add(-3 * time.Minute).Truncate(time.Microsecond)
	d := &drama{T: t, dies: dies, namespace: testbed.Namespace(t, c), clock: clocktesting.NewFakeClock(began)}
	d.slack = &receivers.Slack{
		Token: testbed.SlackToken, Unexpected: t.Errorf, Seen: func(receivers.SlackMessage) { d.received() },
	}
	d.hook = &receivers.Webhook{Secret: testbed.SigningSecret, Unexpected: t.Errorf, Seen: func(receivers.Delivery) { d.received() }}
	d.duty = &receivers.PagerDuty{
		RoutingKey: testbed.RoutingKey, Unexpected: t.Errorf, Seen: func(receivers.PagerDutyEvent) { d.received() },
	}
	d.mail = &receivers.MailServer{Unexpected: t.Errorf, Seen: func(receivers.Mail) { d.received() }}
	slack, hook, duty := httptest.NewServer(d.slack), httptest.NewServer(d.hook), httptest.NewServer(d.duty)
	t.Cleanup(slack.Close)
	t.Cleanup(hook.Close)
	t.Cleanup(duty.Close)
	address, stop, err := d.mail.Start()
	testbed.Must(t, err)
	t.Cleanup(stop)
	alertmanager.watch(d)
	d.office = &notify.Office{Client: notify.NewClient(), SlackURL: slack.URL + "/", PagerDutyURL: duty.URL, Now: d.clock.Now}
	named := func(name string) types.NamespacedName {
		return types.NamespacedName{Namespace: d.namespace, Name: name}
	}
	d.source = named("payments")
	testbed.CreateChannelsSecret(t, c, d.namespace, hook.URL)
	for _, object := range []client.Object{
		testbed.NewSlackChannel(named("slack")), testbed.NewWebhookChannel(named("hook")),
		testbed.NewEmailChannel(named("mail"), address.Port, v1alpha1.SMTPNone), testbed.NewPagerDutyChannel(named("duty")),
		testbed.NewAlertmanagerChannel(named("alerts"), alertmanager.proxy(d)),
		testbed.NewPolicy(d.source, testbed.Step("all", 0, crashChannels...)),
		testbed.NewAlertSource(d.source, func(source *v1alpha1.AlertSource) {
			source.Spec.EscalationPolicyRef = &v1alpha1.PolicyReference{Name: d.source.Name}
		}),
	} {
		testbed.Must(t, c.Create(t.Context(), object))
	}
	opened := testbed.NewIncident(d.source, v1alpha1.IssueKey("1"), 1, d.signal(v1alpha1.SignalAlert, v1alpha1.EffectOpened))
	testbed.Must(t, c.Create(t.Context(), opened))
	d.incident = client.ObjectKeyFromObject(opened)
	return d
}

// signal is one that comes in now.
func (d *drama) signal(event v1alpha1.SignalEvent, effect v1alpha1.SignalEffect) v1alpha1.Signal {
	signal := testbed.SignalAt(0, event, effect)
	signal.Time = metav1.NewMicroTime(d.clock.Now())
	signal.ReceivedAt = signal.Time
	return signal
}

func (d *drama) change(change func(*v1alpha1.IncidentSpec)) {
	d.Helper()
	testbed.Eventually(d, "the Incident is changed", func(ctx context.Context) bool {
		found := &v1alpha1.Incident{}
		testbed.Must(d.T, control.Client(d.T).Get(ctx, d.incident, found))
		change(&found.Spec)
		return control.Client(d.T).Update(ctx, found) == nil
	})
}

// play plays it from the beginning to the end.
func (d *drama) play() {
	d.Helper()
	d.start()
	d.goOn("all are paged", allTold(v1alpha1.KindPage))
	d.change(func(spec *v1alpha1.IncidentSpec) {
		spec.Response = &v1alpha1.Response{
			AcknowledgedBy: "ada", AcknowledgedAt: ptr.To(metav1.NewTime(d.clock.Now().Truncate(time.Second))),
		}
	})
	d.goOn("all hear of the answer", allTold(v1alpha1.KindUpdate))
	d.change(func(spec *v1alpha1.IncidentSpec) {
		spec.Signals = append(spec.Signals, d.signal(v1alpha1.SignalResolve, v1alpha1.EffectResolved))
		spec.SignalCount++
	})
	d.goOn("all hear of the end", allTold(v1alpha1.KindResolved))
	// It goes by a clock of its own, by which what follows lies ahead: an end that it has not told yet would be one that is to come.
	testbed.Eventually(d, "Alertmanager closes its page", func(context.Context) bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return slices.Contains(d.alerts, "resolved")
	})
	// For so long Alertmanager is told again.
	d.clock.Step(15 * time.Minute)
	d.goOn("nothing holds the Incident any more", func(incident *v1alpha1.Incident) bool { return len(incident.Finalizers) == 0 })
}

// judge judges by what the receivers have alone.
func (d *drama) judge() {
	d.Helper()
	var slack, hook, mail, duty []string
	for i, message := range d.slack.Messages() {
		// The first one is changed with each that follows.
		slack = append(slack, fmt.Sprint(message.Thread != "" || i > 0, message.Text))
	}
	for _, delivery := range d.hook.Deliveries() {
		hook = append(hook, delivery.ID)
	}
	for _, letter := range d.mail.Mails() {
		mail = append(mail, letter.Header.Get("Message-Id"))
	}
	for _, event := range d.duty.Events() {
		if event.Shown != "" {
			duty = append(duty, event.Shown)
		}
	}
	for name, got := range map[string][]string{"Slack": slack, "the webhook": hook, "the mailbox": mail} {
		// A page that came twice to Slack is a message beside the one that is changed.
		different := len(slices.Compact(slices.Sorted(slices.Values(got))))
		surplus := len(got) - 3
		if surplus < 0 || surplus > min(1, int(d.dies.number)) || different < 3 || (name != "Slack" && different > 3) {
			d.Errorf("%s has %q", name, got)
		}
	}
	if events := len(d.duty.Events()); !slices.Equal(duty, []string{"triggered", "acknowledged", "resolved"}) || events > 4 {
		d.Errorf("PagerDuty shows %s of %d events", duty, events)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.alerts, []string{"firing", "resolved"}) {
		d.Errorf("Alertmanager tells people %s", d.alerts)
	}
}

// TestACrashAnywhereLosesNothing plays it once to count the writes and messages, and once for each of them with a crash there.
func TestACrashAnywhereLosesNothing(t *testing.T) {
	t.Parallel()
	alertmanager := startSharedAlertmanager(t)
	whole := newDrama(t, alertmanager, crashPoint{})
	whole.play()
	whole.judge()
	var points []crashPoint
	for number := range whole.writes.Load() {
		points = append(points, crashPoint{afterWrite, number + 1})
	}
	for number := range whole.messages.Load() {
		points = append(points, crashPoint{atMessage, number + 1})
	}
	t.Logf("%d crash points: after each of %d writes, and at each of %d messages", len(points), whole.writes.Load(), whole.messages.Load())
	if len(points) < 20 {
		t.Errorf("there are %d crash points only", len(points))
	}
	for _, point := range points {
		t.Run(strings.ReplaceAll(point.String(), " ", "-"), func(t *testing.T) {
			t.Parallel()
			d := newDrama(t, alertmanager, point)
			d.play()
			d.judge()
		})
	}
}
