package channel

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/receivers"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
)

var control = testbed.ControlPlane{AddIndexes: loop.AddIndexes}

func TestMain(m *testing.M) { os.Exit(control.Run(m)) }

// channelTest is one channel with its reconciler, and what stands behind it.
type channelTest struct {
	*testing.T

	name       types.NamespacedName
	slack      *receivers.Slack
	endpoint   *receivers.Webhook
	url        string
	recorder   *events.FakeRecorder
	reconciler *Reconciler
}

func newChannelTest(t *testing.T) *channelTest {
	t.Helper()
	c := control.Client(t)
	test := &channelTest{
		T: t, name: types.NamespacedName{Namespace: testbed.Namespace(t, c), Name: "payments"},
		slack:    &receivers.Slack{Token: testbed.SlackToken, Unexpected: t.Errorf},
		endpoint: &receivers.Webhook{Secret: testbed.SigningSecret, Unexpected: t.Errorf}, recorder: events.NewFakeRecorder(100),
	}
	slack, endpoint := httptest.NewServer(test.slack), httptest.NewServer(test.endpoint)
	t.Cleanup(slack.Close)
	t.Cleanup(endpoint.Close)
	test.url = endpoint.URL + "/a-path-that-nobody-may-see"
	test.reconciler = &Reconciler{
		Client: c, APIReader: c, Recorder: test.recorder, Health: &Health{}, Clock: clocktesting.NewFakePassiveClock(testbed.Start),
		Office: &notify.Office{Client: notify.NewClient(), SlackURL: slack.URL + "/", Now: time.Now},
	}
	return test
}

func (t *channelTest) create(channel *v1alpha1.NotificationChannel) {
	t.Helper()
	testbed.Must(t.T, control.Client(t).Create(t.Context(), channel))
}

func (t *channelTest) createSecret() {
	t.Helper()
	testbed.CreateChannelsSecret(t.T, control.Client(t), t.name.Namespace, t.url)
}

func (t *channelTest) update(change func(*v1alpha1.NotificationChannel)) {
	t.Helper()
	channel := t.read()
	change(channel)
	testbed.Must(t.T, control.Client(t).Update(t.Context(), channel))
}

func (t *channelTest) read() *v1alpha1.NotificationChannel {
	t.Helper()
	channel := &v1alpha1.NotificationChannel{}
	testbed.Must(t.T, control.Client(t).Get(t.Context(), t.name, channel))
	return channel
}

// expect reconciles and expects the Ready condition, and the Events.
func (t *channelTest) expect(status metav1.ConditionStatus, reason, message string, events ...string) {
	t.Helper()
	for range 2 {
		result, err := t.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: t.name})
		testbed.Must(t.T, err)
		if want := map[bool]time.Duration{true: resync, false: healing}[status == metav1.ConditionTrue]; result.RequeueAfter != want {
			t.Errorf("the next look is after %s, not %s", result.RequeueAfter, want)
		}
	}
	ready := loop.ConditionOf(t.read().Status.Conditions, v1alpha1.ConditionReady)
	if ready.Status != status || ready.Reason != reason || !strings.Contains(ready.Message, message) {
		t.Errorf("ready is %+v", ready)
	}
	testbed.ExpectEvents(t, t.recorder, events...)
}

func TestAChannelIsReadyWhenItsSecretIsThere(t *testing.T) {
	test := newChannelTest(t)
	test.create(testbed.NewSlackChannel(test.name))
	test.expect(metav1.ConditionFalse, v1alpha1.ReasonSecretMissing, "Secret channels is not there", "Warning SecretMissing")
	test.createSecret()
	test.expect(metav1.ConditionTrue, v1alpha1.ReasonUsable, "itoc360.io/test", "Normal Usable")
	test.update(func(c *v1alpha1.NotificationChannel) { c.Spec.Slack.TokenRef.Key = "token" })
	test.expect(metav1.ConditionFalse, v1alpha1.ReasonSecretMissing, "Secret channels has no key token", "Warning SecretMissing")
}

