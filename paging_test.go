package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/receivers"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// newTeam makes a source that pages by a policy of one step, which tells the channels at once.
func newTeam(t testing.TB, channels ...string) *testbed.Source {
	t.Helper()
	source := testbed.NewSource(t, testbed.NewClient(t, cluster.Config), func(s *v1alpha1.AlertSource) {
		s.Spec.EscalationPolicyRef = &v1alpha1.PolicyReference{Name: "payments"}
	})
	policy := types.NamespacedName{Namespace: source.Name.Namespace, Name: "payments"}
	testbed.Must(t, source.Client.Create(t.Context(), testbed.NewPolicy(policy, testbed.Step("team", 0, channels...))))
	return source
}

func changePolicy(t *testing.T, source *testbed.Source, change func(*v1alpha1.EscalationPolicySpec)) {
	t.Helper()
	policy := &v1alpha1.EscalationPolicy{}
	testbed.Must(t, source.Client.Get(t.Context(), source.Name, policy))
	before := policy.DeepCopy()
	change(&policy.Spec)
	testbed.Must(t, source.Client.Patch(t.Context(), policy, client.MergeFrom(before)))
}

// newChannel makes a channel with a Secret of its own: one that posts to Slack or, where there is a URL, a webhook.
func newChannel(t testing.TB, source *testbed.Source, name, url string) types.NamespacedName {
	t.Helper()
	key := types.NamespacedName{Namespace: source.Name.Namespace, Name: name}
	testbed.Must(t, source.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: name},
		StringData: map[string]string{"slackToken": testbed.SlackToken, "url": url, "signingSecret": testbed.SigningSecret},
	}))
	channel := testbed.NewWebhookChannel(key)
	if url == "" {
		channel = testbed.NewSlackChannel(key)
		channel.Spec.Slack.TokenRef.Name = name
	} else {
		channel.Spec.Webhook.URLRef.Name, channel.Spec.Webhook.SigningSecretRef.Name = name, name
	}
	testbed.Must(t, source.Client.Create(t.Context(), channel))
	return key
}

