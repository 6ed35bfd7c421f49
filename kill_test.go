package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/receivers"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// receiver is somebody who receives messages, and notes in a log of its own what came.
type receiver struct {
	// channel tells of it; called once the namespace is known.
	channel func(types.NamespacedName) *v1alpha1.NotificationChannel
	// arguments let the operator find it.
	arguments []string
	// seen is called with each message before the sender knows that it was taken.
	seen atomic.Pointer[func(message string)]
	// url of the webhook, where there is one.
	url string
	// log is what came, shown what a person saw.
	mu         sync.Mutex
	log, shown []string
	// dropsRepeated is true if the receiver drops what it has seen: a duplicate is nothing that a person sees.
	dropsRepeated bool
}

// note logs a message, and what a person sees of it.
func (r *receiver) note(message, shown string) {
	r.mu.Lock()
	r.log = append(r.log, message)
	if shown != "" {
		r.shown = append(r.shown, shown)
	}
	r.mu.Unlock()
	if seen := r.seen.Load(); seen != nil {
		(*seen)(message)
	}
}

func (r *receiver) logged() (log, shown []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.log), slices.Clone(r.shown)
}

// receiversOf are one of each kind.
var receiversOf = map[string]func(*testing.T) *receiver{
	"slack": func(t *testing.T) *receiver {
		t.Helper()
		r := &receiver{channel: testbed.NewSlackChannel}
		workspace := &receivers.Slack{Token: testbed.SlackToken, Unexpected: t.Errorf, Seen: func(message receivers.SlackMessage) {
			text := message.Text
			if message.Edits > 0 {
				// An edit is no message: a phone says nothing.
				r.note("edit: "+text, "")
				return
			}
			r.note(text, text)
		}}
		r.arguments = []string{"--slack-api-url=" + serve(t, workspace)}
		return r
	},
	"webhook": func(t *testing.T) *receiver {
		t.Helper()
		r := &receiver{channel: testbed.NewWebhookChannel, dropsRepeated: true}
		known := map[string]bool{}
		r.url = serve(t, &receivers.Webhook{Secret: testbed.SigningSecret, Unexpected: t.Errorf, Seen: func(d receivers.Delivery) {
			shown := d.Title
			if known[d.ID] {
				shown = ""
			}
			known[d.ID] = true
			r.note(d.Title, shown)
		}})
		return r
	},
	"email": func(t *testing.T) *receiver {
		t.Helper()
		r := &receiver{dropsRepeated: true}
		known := map[string]bool{}
		server := &receivers.MailServer{Unexpected: t.Errorf, Seen: func(mail receivers.Mail) {
			shown, id := mail.Subject, mail.Header.Get("Message-Id")
			if known[id] {
				shown = ""
			}
			known[id] = true
			r.note(mail.Subject, shown)
		}}
		address, stop, err := server.Start()
		testbed.Must(t, err)
		t.Cleanup(stop)
		r.channel = func(name types.NamespacedName) *v1alpha1.NotificationChannel {
			return testbed.NewEmailChannel(name, address.Port, v1alpha1.SMTPNone)
		}
		return r
	},
	"pagerduty": func(t *testing.T) *receiver {
		t.Helper()
		r := &receiver{channel: testbed.NewPagerDutyChannel, dropsRepeated: true}
		service := &receivers.PagerDuty{RoutingKey: testbed.RoutingKey, Unexpected: t.Errorf, Seen: func(event receivers.PagerDutyEvent) {
			r.note(event.Action, event.Shown)
		}}
		r.arguments = []string{"--pagerduty-events-url=" + serve(t, service)}
		return r
	},
	"alertmanager": func(t *testing.T) *receiver {
		t.Helper()
		r := &receiver{dropsRepeated: true}
		server := &receivers.Alertmanager{Folder: t.TempDir(), Unexpected: t.Errorf, Seen: func(alert receivers.Alert) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.shown = append(r.shown, alert.Status)
		}}
		testbed.Must(t, server.Start())
		t.Cleanup(func() { testbed.Must(t, server.Stop()) })
		target, err := url.Parse(server.URL())
		testbed.Must(t, err)
		// The proxy sees what Alertmanager took before the sender does.
		proxy := &httputil.ReverseProxy{
			Rewrite: func(request *httputil.ProxyRequest) { request.SetURL(target) },
			ModifyResponse: func(response *http.Response) error {
				r.note(fmt.Sprint(response.Request.Method, " ", response.StatusCode), "")
				return nil
			},
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		}
		address := serve(t, proxy)
		r.channel = func(name types.NamespacedName) *v1alpha1.NotificationChannel {
			return testbed.NewAlertmanagerChannel(name, address)
		}
		return r
	},
}