func TestAChannelSaysWhatItsSecretShouldHold(t *testing.T) {
	test := newChannelTest(t)
	test.url = "hidden.example.com"
	test.createSecret()
	test.create(testbed.NewWebhookChannel(test.name))
	test.expect(metav1.ConditionFalse, v1alpha1.ReasonSecretInvalid, "key url of Secret channels does not hold an http or https URL",
		"Warning SecretInvalid")
	if loop.ConditionOf(test.read().Status.Conditions, v1alpha1.ConditionStalled).Status != metav1.ConditionTrue {
		t.Error("it is not stalled")
	}
}

func TestATemplateThatDoesNotCompileShows(t *testing.T) {
	test := newChannelTest(t)
	test.createSecret()
	channel := testbed.NewSlackChannel(test.name)
	channel.Spec.Template.Body = "{{.Nothing}}"
	test.create(channel)
	test.expect(metav1.ConditionFalse, v1alpha1.ReasonTemplateInvalid, "Messages have the default text: template.body: ",
		"Warning TemplateInvalid")
	// It sends all the same.
	test.update(func(c *v1alpha1.NotificationChannel) { c.Annotations = map[string]string{v1alpha1.AnnotationTest: "1"} })
	test.expect(metav1.ConditionFalse, v1alpha1.ReasonTemplateInvalid, "", "Normal TestSent")
	if len(test.slack.Messages()) != 1 {
		t.Errorf("Slack has %+v", test.slack.Messages())
	}
}

func TestATestMessageIsSentOnceForEachRequest(t *testing.T) {
	for name, c := range map[string]struct {
		channel func(types.NamespacedName) *v1alpha1.NotificationChannel
		calls   func(*channelTest) int
	}{
		"Slack":   {testbed.NewSlackChannel, func(t *channelTest) int { return t.slack.Calls() }},
		"webhook": {testbed.NewWebhookChannel, func(t *channelTest) int { return t.endpoint.Calls() }},
	} {
		t.Run(name, func(t *testing.T) {
			test := newChannelTest(t)
			test.createSecret()
			test.create(c.channel(test.name))
			test.expect(metav1.ConditionTrue, v1alpha1.ReasonUsable, "", "Normal Usable")
			for i, request := range []string{"once", "and again"} {
				test.update(func(c *v1alpha1.NotificationChannel) {
					c.Annotations = map[string]string{v1alpha1.AnnotationTest: request}
				})
				test.expect(metav1.ConditionTrue, v1alpha1.ReasonUsable, "", "Normal TestSent")
				if calls := c.calls(test); calls != i+1 {
					t.Errorf("after %d requests, %d messages came", i+1, calls)
				}
				got := test.read().Status.Test
				if got == nil || !got.FinishedAt.Equal(testbed.TimeAt(0)) || got.Request != request || got.Result != v1alpha1.TestSent {
					t.Errorf("the status says %+v", got)
				}
			}
		})
	}
}

func TestATestMessageThatIsTurnedAwayShowsOnTheChannel(t *testing.T) {
	test := newChannelTest(t)
	test.createSecret()
	channel := testbed.NewSlackChannel(test.name)
	channel.Annotations = map[string]string{v1alpha1.AnnotationTest: "1"}
	test.create(channel)
	test.slack.Token = "another"
	test.expect(metav1.ConditionFalse, v1alpha1.ReasonUnauthorized, "Slack answered invalid_auth",
		"Warning TestFailed The test message was not sent: Slack answered invalid_auth", "Warning Unauthorized")
	if got := test.read().Status.Test; got.Result != v1alpha1.TestFailed || got.Message != "Slack answered invalid_auth" {
		t.Errorf("the status says %+v", got)
	}
	// A restart forgets nothing.
	test.reconciler.Health = &Health{}
	test.expect(metav1.ConditionFalse, v1alpha1.ReasonUnauthorized, "Slack answered invalid_auth")
	test.slack.Token = testbed.SlackToken
	test.update(func(c *v1alpha1.NotificationChannel) { c.Annotations[v1alpha1.AnnotationTest] = "2" })
	test.expect(metav1.ConditionTrue, v1alpha1.ReasonUsable, "", "Normal TestSent", "Normal Usable")
}

