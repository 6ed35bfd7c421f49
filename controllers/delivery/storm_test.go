package delivery

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/receivers"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// limit sets a channel's limit.
func (t *deliveryTest) limit(channel string, limit *v1alpha1.MessageLimit) {
	t.Helper()
	found := &v1alpha1.NotificationChannel{}
	testbed.Must(t.T, control.Client(t).Get(t.Context(), t.named(channel), found))
	found.Spec.Limit = limit
	testbed.Must(t.T, control.Client(t).Update(t.Context(), found))
}

// allSent waits until the ledgers of all Incidents say so, of some channels or all, and gives their entries.
func (t *deliveryTest) allSent(names []types.NamespacedName, channels ...string) []v1alpha1.Notification {
	t.Helper()
	var entries []v1alpha1.Notification
	testbed.Eventually(t, "every ledger says that it was sent", func(ctx context.Context) bool {
		entries = nil
		for _, name := range names {
			entries = append(entries, t.ledger(ctx, name)...)
		}
		return !slices.ContainsFunc(entries, func(n v1alpha1.Notification) bool {
			return !isSent(n) && (len(channels) == 0 || slices.Contains(channels, n.Channel))
		})
	})
	return entries
}

// rise makes an Incident Critical.
func (t *deliveryTest) rise(name types.NamespacedName) {
	t.Helper()
	incident := &v1alpha1.Incident{}
	testbed.Must(t.T, control.Client(t).Get(t.Context(), name, incident))
	incident.Spec.Priority = v1alpha1.PriorityCritical
	testbed.Must(t.T, control.Client(t).Update(t.Context(), incident))
}

func TestWhatExceedsTheLimitIsGathered(t *testing.T) {
	test := newDeliveryTest(t)
	test.limit("slack", nil)
	test.limit("pager", nil)
	var names []types.NamespacedName
	for id := range 30 {
		names = append(names, test.incident(id+1, page("slack"), page("pager")))
	}
	test.rise(names[28])
	var incidents v1alpha1.IncidentList
	testbed.Must(t, control.Client(t).List(t.Context(), &incidents, client.InNamespace(test.namespace)))
	for i := range incidents.Items {
		test.dispatcher.Enqueue(test.named("slack"), &incidents.Items[i])
		test.dispatcher.Enqueue(test.named("pager"), &incidents.Items[i])
	}
	gathered := 0
	for _, entry := range test.allSent(names) {
		if entry.Gathered {
			gathered++
		}
		if entry.Attempts != 1 || (entry.Gathered && entry.Receipt != "") {
			t.Errorf("the ledger says %+v", entry)
		}
	}
	messages := test.slack.Messages()
	if len(messages) != 7 || gathered != 48 {
		t.Fatalf("%d messages came to Slack, %d notifications were gathered", len(messages), gathered)
	}
	summary := messages[6]
	if !strings.HasPrefix(summary.Text, "24 incidents: ") || !strings.Contains(summary.Attachment, "and 21 more") {
		t.Errorf("the summary is %q with %q", summary.Text, summary.Attachment)
	}
	deliveries := test.pager.Deliveries()
	if len(deliveries) != 7 || len(deliveries[6].Incidents) != 24 || deliveries[6].Type != "incidents.summary" {
		t.Errorf("the pager received %d webhooks, the last of %d Incidents", len(deliveries), len(deliveries[6].Incidents))
	}
}

func TestASummaryThatFailsIsTriedAgainForAllOfThem(t *testing.T) {
	test := newDeliveryTest(t)
	test.limit("pager", &v1alpha1.MessageLimit{Burst: 1, Per: metav1.Duration{Duration: 10 * time.Second}})
	names := []types.NamespacedName{
		test.incident(1, page("pager")), test.incident(2, page("pager")), test.incident(3, page("pager")),
	}
	failed := false
	test.pager.Answers = func() receivers.Answer {
		if test.pager.Calls() != 2 {
			return nil
		}
		failed = true
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	}
	for _, name := range names {
		test.enqueue(test.dispatcher, "pager", name)
	}
	attempts := 0
	for _, entry := range test.allSent(names) {
		attempts += int(entry.Attempts)
	}
	if !failed || attempts != 5 {
		t.Errorf("after %d attempts %d webhooks came", attempts, len(test.pager.Deliveries()))
	}
}

func TestTheLimitGoesOnAfterARestart(t *testing.T) {
	test := newDeliveryTest(t)
	for id := range 5 {
		test.incident(id+1, page("pager", func(n *v1alpha1.Notification) {
			n.State, n.ClosedAt = v1alpha1.NotificationSent, ptr.To(metav1.NewMicroTime(time.Now().Truncate(time.Microsecond)))
		}))
	}
	test.limit("pager", nil)
	names := []types.NamespacedName{test.incident(11, page("pager")), test.incident(12, page("pager"))}
	for _, name := range names {
		test.enqueue(test.dispatcher, "pager", name)
	}
	if entries := test.allSent(names); !entries[0].Gathered || len(test.pager.Deliveries()) != 1 {
		t.Errorf("%d webhooks came, the ledger says %+v", len(test.pager.Deliveries()), entries[0])
	}
}