// newReceiver makes a receiver of a kind with its channel, and a source that pages it.
func (r *receiver) newTeam(t *testing.T) *testbed.Source {
	t.Helper()
	source := newTeam(t, "people")
	testbed.CreateChannelsSecret(t, source.Client, source.Name.Namespace, r.url)
	name := types.NamespacedName{Namespace: source.Name.Namespace, Name: "people"}
	testbed.Must(t, source.Client.Create(t.Context(), r.channel(name)))
	return source
}

// The sender is killed between the send and its record: of the page, and where it matters in another run of the resolve.
func TestASenderThatIsKilledLosesNoMessageAndDoublesOneAtMost(t *testing.T) {
	for kind, start := range receiversOf {
		kills := []v1alpha1.NotificationKind{v1alpha1.KindPage}
		if kind == "pagerduty" || kind == "alertmanager" {
			// There an end that comes late could page anew.
			kills = append(kills, v1alpha1.KindResolved)
		}
		for _, killed := range kills {
			t.Run(kind+", "+string(killed), func(t *testing.T) {
				r := start(t)
				leader, other, _ := twoReplicas(t, r.arguments...)
				source := r.newTeam(t)
				leader.knows(t, source)
				other.knows(t, source)
				var once sync.Once
				kill := func(string) { once.Do(func() { testbed.Must(t, leader.Stop(0)) }) }
				done := func(place int) func([]v1alpha1.Notification) bool {
					return func(entries []v1alpha1.Notification) bool {
						return len(entries) == place+1 && entries[place].State == v1alpha1.NotificationSent
					}
				}
				if killed == v1alpha1.KindPage {
					r.seen.Store(&kill)
				}
				tellOne(t, leader.target, source, newIssue(0))
				page := ledgerOf(t, source, "the page is sent", done(0))[0]
				if killed == v1alpha1.KindResolved {
					if kind == "alertmanager" {
						// Before the end, it hears once more that it goes on.
						kill = afterNext(kill)
					}
					r.seen.Store(&kill)
				}
				tellOne(t, other.target, source, simulator.IssueWebhook("resolved", simulator.Issue{ID: "10000"}, time.Now()))
				end := ledgerOf(t, source, "the resolve is told", done(1))[1]
				attempts := map[v1alpha1.NotificationKind]int32{v1alpha1.KindPage: page.Attempts, v1alpha1.KindResolved: end.Attempts}
				for of, want := range map[v1alpha1.NotificationKind]int32{v1alpha1.KindPage: 1, v1alpha1.KindResolved: 1} {
					if of == killed {
						want = 2
					}
					if attempts[of] != want {
						t.Errorf("%s was begun %d times, not %d", of, attempts[of], want)
					}
				}
				r.expectOneDuplicateAtMost(t, kind)
			})
		}
	}
}

// afterNext lets something be done at the second call.
func afterNext(do func(string)) func(string) {
	var calls atomic.Int32
	return func(message string) {
		if calls.Add(1) == 2 {
			do(message)
		}
	}
}

// expectOneDuplicateAtMost judges a receiver by its log alone.
func (r *receiver) expectOneDuplicateAtMost(t *testing.T, kind string) {
	t.Helper()
	if kind == "alertmanager" {
		testbed.Eventually(t, "Alertmanager tells of the end", func(context.Context) bool {
			_, shown := r.logged()
			return slices.Contains(shown, "resolved")
		})
	}
	log, shown := r.logged()
	want := map[string][]string{
		"pagerduty": {"triggered", "resolved"}, "alertmanager": {"firing", "resolved"},
	}[kind]
	switch {
	case want != nil:
		if !slices.Equal(shown, want) {
			t.Errorf("people see %q, not %q; it took %q", shown, want, log)
		}
	case r.dropsRepeated && len(shown) != 2, len(shown) > 3:
		t.Errorf("people see %q", shown)
	}
	if kind != "alertmanager" && kind != "slack" && len(log) != 3 {
		t.Errorf("it took %q: three messages are two and a duplicate", log)
	}
	if first, last := shown[0], shown[len(shown)-1]; strings.Contains(first, "esolved") || !strings.Contains(last, "esolved") {
		t.Errorf("people see %q", shown)
	}
}