func serve(t testing.TB, handler http.Handler) (url string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// ledgerOf waits until the only Incident's ledger is as it should be.
func ledgerOf(t *testing.T, source *testbed.Source, what string, is func([]v1alpha1.Notification) bool) []v1alpha1.Notification {
	t.Helper()
	var entries []v1alpha1.Notification
	testbed.Eventually(t, what, func(context.Context) bool {
		incidents := source.Incidents(t)
		if len(incidents) != 1 {
			return false
		}
		entries = incidents[0].Status.Notifications
		return is(entries)
	})
	return entries
}

const (
	secretPath = "a-path-that-nobody-may-see"
	secretHost = "a-host-that-nobody-may-see.invalid"
)

// echo answers with all that it was sent, as everything that an answer has room for.
func echo(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		all := strings.NewReplacer("\n", " ", `"`, "'").Replace(fmt.Sprint(r.URL, r.Header, r.PostForm))
		w.Header().Set("Location", "http://"+secretHost+"/"+secretPath)
		w.Header().Set("Retry-After", testbed.SlackToken)
		w.Header().Set("X-Echo", all)
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"ok":false,"error":%q,"warning":%q}`, r.PostForm.Get("token"), all)
	}
}

// echoingChannels are a channel of each of the other kinds, whose targets tell all that they know.
func echoingChannels(t *testing.T, source *testbed.Source) []*v1alpha1.NotificationChannel {
	t.Helper()
	named := func(name string) types.NamespacedName {
		return types.NamespacedName{Namespace: source.Name.Namespace, Name: name}
	}
	testbed.CreateChannelsSecret(t, source.Client, source.Name.Namespace, "http://"+secretHost)
	mail := func(name string, server *receivers.MailServer) *v1alpha1.NotificationChannel {
		address, stop, err := server.Start()
		testbed.Must(t, err)
		t.Cleanup(stop)
		return testbed.NewEmailChannel(named(name), address.Port, v1alpha1.SMTPNone)
	}
	refusing := &receivers.MailServer{Unexpected: t.Errorf, Refuses: func(command string) error {
		if command == "RCPT" {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.NoEnhancedCode, Message: testbed.MailPassword}
		}
		return nil
	}}
	broken := testbed.NewEmailChannel(named("mail-broken"), 1, v1alpha1.SMTPStartTLS)
	broken.Spec.Email.SMTP.Host = "mail.invalid"
	alerts := testbed.NewAlertmanagerChannel(named("alerts"), serve(t, echo(http.StatusBadRequest)), "http://127.0.0.1:1")
	return []*v1alpha1.NotificationChannel{
		testbed.NewPagerDutyChannel(named("duty")), mail("mail-refused", refusing), broken, alerts,
		// A server without TLS, where a login is wanted, is given no password.
		func() *v1alpha1.NotificationChannel {
			channel := mail("mail", &receivers.MailServer{Unexpected: t.Errorf})
			channel.Spec.Email.SMTP.TLS = v1alpha1.SMTPStartTLS
			channel.Spec.Email.SMTP.AuthRef = &v1alpha1.SecretReference{Name: testbed.ChannelsSecret}
			return channel
		}(),
	}
}

func TestNoSecretOfAChannelIsToldAnywhere(t *testing.T) {
	var calls atomic.Int32
	slack := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Each of the three channels is tested, and pages.
		codes := []int{200, 400, 401, 429, 500, 307}
		echo(codes[int(calls.Add(1))%len(codes)])(w, r)
	}))
	duty := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"status":"invalid event","message":%q,"errors":[%q]}`, body, testbed.RoutingKey)
	}))
	o := startOperator(t, serviceAccount(t), "discreet-pager", "--slack-api-url="+slack, "--pagerduty-events-url="+duty)
	targets := map[string]string{
		"slack-a":     "",
		"slack-b":     "",
		"slack-c":     "",
		"refused":     serve(t, echo(400)) + "/" + secretPath,
		"busy":        serve(t, echo(503)) + "/" + secretPath,
		"turned-away": serve(t, echo(401)) + "/" + secretPath,
		"redirected":  serve(t, echo(307)) + "/" + secretPath,
		"unreachable": "http://127.0.0.1:1/" + secretPath,
		"unknown":     "http://" + secretHost + "/" + secretPath,
		"no-url":      "ftp://" + secretHost + "/" + secretPath,
	}
	var names []string
	for name := range targets {
		names = append(names, name)
	}
	slices.Sort(names)
	source := newTeam(t, names[:5]...)
	changePolicy(t, source, func(spec *v1alpha1.EscalationPolicySpec) {
		spec.Steps = append(spec.Steps, testbed.Step("all", 0, names[5:]...),
			testbed.Step("more", 0, "duty", "mail", "alerts", "mail-refused", "mail-broken"))
	})
	keys := map[string]types.NamespacedName{}
	for name, url := range targets {
		keys[name] = newChannel(t, source, name, url)
	}
	for _, channel := range echoingChannels(t, source) {
		testbed.Must(t, source.Client.Create(t.Context(), channel))
		names, keys[channel.Name] = append(names, channel.Name), client.ObjectKeyFromObject(channel)
	}
	for name, key := range keys {
		channel := &v1alpha1.NotificationChannel{}
		testbed.Must(t, source.Client.Get(t.Context(), key, channel))
		before := channel.DeepCopy()
		channel.Annotations = map[string]string{v1alpha1.AnnotationTest: "now"}
		testbed.Must(t, source.Client.Patch(t.Context(), channel, client.MergeFrom(before)))
		testbed.Eventually(t, name+" is tested", func(ctx context.Context) bool {
			return source.Client.Get(ctx, key, channel) == nil && channel.Status.Test != nil
		})
		if channel.Status.Test.Result != v1alpha1.TestFailed {
			t.Errorf("the test of %s: %+v", name, channel.Status.Test)
		}
	}
	o.knows(t, source)
	post(t, o, source, simulator.IssueWebhook("created", simulator.Issue{ID: "42"}, time.Now()))
	expectUnauthorized(t, source, "turned-away")
	ledgerOf(t, source, "each channel has failed", func(entries []v1alpha1.Notification) bool {
		return len(entries) == len(names) && !slices.ContainsFunc(entries, func(n v1alpha1.Notification) bool { return n.Error == "" })
	})
	if calls.Load() < 6 {
		t.Errorf("Slack was called %d times, not with each of its answers", calls.Load())
	}
	o.stop()
	secrets := map[string]string{
		"a Slack token": testbed.SlackToken, "a signing secret": testbed.SigningSecret, "the path of a URL": secretPath,
		"the host of a URL": secretHost, "a routing key": testbed.RoutingKey, "a mail password": testbed.MailPassword,
	}
	places := testbed.EverythingButSecrets(t, cluster.Config)
	places["the logs"], places["the metrics"] = logs.String(), metricsText(t)
	for place, needed := range map[string]string{
		"the logs": "Could not tell a channel", "the metrics": "itoc360_notification_sends_total",
	} {
		if !strings.Contains(places[place], needed) {
			t.Errorf("%s lack %q", place, needed)
		}
	}
	for place, text := range places {
		if leaks := testbed.Leaks(text, secrets); len(leaks) > 0 {
			t.Errorf("%s: tells %v", place, leaks)
		}
	}
}

