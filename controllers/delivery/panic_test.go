package delivery

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/notify"
)

// heardEvents are the Events of panics, each by the kind and name of its object.
type heardEvents struct {
	mu    sync.Mutex
	about []string
}

var _ events.EventRecorder = (*heardEvents)(nil)

func (h *heardEvents) Eventf(object, _ runtime.Object, _, reason, _, note string, args ...any) {
	named, isObject := object.(client.Object)
	if !isObject || reason != v1alpha1.ReasonPanicked || strings.Contains(fmt.Sprintf(note, args...), "planted") || named.GetUID() == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.about = append(h.about, named.GetName())
}

func (h *heardEvents) WithLogger(logr.Logger) events.EventRecorderLogger { return nil }

func (h *heardEvents) has(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, known := range h.about {
		if known == name {
			return true
		}
	}
	return false
}

// trap panics for as long as it is set, each time that what it stands at meets the named object.
type trap struct {
	name atomic.Pointer[string]
	hits atomic.Int32
}

func (p *trap) set(name string) { p.name.Store(&name) }

func (p *trap) spring(name string) {
	if planted := p.name.Load(); planted != nil && *planted == name {
		p.hits.Add(1)
		panic("planted")
	}
}

// A panic is planted where one Incident, or one channel, is dealt with: the others go on, and it recovers once the cause is gone.
func TestAPanicStopsNoOtherIncidentAndNoOtherChannel(t *testing.T) {
	for place, plant := range map[string]func(*trap) interceptor.Funcs{
		"when its claim is to be written": func(p *trap) interceptor.Funcs {
			return interceptor.Funcs{Get: func(
				ctx context.Context, c client.WithWatch, name client.ObjectKey, into client.Object, options ...client.GetOption,
			) error {
				if _, isIncident := into.(*v1alpha1.Incident); isIncident {
					p.spring(name.Name)
				}
				return c.Get(ctx, name, into, options...)
			}}
		},
		"when its claim is written": func(p *trap) interceptor.Funcs {
			return interceptor.Funcs{SubResourcePatch: func(
				ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch,
				options ...client.SubResourcePatchOption,
			) error {
				p.spring(object.GetName())
				return c.SubResource(sub).Patch(ctx, object, patch, options...)
			}}
		},
	} {
		t.Run(place, func(t *testing.T) {
			test := newDeliveryTest(t)
			planted, heard := &trap{}, &heardEvents{}
			c := interceptor.NewClient(control.Client(t), plant(planted))
			dispatcher := test.startWith(control.Client(t), c, c, heard)
			bad, good := test.incident(1, page("slack")), test.incident(2, page("slack"))
			planted.set(bad.Name)
			for _, name := range []types.NamespacedName{bad, good} {
				test.enqueue(dispatcher, "slack", name)
			}
			test.awaits(good, isSent)
			testbed.Eventually(t, "it is tried again", func(context.Context) bool { return planted.hits.Load() >= 2 })
			if test.ledger(t.Context(), bad)[0].State != v1alpha1.NotificationPending {
				t.Error("it is not pending any more")
			}
			planted.set("")
			test.awaits(bad, isSent)
			if !strings.Contains(place, "to be") && !heard.has(bad.Name) {
				t.Errorf("the Events are about %v", heard.about)
			}
		})
	}
}

// startWith starts a dispatcher that reads from the cache, live and writes through what a test puts in between.
func (t *deliveryTest) startWith(
	cached, writes client.Client, live client.Reader, recorder events.EventRecorder,
) *Dispatcher {
	t.Helper()
	dispatcher := t.start(split{cached, writes}, live)
	dispatcher.Recorder = recorder
	return dispatcher
}

// split reads by one client and writes by another.
type split struct {
	client.Client
	writes client.Client
}

func (s split) Status() client.SubResourceWriter { return s.writes.Status() }

