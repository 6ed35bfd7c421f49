package delivery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/receivers"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

func TestAPageIsClaimedSentAndRecorded(t *testing.T) {
	test := newDeliveryTest(t)
	name := test.incident(1, page("slack"))
	var claim v1alpha1.Notification
	test.slack.Answers = func(string) receivers.Answer {
		claim = test.ledger(t.Context(), name)[0]
		return nil
	}
	sent := test.tell("slack", name, isSent)
	if claim.SendBefore == nil || claim.Attempts != 1 || claim.State != v1alpha1.NotificationPending {
		t.Errorf("when it was sent, the ledger said %+v", claim)
	}
	message := test.slack.Messages()[0]
	if sent.Receipt != message.Channel+":"+message.At || sent.SendBefore != nil || sent.ClosedAt == nil || sent.Attempts != 1 {
		t.Errorf("then it said %+v", sent)
	}
	if message.Text != "[HIGH] checkout: Trouble 1" {
		t.Errorf("the message is %q", message.Text)
	}
}

func TestLaterMessagesBringTheFirstUpToDate(t *testing.T) {
	test := newDeliveryTest(t)
	name := test.incident(1, page("slack"), page("slack", func(n *v1alpha1.Notification) { n.Loop = 1 }))
	test.tell("slack", name, isSent)
	messages := test.slack.Messages()
	if len(messages) != 2 || messages[0].Edits != 1 || messages[1].Thread != messages[0].At || !messages[1].Broadcast {
		t.Errorf("Slack has %+v", messages)
	}
}