// expectUnauthorized expects that a channel shows that it was turned away, and that its policy is not ready for it.
func expectUnauthorized(t *testing.T, source *testbed.Source, name string) {
	t.Helper()
	key := types.NamespacedName{Namespace: source.Name.Namespace, Name: name}
	testbed.Eventually(t, name+" is shown as unauthorized, and its policy as not ready", func(ctx context.Context) bool {
		channel, policy := &v1alpha1.NotificationChannel{}, &v1alpha1.EscalationPolicy{}
		if source.Client.Get(ctx, key, channel) != nil || source.Client.Get(ctx, source.Name, policy) != nil {
			return false
		}
		channelReady := meta.FindStatusCondition(channel.Status.Conditions, v1alpha1.ConditionReady)
		policyReady := meta.FindStatusCondition(policy.Status.Conditions, v1alpha1.ConditionReady)
		return channelReady != nil && channelReady.Reason == v1alpha1.ReasonUnauthorized &&
			policyReady != nil && policyReady.Reason == v1alpha1.ReasonChannelNotReady
	})
}

func TestAPageThatIsTurnedAwayShowsOnItsChannel(t *testing.T) {
	pager := &receivers.Webhook{Secret: testbed.SigningSecret, Unexpected: t.Errorf, Answers: func() receivers.Answer {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }
	}}
	o := startOperator(t, serviceAccount(t), "turned-away")
	source := newTeam(t, "pager")
	newChannel(t, source, "pager", serve(t, pager))
	o.knows(t, source)
	post(t, o, source, newIssue(0))
	expectUnauthorized(t, source, "pager")
}

