package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/receivers"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
)

var control = testbed.ControlPlane{AddIndexes: loop.AddIndexes}

func TestMain(m *testing.M) { os.Exit(control.Run(m)) }

// noted are the outcomes that a dispatcher told.
type noted struct {
	mu       sync.Mutex
	sent     int
	failures []lifecycle.Failure
}

func (n *noted) Sent(types.NamespacedName) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sent++
}

func (n *noted) Failed(_ types.NamespacedName, failure lifecycle.Failure) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failures = append(n.failures, failure)
}

func (n *noted) counts() (sent, failed int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent, len(n.failures)
}

// deliveryTest is a namespace with the channels slack and pager, and a dispatcher.
type deliveryTest struct {
	*testing.T

	namespace  string
	slack      *receivers.Slack
	pager      *receivers.Webhook
	slackURL   string
	outcomes   *noted
	dispatcher *Dispatcher
}

func newDeliveryTest(t *testing.T) *deliveryTest {
	t.Helper()
	c := control.Client(t)
	test := &deliveryTest{
		T: t, namespace: testbed.Namespace(t, c), outcomes: &noted{},
		slack: &receivers.Slack{Token: testbed.SlackToken, Unexpected: t.Errorf},
		pager: &receivers.Webhook{Secret: testbed.SigningSecret, Unexpected: t.Errorf},
	}
	slack, pager := httptest.NewServer(test.slack), httptest.NewServer(test.pager)
	t.Cleanup(slack.Close)
	t.Cleanup(pager.Close)
	test.slackURL = slack.URL + "/"
	testbed.CreateChannelsSecret(t, c, test.namespace, pager.URL+"/hooks")
	testbed.Must(t, c.Create(t.Context(), testbed.NewSlackChannel(test.named("slack"))))
	testbed.Must(t, c.Create(t.Context(), testbed.NewWebhookChannel(test.named("pager"))))
	test.dispatcher = test.start(c, c)
	return test
}

// start starts a dispatcher that works until the test ends.
func (t *deliveryTest) start(c client.Client, live client.Reader) *Dispatcher {
	t.Helper()
	dispatcher := &Dispatcher{
		Client: c, APIReader: live, Outcomes: t.outcomes, Recorder: &heardEvents{}, Clock: clock.RealClock{},
		Office: &notify.Office{Client: notify.NewClient(), SlackURL: t.slackURL, Now: time.Now},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- dispatcher.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the dispatcher ended with %v", err)
		}
	})
	return dispatcher
}

// serve runs a server until the test ends.
func (t *deliveryTest) serve(handler http.Handler) (url string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// office lets the dispatcher send to a service of PagerDuty.
func (t *deliveryTest) office(service *receivers.PagerDuty) {
	t.Helper()
	t.dispatcher.Office.PagerDutyURL = t.serve(service)
}

// alertsIn are the alerts of a request, in the order of their Incidents.
func alertsIn(t *testing.T, r *http.Request) string {
	t.Helper()
	var alerts []struct {
		EndsAt time.Time
		Labels map[string]string
	}
	if err := json.NewDecoder(r.Body).Decode(&alerts); err != nil {
		t.Errorf("unexpected alerts: %v", err)
	}
	var texts []string
	for _, alert := range alerts {
		state := "resolved"
		if alert.EndsAt.After(time.Now()) {
			state = "firing"
		}
		texts = append(texts, alert.Labels["incident"]+" "+state)
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

func (t *deliveryTest) named(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: t.namespace, Name: name}
}

// page is a page that is due now.
func page(channel string, changes ...func(*v1alpha1.Notification)) v1alpha1.Notification {
	entry := v1alpha1.Notification{
		Cycle: 1, Run: 1, Step: "team", Channel: channel, Kind: v1alpha1.KindPage, Priority: v1alpha1.PriorityHigh,
		DueAt: metav1.NewMicroTime(time.Now().Truncate(time.Microsecond)), State: v1alpha1.NotificationPending,
	}
	for _, change := range changes {
		change(&entry)
	}
	return entry
}

// incident makes the Incident of an issue, with a ledger.
func (t *deliveryTest) incident(id int, entries ...v1alpha1.Notification) types.NamespacedName {
	t.Helper()
	incident := testbed.NewIncident(t.named("payments"), v1alpha1.IssueKey(fmt.Sprint(id)), 1,
		testbed.SignalAt(0, v1alpha1.SignalAlert, v1alpha1.EffectOpened))
	incident.Spec.Issue = v1alpha1.Issue{Title: fmt.Sprintf("Trouble %d", id), Project: "checkout"}
	testbed.Must(t.T, control.Client(t).Create(t.Context(), incident))
	incident.Status, _ = lifecycle.Fold(&incident.Spec, time.Now())
	incident.Status.Notifications = entries
	testbed.Must(t.T, control.Client(t).Status().Update(t.Context(), incident))
	return client.ObjectKeyFromObject(incident)
}

// enqueue has a dispatcher tell a channel of an Incident.
func (t *deliveryTest) enqueue(dispatcher *Dispatcher, channel string, name types.NamespacedName) {
	t.Helper()
	incident := &v1alpha1.Incident{}
	testbed.Must(t.T, control.Client(t).Get(t.Context(), name, incident))
	dispatcher.Enqueue(t.named(channel), incident)
}

// tellNow has a channel told of an Incident once, whatever its queue holds.
func (t *deliveryTest) tellNow(channel string, name types.NamespacedName) told {
	return t.dispatcher.tellAll(t.named(channel), []lifecycle.Due{{Incident: name}}, newQueue())
}

func (t *deliveryTest) ledger(ctx context.Context, name types.NamespacedName) []v1alpha1.Notification {
	t.Helper()
	incident := &v1alpha1.Incident{}
	testbed.Must(t.T, control.Client(t).Get(ctx, name, incident))
	return incident.Status.Notifications
}

// tell has a channel told of an Incident, and waits until its last entry is as it should be.
func (t *deliveryTest) tell(channel string, name types.NamespacedName, is func(v1alpha1.Notification) bool) v1alpha1.Notification {
	t.Helper()
	t.enqueue(t.dispatcher, channel, name)
	var last v1alpha1.Notification
	testbed.Eventually(t, "the ledger says what became of it", func(ctx context.Context) bool {
		entries := t.ledger(ctx, name)
		last = entries[len(entries)-1]
		return is(last)
	})
	return last
}

func isSent(entry v1alpha1.Notification) bool    { return entry.State == v1alpha1.NotificationSent }
func hasFailed(entry v1alpha1.Notification) bool { return entry.Reason != "" }