func TestATestOfAChannelWithoutItsSecretFails(t *testing.T) {
	test := newChannelTest(t)
	channel := testbed.NewWebhookChannel(test.name)
	channel.Annotations = map[string]string{v1alpha1.AnnotationTest: strings.Repeat("x", 300)}
	test.create(channel)
	test.expect(metav1.ConditionFalse, v1alpha1.ReasonSecretMissing, "", "Warning TestFailed", "Warning SecretMissing")
}

func TestARequestIsMadeOnceThoughTheCacheLags(t *testing.T) {
	test := newChannelTest(t)
	test.createSecret()
	channel := testbed.NewSlackChannel(test.name)
	channel.Annotations = map[string]string{v1alpha1.AnnotationTest: "1"}
	test.create(channel)
	test.reconciler.Client = interceptor.NewClient(control.Client(t), interceptor.Funcs{
		Get: func(_ context.Context, _ client.WithWatch, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
			channel.DeepCopyInto(object.(*v1alpha1.NotificationChannel))
			return nil
		},
	})
	test.expect(metav1.ConditionTrue, v1alpha1.ReasonUsable, "", "Normal TestSent", "Normal Usable")
	if calls := test.slack.Calls(); calls != 1 {
		t.Errorf("%d messages came", calls)
	}
}

func TestALongRequestIsMadeOnce(t *testing.T) {
	test := newChannelTest(t)
	test.createSecret()
	channel := testbed.NewSlackChannel(test.name)
	channel.Annotations = map[string]string{v1alpha1.AnnotationTest: strings.Repeat("é", 300)}
	test.create(channel)
	test.expect(metav1.ConditionTrue, v1alpha1.ReasonUsable, "", "Normal TestSent", "Normal Usable")
	if calls := test.slack.Calls(); calls != 1 {
		t.Errorf("%d messages came", calls)
	}
}

func TestASecretThatASendMissedIsNotHeldAgainstTheChannel(t *testing.T) {
	test := newChannelTest(t)
	test.create(testbed.NewSlackChannel(test.name))
	test.reconciler.Health.Failed(test.name, lifecycle.Failure{
		Class: lifecycle.FailureUnauthorized, Reason: v1alpha1.ReasonSecretMissing, Message: "Secret channels is not there",
	})
	test.expect(metav1.ConditionFalse, v1alpha1.ReasonSecretMissing, "", "Warning SecretMissing")
	test.createSecret()
	test.expect(metav1.ConditionTrue, v1alpha1.ReasonUsable, "", "Normal Usable")
}

func TestWhatTheSendsTellShowsUntilOneArrives(t *testing.T) {
	test := newChannelTest(t)
	test.createSecret()
	test.create(testbed.NewSlackChannel(test.name))
	health := test.reconciler.Health
	health.Failed(test.name, lifecycle.Failure{Class: lifecycle.FailureRetryable, Message: "busy"})
	test.expect(metav1.ConditionTrue, v1alpha1.ReasonUsable, "", "Normal Usable")
	health.Failed(test.name, lifecycle.Failure{
		Class: lifecycle.FailureUnauthorized, Reason: v1alpha1.ReasonUnauthorized, Message: "Slack answered token_revoked",
	})
	test.expect(metav1.ConditionFalse, v1alpha1.ReasonUnauthorized, "Slack answered token_revoked", "Warning Unauthorized")
	health.Sent(test.name)
	test.expect(metav1.ConditionTrue, v1alpha1.ReasonUsable, "", "Normal Usable")
	testbed.Must(t, control.Client(t).Delete(t.Context(), test.read()))
	for range 2 {
		_, err := test.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: test.name})
		testbed.Must(t, err)
	}
	if _, known := health.of(test.name); known {
		t.Error("the health of a channel that is gone is remembered")
	}
}

func TestASecretThatCannotBeReadIsNoVerdict(t *testing.T) {
	test := newChannelTest(t)
	test.create(testbed.NewSlackChannel(test.name))
	test.reconciler.APIReader = refusing{control.Client(t)}
	if _, err := test.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: test.name}); err == nil {
		t.Error("it is no error")
	}
	if conditions := test.read().Status.Conditions; len(conditions) != 0 {
		t.Errorf("the conditions are %+v", conditions)
	}
}

// refusing reads nothing.
type refusing struct{ client.Reader }

func (refusing) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("the API server is away")
}