func TestAnAcknowledgementThatTimesOutPagesAgain(t *testing.T) {
	pager := &receivers.Webhook{Secret: testbed.SigningSecret, Unexpected: t.Errorf}
	o := startOperator(t, serviceAccount(t), "patient")
	source := newTeam(t, "pager")
	newChannel(t, source, "pager", serve(t, pager))
	changePolicy(t, source, func(spec *v1alpha1.EscalationPolicySpec) { spec.AckTimeout.Duration = time.Minute })
	o.knows(t, source)
	// It opened before it was acknowledged: an acknowledgement counts from the opening at the earliest.
	post(t, o, source, simulator.IssueWebhook("created", simulator.Issue{ID: "10000"}, time.Now().Add(-2*time.Minute)))
	told := func(want ...string) {
		t.Helper()
		testbed.Eventually(t, fmt.Sprintf("the pager is told %v", want), func(context.Context) bool {
			var types []string
			for _, delivery := range pager.Deliveries() {
				types = append(types, delivery.Type)
			}
			return slices.Equal(types, want)
		})
	}
	told("incident.page")
	acknowledge := func(ago time.Duration) {
		t.Helper()
		at := time.Now().Add(-ago).UTC().Format(time.RFC3339)
		respond(t, source, fmt.Sprintf(`{"acknowledgedBy": "alice", "acknowledgedAt": %q}`, at))
	}
	acknowledge(0)
	told("incident.page", "incident.update")
	// Then it is as old as the timeout, so that nobody has to wait for it.
	acknowledge(time.Minute)
	told("incident.page", "incident.update", "incident.page")
	incident := &source.Incidents(t)[0]
	if ptr.Deref(incident.Spec.Response, v1alpha1.Response{}) != (v1alpha1.Response{}) || incident.Status.Escalation.Run != 2 {
		t.Errorf("the response is %+v, the run %+v", incident.Spec.Response, incident.Status.Escalation)
	}
}

const (
	// pagesPerSecond is how many new Incidents there are a second.
	pagesPerSecond = 20
	// pagingLasts is how long they keep coming.
	pagingLasts = 30 * time.Second
)

// BenchmarkPagesBesideADeadChannel measures the time from a webhook's answer until its page is received, while half of all
// messages go to a channel that never answers.
func BenchmarkPagesBesideADeadChannel(b *testing.B) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	testbed.Must(b, err)
	b.Cleanup(func() { _ = dead.Close() })
	for b.Loop() {
		var mu sync.Mutex
		received := map[string]time.Time{}
		pager := &receivers.Webhook{Secret: testbed.SigningSecret, Unexpected: b.Errorf, Seen: func(delivery receivers.Delivery) {
			mu.Lock()
			defer mu.Unlock()
			received[fmt.Sprint(delivery.Incident["name"])] = time.Now()
		}}
		o := startOperator(b, serviceAccount(b), "benchmark")
		source := newTeam(b, "dead", "live")
		newChannel(b, source, "dead", "http://"+dead.Addr().String())
		newChannel(b, source, "live", serve(b, pager))
		o.knows(b, source)
		answered := postSteadily(b, o, source)
		testbed.Eventually(b, "all pages are received", func(context.Context) bool {
			mu.Lock()
			defer mu.Unlock()
			return len(received) == len(answered)
		})
		o.stop()
		var delays []time.Duration
		for name, at := range answered {
			delays = append(delays, received[name].Sub(at))
		}
		slices.Sort(delays)
		b.ReportMetric(float64(delays[len(delays)/2].Milliseconds()), "p50-ms")
		b.ReportMetric(float64(delays[len(delays)*99/100].Milliseconds()), "p99-ms")
		b.ReportMetric(float64(len(delays)), "pages")
	}
}

// postSteadily opens Incidents at a steady rate, and gives when each was answered.
func postSteadily(b *testing.B, o *operator, source *testbed.Source) map[string]time.Time {
	b.Helper()
	answered := map[string]time.Time{}
	var mu sync.Mutex
	var posting sync.WaitGroup
	ticker := time.NewTicker(time.Second / pagesPerSecond)
	defer ticker.Stop()
	for number := range int(pagingLasts.Seconds()) * pagesPerSecond {
		<-ticker.C
		posting.Go(func() {
			answer, err := source.Sentry(o.url).Post(b.Context(), newIssue(number))
			if err != nil || answer.Status != http.StatusOK {
				b.Errorf("answered %v %v", answer, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			answered[v1alpha1.IncidentName(source.Name.Name, v1alpha1.IssueKey(strconv.Itoa(10_000+number)), 1)] = time.Now()
		})
	}
	posting.Wait()
	return answered
}