func TestPagesThatArePriorityGoFirstWhereNothingIsGathered(t *testing.T) {
	test := newDeliveryTest(t)
	service := &receivers.PagerDuty{RoutingKey: testbed.RoutingKey, Unexpected: t.Errorf}
	test.office(service)
	release := make(chan struct{})
	service.Answers = func() receivers.Answer {
		<-release
		return nil
	}
	testbed.Must(t, control.Client(t).Create(t.Context(), testbed.NewPagerDutyChannel(test.named("duty"))))
	var names []types.NamespacedName
	for id := range workers + 20 {
		names = append(names, test.incident(id+1, page("duty")))
		if id == workers+19 {
			test.rise(names[id])
		}
		test.enqueue(test.dispatcher, "duty", names[id])
		if id == workers-1 {
			testbed.Eventually(t, "all workers are busy", func(context.Context) bool { return service.Calls() == workers })
		}
	}
	close(release)
	test.allSent(names)
	place := slices.IndexFunc(service.Events(), func(event receivers.PagerDutyEvent) bool {
		return event.Payload.Severity == "critical"
	})
	if place < 0 || place > 2*workers {
		t.Errorf("the one that is critical is told as number %d", place+1)
	}
}

func TestAlertmanagerIsToldAgainAndAgainHowThingsStand(t *testing.T) {
	test := newDeliveryTest(t)
	posted := make(chan string, 10)
	url := test.serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { posted <- alertsIn(t, r) }))
	testbed.Must(t, control.Client(t).Create(t.Context(), testbed.NewAlertmanagerChannel(test.named("alerts"), url)))
	sent := func(n *v1alpha1.Notification) {
		n.State, n.ClosedAt = v1alpha1.NotificationSent, ptr.To(metav1.NewMicroTime(time.Now().Truncate(time.Microsecond)))
	}
	resolved := func(n *v1alpha1.Notification) { n.Kind, n.Step, n.Sequence = v1alpha1.KindResolved, "", 1 }
	long := func(n *v1alpha1.Notification) {
		n.ClosedAt = ptr.To(metav1.NewMicroTime(time.Now().Add(-16 * time.Minute).Truncate(time.Microsecond)))
	}
	test.incident(1, page("alerts", sent))
	test.incident(2, page("alerts", sent), page("alerts", resolved, sent))
	test.incident(3, page("alerts", sent), page("alerts", resolved, sent, long))
	test.incident(4, page("slack", sent))
	test.incident(5, page("alerts"))
	told := test.incident(6, page("alerts", sent))
	if q := test.dispatcher.queueOf(test.named("alerts")); q != nil {
		q.ends.note(told, 1, time.Now())
	}
	channel := &v1alpha1.NotificationChannel{}
	testbed.Must(t, control.Client(t).Get(t.Context(), test.named("alerts"), channel))
	test.dispatcher.repeatTo(t.Context(), channel, test.dispatcher.Office.Repeater(channel.Spec))
	// A look of the dispatcher's own, at its start, may have come before all of them were there.
	got := ""
	for len(posted) > 0 {
		got = <-posted
	}
	if got != "payments-1-1 firing, payments-2-1 resolved" {
		t.Errorf("it is told: %s", got)
	}
}

func TestAnEndIsRememberedOnlyWhereThingsAreToldAgain(t *testing.T) {
	test := newDeliveryTest(t)
	url := test.serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	testbed.Must(t, control.Client(t).Create(t.Context(), testbed.NewAlertmanagerChannel(test.named("alerts"), url)))
	end := func(n *v1alpha1.Notification) { n.Kind, n.Step, n.Sequence = v1alpha1.KindResolved, "", 1 }
	name := test.incident(1, page("slack", end), page("alerts", end))
	for channel, want := range map[string]bool{"slack": false, "alerts": true} {
		test.enqueue(test.dispatcher, channel, name)
		test.allSent([]types.NamespacedName{name}, channel)
		if q := test.dispatcher.queueOf(test.named(channel)); q.ends.has(name, 1) != want {
			t.Errorf("%s remembers: %t", channel, !want)
		}
	}
}

func TestAnEndIsForgottenOnceTheCacheKnows(t *testing.T) {
	var ends ends
	name, now := types.NamespacedName{Name: "a"}, time.Now()
	ends.note(name, 2, now)
	if !ends.has(name, 1) || !ends.has(name, 2) || ends.has(name, 3) {
		t.Error("the end of cycle 2 is that of the cycles up to it")
	}
	ends.forget(now.Add(2 * lifecycle.RepeatEvery))
	if !ends.has(name, 2) {
		t.Error("it is forgotten too early")
	}
	ends.forget(now.Add(3 * lifecycle.RepeatEvery))
	if ends.has(name, 2) {
		t.Error("it is never forgotten")
	}
}

func TestWhatIsHeardLateMakesNothingLater(t *testing.T) {
	q, now := newQueue(), time.Now()
	due := lifecycle.Due{Incident: client.ObjectKey{Name: "a"}, At: now}
	q.add(due, now)
	q.add(due, now.Add(time.Minute))
	if next := q.next(lifecycle.Limit{}, now); len(next.Single) != 1 {
		t.Errorf("what is let go is %+v", next)
	}
	q.add(due, now)
	if next := q.next(lifecycle.Limit{}, now); len(next.Single) != 0 {
		t.Errorf("it is under way twice: %+v", next)
	}
	q.finish(told{incidents: []types.NamespacedName{due.Incident}})
	if next := q.next(lifecycle.Limit{Burst: 1, Per: time.Minute}, now); fmt.Sprint(len(next.Single), len(q.history)) != "1 1" {
		t.Errorf("what nobody was told counts: %+v, %+v", next, q.history)
	}
}