func TestAWebhookKeepsItsIDWhenItIsTriedAgain(t *testing.T) {
	test := newDeliveryTest(t)
	var first atomic.Bool
	ids := make(chan string, 2)
	test.pager.Answers = func() receivers.Answer {
		if first.Swap(true) {
			return nil
		}
		return func(w http.ResponseWriter, r *http.Request) {
			ids <- r.Header.Get("webhook-id")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	sent := test.tell("pager", test.incident(1, page("pager")), isSent)
	if id := test.pager.Deliveries()[0].ID; id != <-ids || !strings.Contains(id, "/payments-1-1/") || sent.Attempts != 2 {
		t.Errorf("the second attempt of %d has the ID %s", sent.Attempts, id)
	}
}

func TestEachFailureOfSlackShowsInTheLedger(t *testing.T) {
	t.Parallel()
	respond := func(code int, header, value string) receivers.Answer {
		return func(w http.ResponseWriter, _ *http.Request) {
			if header != "" {
				w.Header().Set(header, value)
			}
			w.WriteHeader(code)
		}
	}
	for name, c := range map[string]struct {
		answer  receivers.Answer
		state   v1alpha1.NotificationState
		reason  string
		pause   time.Duration
		arrived bool
	}{
		"429 with Retry-After": {respond(429, "Retry-After", "7"), v1alpha1.NotificationPending, "RateLimited", 7 * time.Second, false},
		"500":                  {respond(500, "", ""), v1alpha1.NotificationPending, "Unavailable", time.Second, false},
		"ok false": {
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"ok":false,"error":"invalid_auth"}`) },
			v1alpha1.NotificationPending, "Unauthorized", time.Minute, false,
		},
		"a hang": {
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			v1alpha1.NotificationPending, "TimedOut", time.Second, true,
		},
		"a redirect": {respond(307, "Location", "http://127.0.0.1:1/"), v1alpha1.NotificationFailed, "Redirected", 0, false},
		"50 MiB": {
			func(w http.ResponseWriter, _ *http.Request) {
				for range 50 {
					if _, err := fmt.Fprint(w, strings.Repeat(" ", 1<<20)); err != nil {
						return
					}
				}
			},
			v1alpha1.NotificationPending, "AnswerUnreadable", time.Second, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test := newDeliveryTest(t)
			test.slack.Answers = func(string) receivers.Answer { return c.answer }
			begun := time.Now()
			entry := test.tell("slack", test.incident(1, page("slack")), hasFailed)
			if entry.State != c.state || entry.Reason != c.reason || entry.MayHaveArrived != c.arrived || entry.Error == "" {
				t.Errorf("the ledger says %+v", entry)
			}
			if next := ptr.Deref(entry.NextAttempt, metav1.MicroTime{}); c.pause > 0 && next.Sub(begun) < c.pause {
				t.Errorf("it is tried again after %s, not %s", next.Sub(begun), c.pause)
			}
			if _, failed := test.outcomes.counts(); failed == 0 {
				t.Error("the channel does not hear of it")
			}
		})
	}
}

func TestWhatOneMessageWasToldHoldsForAll(t *testing.T) {
	test := newDeliveryTest(t)
	test.slack.Answers = func(string) receivers.Answer {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}
	test.tell("slack", test.incident(1, page("slack")), hasFailed)
	calls := test.slack.Calls()
	second := test.tell("slack", test.incident(2, page("slack")), hasFailed)
	if test.slack.Calls() != calls {
		t.Error("Slack is called although it asked to wait")
	}
	if second.Reason != "HeldBack" || second.Attempts != 1 || time.Until(second.NextAttempt.Time) < 50*time.Minute {
		t.Errorf("the ledger says %+v", second)
	}
}

func TestADeadChannelDelaysNoOther(t *testing.T) {
	test := newDeliveryTest(t)
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	test.slack.Answers = func(string) receivers.Answer {
		return func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-ended:
			}
		}
	}
	for id := range 3 * workers {
		test.enqueue(test.dispatcher, "slack", test.incident(id+1, page("slack")))
	}
	test.tell("pager", test.incident(1000, page("pager")), isSent)
	if sent, _ := test.outcomes.counts(); sent != 1 {
		t.Errorf("%d were sent", sent)
	}
}

func TestWhatSomebodyElseHasClaimedIsLeftToThem(t *testing.T) {
	test := newDeliveryTest(t)
	claimed := test.incident(1, page("pager", func(n *v1alpha1.Notification) {
		n.Attempts, n.SendBefore = 1, ptr.To(metav1.NewMicroTime(time.Now().Add(time.Minute)))
	}))
	test.enqueue(test.dispatcher, "pager", claimed)
	abandoned := test.incident(2, page("pager", func(n *v1alpha1.Notification) {
		n.Attempts, n.SendBefore = 1, ptr.To(metav1.NewMicroTime(time.Now().Add(-lifecycle.SendTimeout)))
	}))
	if entry := test.tell("pager", abandoned, isSent); entry.Attempts != 2 {
		t.Errorf("what was abandoned is %+v", entry)
	}
	if entry := test.ledger(t.Context(), claimed)[0]; entry.Attempts != 1 || len(test.pager.Deliveries()) != 1 {
		t.Errorf("what is claimed is %+v", entry)
	}
}

func TestManyWritersSendEachPageOnce(t *testing.T) {
	test := newDeliveryTest(t)
	dispatchers := []*Dispatcher{test.dispatcher, test.start(control.Client(t), control.Client(t))}
	var names []types.NamespacedName
	for id := range 10 {
		names = append(names, test.incident(id+1, page("pager"), page("slack")))
	}
	stop := make(chan struct{})
	busy := make(chan struct{})
	go func() {
		defer close(busy)
		// The intake and the controller write all the while.
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, name := range names {
				incident := &v1alpha1.Incident{}
				if control.Client(t).Get(t.Context(), name, incident) == nil {
					incident.Spec.SignalCount++
					_ = control.Client(t).Update(t.Context(), incident)
				}
			}
		}
	}()
	for _, name := range names {
		for _, dispatcher := range dispatchers {
			test.enqueue(dispatcher, "pager", name)
			test.enqueue(dispatcher, "slack", name)
		}
	}
	for _, name := range names {
		testbed.Eventually(t, "both are told", func(ctx context.Context) bool {
			return !slices.ContainsFunc(test.ledger(ctx, name), func(n v1alpha1.Notification) bool { return !isSent(n) })
		})
	}
	close(stop)
	<-busy
	if webhooks, messages := len(test.pager.Deliveries()), len(test.slack.Messages()); webhooks != 10 || messages != 10 {
		t.Errorf("%d webhooks and %d messages arrived for 10 Incidents", webhooks, messages)
	}
}

func TestWhatAChannelLacksShowsInTheLedger(t *testing.T) {
	test := newDeliveryTest(t)
	missing := test.tell("gone", test.incident(1, page("gone")), hasFailed)
	if missing.Reason != v1alpha1.ReasonChannelMissing || missing.State != v1alpha1.NotificationPending || missing.SendBefore != nil {
		t.Errorf("of a channel that is gone, the ledger says %+v", missing)
	}
	bare := testbed.NewSlackChannel(test.named("bare"))
	bare.Spec.Slack.TokenRef.Name = "no-such-secret"
	testbed.Must(t, control.Client(t).Create(t.Context(), bare))
	if entry := test.tell("bare", test.incident(2, page("bare")), hasFailed); entry.Reason != v1alpha1.ReasonSecretMissing {
		t.Errorf("of a channel without its Secret, the ledger says %+v", entry)
	}
	if calls := test.slack.Calls(); calls != 0 {
		t.Errorf("Slack was called %d times", calls)
	}
}

var errAway = errors.New("the API server is away")

// faulty lets some of the patches fail; n counts them from 1.
func faulty(t *testing.T, fails func(n int32) bool) client.Client {
	t.Helper()
	var patches atomic.Int32
	return interceptor.NewClient(control.Client(t), interceptor.Funcs{
		SubResourcePatch: func(
			ctx context.Context, c client.Client, subResource string, object client.Object, patch client.Patch,
			options ...client.SubResourcePatchOption,
		) error {
			if fails(patches.Add(1)) {
				return errAway
			}
			return c.SubResource(subResource).Patch(ctx, object, patch, options...)
		},
	})
}

func TestWithoutAClaimNothingIsSent(t *testing.T) {
	test := newDeliveryTest(t)
	test.dispatcher = test.start(faulty(t, func(n int32) bool { return n <= 3 }), control.Client(t))
	calls := -1
	test.pager.Answers = func() receivers.Answer {
		calls = int(test.ledger(t.Context(), test.named("payments-1-1"))[0].Attempts)
		return nil
	}
	test.tell("pager", test.incident(1, page("pager")), isSent)
	if calls != 1 || test.pager.Calls() != 1 {
		t.Errorf("it was sent %d times, the first time at attempt %d", test.pager.Calls(), calls)
	}
}

func TestAnOutcomeIsRecordedThoughTheAPIServerWasAway(t *testing.T) {
	test := newDeliveryTest(t)
	test.dispatcher = test.start(faulty(t, func(n int32) bool { return n > 1 && n < 6 }), control.Client(t))
	sent := test.tell("pager", test.incident(1, page("pager")), isSent)
	if test.pager.Calls() != 1 || sent.Attempts != 1 {
		t.Errorf("it was sent %d times: %+v", test.pager.Calls(), sent)
	}
}

func TestADispatcherEndsWhenWhatItBeganIsRecorded(t *testing.T) {
	test := newDeliveryTest(t)
	name := test.incident(1, page("pager"))
	ctx, cancel := context.WithCancel(t.Context())
	dispatcher := &Dispatcher{
		Client: control.Client(t), APIReader: control.Client(t), Outcomes: test.outcomes, Clock: test.dispatcher.Clock,
		Office: test.dispatcher.Office,
	}
	test.pager.Answers = func() receivers.Answer {
		cancel()
		return nil
	}
	test.enqueue(dispatcher, "pager", name)
	testbed.Must(t, dispatcher.Start(ctx))
	if entry := test.ledger(t.Context(), name)[0]; !isSent(entry) {
		t.Errorf("the ledger says %+v", entry)
	}
	test.enqueue(dispatcher, "slack", name)
	if len(dispatcher.queues) != 1 {
		t.Error("it begins another queue after its end")
	}
}

// slowClock is a clock on which much time passes between two looks.
type slowClock struct {
	clock.RealClock

	looks atomic.Int64
}

func (c *slowClock) Now() time.Time {
	return time.Now().Add(time.Duration(c.looks.Add(1)) * lifecycle.SendWithin)
}

func TestAClaimThatIsWrittenTooLateIsNotUsed(t *testing.T) {
	test := newDeliveryTest(t)
	test.dispatcher = &Dispatcher{
		Client: control.Client(t), APIReader: control.Client(t), Outcomes: test.outcomes, Clock: &slowClock{},
		Office: test.dispatcher.Office,
	}
	name := test.incident(1, page("pager"))
	test.tellNow("pager", name)
	entry := test.ledger(t.Context(), name)[0]
	if entry.Reason != "TooLate" || entry.MayHaveArrived || entry.NextAttempt == nil || test.pager.Calls() != 0 {
		t.Errorf("the ledger says %+v after %d calls", entry, test.pager.Calls())
	}
}

func TestAnIncidentThatIsGoneIsNoTrouble(t *testing.T) {
	test := newDeliveryTest(t)
	if told := test.tellNow("pager", test.named("gone")); len(told.left) != 0 || told.tried {
		t.Errorf("of it there is left %+v", told)
	}
}

func TestNobodyIsPagedOfWhatIsOverThoughTheControllerHasNotSeenIt(t *testing.T) {
	test := newDeliveryTest(t)
	name := test.incident(1, page("pager"))
	incident := &v1alpha1.Incident{}
	testbed.Must(t, control.Client(t).Get(t.Context(), name, incident))
	incident.Spec.Signals = append(incident.Spec.Signals, testbed.SignalAt(1, v1alpha1.SignalResolve, v1alpha1.EffectResolved))
	testbed.Must(t, control.Client(t).Update(t.Context(), incident))
	if told := test.tellNow("pager", name); len(told.left) != 1 || told.tried || time.Until(told.left[0].at) > loop.Soon {
		t.Errorf("of it there is left %+v", told)
	}
	if entry := test.ledger(t.Context(), name)[0]; entry.Attempts != 0 || test.pager.Calls() != 0 {
		t.Errorf("it was paged: %+v", entry)
	}
}

func TestNobodyIsPagedOfAnIncidentThatIsBeingDeleted(t *testing.T) {
	test := newDeliveryTest(t)
	name := test.incident(1, page("pager"))
	incident := &v1alpha1.Incident{}
	testbed.Must(t, control.Client(t).Get(t.Context(), name, incident))
	incident.Finalizers = []string{v1alpha1.NotificationsFinalizer}
	testbed.Must(t, control.Client(t).Update(t.Context(), incident))
	testbed.Must(t, control.Client(t).Delete(t.Context(), incident))
	if told := test.tellNow("pager", name); len(told.left) != 1 || told.tried || test.pager.Calls() != 0 {
		t.Errorf("it was paged: %+v", told)
	}
}