func (t *deliveryTest) awaits(name types.NamespacedName, is func(v1alpha1.Notification) bool) {
	t.Helper()
	testbed.Eventually(t, "the ledger of "+name.Name+" says what became of it", func(ctx context.Context) bool {
		entries := t.ledger(ctx, name)
		return is(entries[len(entries)-1])
	})
}

// A target that panics is a channel's trouble alone; what it was to be sent is tried again, and the others are told.
func TestATargetThatPanicsDelaysItsOwnChannelAlone(t *testing.T) {
	test := newDeliveryTest(t)
	heard := &heardEvents{}
	var armed atomic.Bool
	armed.Store(true)
	// Slack's client alone speaks to this path.
	dispatcher := test.start(control.Client(t), control.Client(t))
	dispatcher.Recorder = heard
	dispatcher.Office.Client = &http.Client{Transport: roundTrips(func(r *http.Request) (*http.Response, error) {
		if armed.Load() && strings.HasPrefix(test.slackURL, r.URL.Scheme+"://"+r.URL.Host) {
			panic("planted")
		}
		return http.DefaultTransport.RoundTrip(r)
	})}
	bad, good := test.incident(1, page("slack")), test.incident(2, page("pager"))
	test.enqueue(dispatcher, "slack", bad)
	test.enqueue(dispatcher, "pager", good)
	test.awaits(good, isSent)
	test.awaits(bad, func(entry v1alpha1.Notification) bool { return entry.Reason == v1alpha1.ReasonPanicked })
	if entry := test.ledger(t.Context(), bad)[0]; !entry.MayHaveArrived || strings.Contains(entry.Error, "planted") || entry.Attempts == 0 {
		t.Errorf("its entry is %+v", entry)
	}
	if !heard.has("slack") {
		t.Errorf("the Events are about %v", heard.about)
	}
	armed.Store(false)
	test.awaits(bad, isSent)
}

type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// One Incident of which no text can be made fails by itself, and the summary goes without it; so does the resend.
func TestAnIncidentWithoutATextIsLeftOutOfASummaryAndOfAResend(t *testing.T) {
	test := newDeliveryTest(t)
	heard := &heardEvents{}
	dispatcher := test.start(control.Client(t), control.Client(t))
	dispatcher.Recorder = heard
	bad, good := test.incident(1, page("slack")), test.incident(2, page("slack"))
	var letters []*letter
	for _, name := range []types.NamespacedName{bad, good} {
		incident, err := dispatcher.read(t.Context(), name, control.Client(t))
		testbed.Must(t, err)
		entry := incident.Status.Notifications[0]
		letters = append(letters, &letter{entry: entry, incident: incident})
	}
	// A spec without a signal is what no API server gives.
	letters[0].incident.Spec.Signals = nil
	template, err := notify.Compile(v1alpha1.MessageTemplate{})
	testbed.Must(t, err)
	made, messages := dispatcher.render(t.Context(), letters, &paper{channel: test.named("slack"), kind: "slack", template: template})
	if len(made) != 1 || len(messages) != 1 || messages[0].View.Name != good.Name {
		t.Errorf("messages are made of %+v", messages)
	}
	if !heard.has(bad.Name) {
		t.Errorf("the Events are about %v", heard.about)
	}
	entry := test.ledger(t.Context(), bad)[0]
	if entry.Reason != v1alpha1.ReasonPanicked || entry.NextAttempt == nil || !entry.NextAttempt.After(time.Now()) {
		t.Errorf("its entry is %+v", entry)
	}
	channel := &v1alpha1.NotificationChannel{}
	channel.Name = "slack"
	incidents := []v1alpha1.Incident{*letters[0].incident, *letters[1].incident}
	incidents[1].Status.Notifications[0].State = v1alpha1.NotificationSent
	if got := dispatcher.standing(t.Context(), channel, incidents, &ends{}); len(got) != 1 || got[0].View.Name != good.Name {
		t.Errorf("what stands is %+v", got)
	}
}
