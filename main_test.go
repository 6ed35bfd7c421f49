package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/options"
)

const systemNamespace = "itoc360-system"

// cluster is the control plane of all tests of this package, with the garbage collector running.
var cluster *controlplane.ControlPlane

// logs hold what all operators of this process logged, at the highest level.
var logs = &transcript{}

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	if os.Getenv(replicaVariable) != "" {
		return start(os.Args[1:], os.Stderr)
	}
	flags := flag.NewFlagSet("logging", flag.PanicOnError)
	logging := &zap.Options{}
	logging.BindFlags(flags)
	if err := flags.Parse([]string{"--zap-devel", "--zap-log-level=10"}); err != nil {
		return fail(err)
	}
	logger := newLogger(logging, zap.WriteTo(logs))
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	var err error
	if cluster, err = controlplane.Start(context.Background(), controlplane.Options{GarbageCollector: true}); err != nil {
		return fail(err)
	}
	defer func() { _ = cluster.Stop() }()
	if err := cluster.InstallAccess(context.Background()); err != nil {
		return fail(err)
	}
	return m.Run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// transcript collects text from many writers.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// operator is the whole process, without the process.
type operator struct {
	target

	ended chan error
	stop  func()
}

// target is where a replica takes webhooks.
type target struct{ replica, url string }

// serviceAccount is what the operator may do on a cluster: exactly what config/rbac allows it.
func serviceAccount(t testing.TB) *rest.Config {
	t.Helper()
	config, err := cluster.ServiceAccount(t.Context(), systemNamespace, "itoc360-operator")
	testbed.Must(t, err)
	return config
}

// startOperator runs the operator until the test ends, and returns once it answers.
func startOperator(t testing.TB, config *rest.Config, replica string, arguments ...string) *operator {
	t.Helper()
	flags := flag.NewFlagSet(replica, flag.ContinueOnError)
	operatorOptions := options.New()
	operatorOptions.Bind(flags)
	testbed.Must(t, flags.Parse(append([]string{
		"--intake-bind-address=127.0.0.1:0", "--metrics-bind-address=0", "--health-probe-bind-address=0",
		"--shutdown-delay=0s", "--leader-elect",
		// What these tests expect of an answer is not how soon a busy machine gives it.
		"--intake-answer-timeout=" + testbed.Patience.String(),
	}, arguments...)))
	operatorOptions.Namespace, operatorOptions.Replica = systemNamespace, replica
	testbed.Must(t, operatorOptions.Complete(flags.Args()))

	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	addresses := make(chan string, 1)
	o := &operator{target: target{replica: replica}, ended: make(chan error, 1)}
	go func() {
		o.ended <- run(ctx, config, operatorOptions, func(network, address string) (net.Listener, error) {
			listener, err := net.Listen(network, address)
			if err == nil {
				addresses <- listener.Addr().String()
			}
			return listener, err
		})
	}()
	o.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-o.ended; err != nil {
			t.Errorf("operator %s ended: %v", replica, err)
		}
	})
	t.Cleanup(o.stop)
	select {
	case address := <-addresses:
		o.url = "http://" + address
	case err := <-o.ended:
		t.Fatalf("operator %s: %v", replica, err)
	}
	return o
}

// knows waits until a replica takes a source's deliveries. An installation webhook is authenticated and ignored.
func (to target) knows(t testing.TB, source *testbed.Source) {
	t.Helper()
	testbed.Eventually(t, to.replica+" knows the source", func(ctx context.Context) bool {
		answer, err := source.Sentry(to.url).Post(ctx, simulator.Installation("created", time.Now()))
		return err == nil && answer.Status == http.StatusOK
	})
}

// settled waits until each Incident's status speaks of its spec, and tells the states.
func settled(t *testing.T, source *testbed.Source) []v1alpha1.Incident {
	t.Helper()
	var incidents []v1alpha1.Incident
	testbed.Eventually(t, "each status speaks of its spec", func(context.Context) bool {
		incidents = source.Incidents(t)
		for i := range incidents {
			if incidents[i].Status.ObservedGeneration != incidents[i].Generation {
				return false
			}
		}
		return true
	})
	return incidents
}

// states tells number and state of one issue's Incidents, as their status says.
func states(incidents []v1alpha1.Incident, key v1alpha1.AlertKey) string {
	var told []string
	for i := range incidents {
		if incidents[i].Spec.AlertKey == key {
			told = append(told, fmt.Sprintf("%d %s", incidents[i].Spec.Number, incidents[i].Status.State))
		}
	}
	return strings.Join(told, ", ")
}

const (
	replicas = 4
	issues   = 200
	perIssue = 20
	senders  = 6
)

func TestFourReplicasEndAsAModelSays(t *testing.T) {
	for name, configOf := range map[string]func(t *testing.T, replica int) *rest.Config{
		"all in time": func(t *testing.T, _ int) *rest.Config {
			t.Helper()
			return serviceAccount(t)
		},
		"one hears two seconds late": func(t *testing.T, replica int) *rest.Config {
			t.Helper()
			if replica == 0 {
				return controlplane.DelayWatches(serviceAccount(t), 2*time.Second)
			}
			return serviceAccount(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			operators, sources := startReplicas(t, configOf)
			tales := tellAll(t, operators, sources)
			for i, source := range sources {
				incidents := settled(t, source)
				for issue := i; issue < issues; issue += len(sources) {
					if got, want := states(incidents, v1alpha1.IssueKey(issueID(issue))), tales[issue].Ends; got != want {
						t.Errorf("reopenWindow %s: issue %s ended as %q, the model says %q", windows[i], issueID(issue), got, want)
					}
				}
			}
		})
	}
}

// startReplicas starts operators, and makes a source of each reopenWindow that all of them know.
func startReplicas(
	t *testing.T, configOf func(t *testing.T, replica int) *rest.Config,
) (operators []*operator, sources []*testbed.Source) {
	t.Helper()
	for replica := range replicas {
		operators = append(operators, startOperator(t, configOf(t, replica), "replica-"+strconv.Itoa(replica)))
	}
	for _, window := range windows {
		source := testbed.NewSource(t, testbed.NewClient(t, cluster.Config), func(s *v1alpha1.AlertSource) {
			s.Spec.Incidents.ReopenWindow = metav1.Duration{Duration: window}
		})
		sources = append(sources, source)
		for _, operator := range operators {
			operator.knows(t, source)
		}
	}
	return operators, sources
}

// windows are the reopenWindow of each source; issues belong to them in turn. Recurrences are minutes apart.
var windows = []time.Duration{0, 3 * time.Minute}

func issueID(i int) string { return strconv.Itoa(1000 + i) }

// tellAll posts each issue's webhooks one after another, each to a replica chosen at random the moment the last one was
// answered; several issues at a time.
func tellAll(t *testing.T, operators []*operator, sources []*testbed.Source) []testbed.Tale {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	tales := make([]testbed.Tale, issues)
	begin := time.Now().Add(-time.Hour).Truncate(time.Second)
	next := make(chan int)
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(sender)))
			transport := &http.Transport{MaxIdleConnsPerHost: senders}
			defer transport.CloseIdleConnections()
			for i := range next {
				which := i % len(sources)
				tales[i] = testbed.NewTale(random, issueID(i), perIssue, begin, windows[which])
				for _, webhook := range tales[i].Webhooks {
					sentry := sources[which].Sentry(operators[random.IntN(len(operators))].url)
					sentry.HTTP.Transport = transport
					answer, err := sentry.Post(t.Context(), webhook)
					if err != nil || answer.Status != http.StatusOK {
						t.Errorf("issue %s: %v %v", issueID(i), answer, err)
					}
				}
			}
		})
	}
	for i := range issues {
		next <- i
	}
	close(next)
	sending.Wait()
	return tales
}

// After its first alert, all that Sentry says of an issue comes at once, and in any order, to all replicas. What comes of
// it depends on the order but for two things: whether the issue is open, and that no more than the last Incident is.
func TestFourReplicasAtOnceNeverHaveTwoUnresolved(t *testing.T) {
	operators, sources := startReplicas(t, func(t *testing.T, replica int) *rest.Config {
		t.Helper()
		if replica == 0 {
			return controlplane.DelayWatches(serviceAccount(t), time.Second)
		}
		return serviceAccount(t)
	})
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	tales := make([]testbed.Tale, issues/5)
	for i := range tales {
		which := i % len(sources)
		tales[i] = testbed.NewTale(random, issueID(i), perIssue, time.Now().Add(-time.Hour).Truncate(time.Second), windows[which])
		tellOne(t, operators[0].target, sources[which], tales[i].Webhooks[0])
		var sending sync.WaitGroup
		for j, webhook := range tales[i].Webhooks[1:] {
			sending.Go(func() { tellOne(t, operators[j%len(operators)].target, sources[which], webhook) })
		}
		sending.Wait()
	}
	for i, tale := range tales {
		incidents := settled(t, sources[i%len(sources)])
		incidents = slices.DeleteFunc(incidents, func(incident v1alpha1.Incident) bool {
			return incident.Spec.AlertKey != v1alpha1.IssueKey(issueID(i))
		})
		story := states(incidents, v1alpha1.IssueKey(issueID(i)))
		for j := range incidents {
			last := j == len(incidents)-1
			open := incidents[j].Status.State != v1alpha1.StateResolved
			if incidents[j].Spec.Number != int32(j+1) || open != (last && tale.Open) {
				t.Errorf("issue %s ended as %q, want it to be open: %t", issueID(i), story, tale.Open)
			}
		}
	}
}

func tellOne(t *testing.T, to target, source *testbed.Source, webhook simulator.Webhook) {
	t.Helper()
	answer, err := source.Sentry(to.url).Post(t.Context(), webhook)
	if err != nil || answer.Status != http.StatusOK {
		t.Errorf("answered %v %v", answer, err)
	}
}

// tokenIn waits for the token that the operator makes.
func tokenIn(t *testing.T, c client.Client, name types.NamespacedName) string {
	t.Helper()
	var secret corev1.Secret
	testbed.Eventually(t, "the operator makes a token", func(ctx context.Context) bool {
		return c.Get(ctx, name, &secret) == nil && len(secret.Data[v1alpha1.SecretKeyToken]) > 0
	})
	return string(secret.Data[v1alpha1.SecretKeyToken])
}

func post(t *testing.T, o *operator, source *testbed.Source, webhook simulator.Webhook) simulator.Answer {
	t.Helper()
	answer, err := source.Sentry(o.url).Post(t.Context(), webhook)
	testbed.Must(t, err)
	return answer
}

func TestNoSecretIsToldAnywhere(t *testing.T) {
	c := testbed.NewClient(t, cluster.Config)
	o := startOperator(t, serviceAccount(t), "discreet", "--external-url=https://alerts.example.com")
	user := testbed.NewSource(t, c)
	made := testbed.NewSource(t, c, func(s *v1alpha1.AlertSource) { s.Spec.TokenRef = nil })
	webhookSecret := types.NamespacedName{Namespace: made.Name.Namespace, Name: v1alpha1.WebhookSecretName(made.Name.Name)}
	made.Token = tokenIn(t, c, webhookSecret)
	var answers transcript
	for _, source := range []*testbed.Source{user, made} {
		o.knows(t, source)
		tellOfEverything(t, o, source, &answers)
	}
	former := made.Token
	rotate(t, c, webhookSecret)
	testbed.Eventually(t, "a new token", func(context.Context) bool {
		made.Token = tokenIn(t, c, webhookSecret)
		return made.Token != former
	})
	o.knows(t, made)
	tellOfEverything(t, o, made, &answers)
	settled(t, made)
	testbed.Eventually(t, "the intake has reported", func(context.Context) bool {
		condition := meta.FindStatusCondition(made.Get(t).Status.Conditions, v1alpha1.ConditionSignatureVerified)
		return made.Get(t).Status.LastSignalTime != nil && condition != nil && condition.Reason != v1alpha1.ReasonNoDelivery
	})
	o.stop()

	secrets := map[string]string{
		"the user's token": user.Token, "a client secret": user.ClientSecret, "another client secret": made.ClientSecret,
		"the token made": made.Token, "the token before": former, "the URL": "?token=" + made.Token,
	}
	for i, personal := range simulator.PersonalData() {
		secrets["personal data "+strconv.Itoa(i)] = personal
	}
	places := testbed.EverythingButSecrets(t, cluster.Config)
	places["the logs"] = logs.String()
	places["the HTTP answers"] = answers.String()
	places["the metrics"] = metricsText(t)
	for _, needed := range []string{"Webhook taken", "Webhook refused", "Webhook ignored"} {
		if !strings.Contains(places["the logs"], needed) {
			t.Errorf("the logs lack %q: they are not those of the highest level", needed)
		}
	}
	for place, text := range places {
		if leaks := testbed.Leaks(text, secrets); len(leaks) > 0 {
			t.Errorf("%s: tells %v", place, leaks)
		}
	}
	findPlanted(t, c, user, secrets)
}

// findPlanted proves that the search finds what it looks for.
func findPlanted(t *testing.T, c client.Client, source *testbed.Source, secrets map[string]string) {
	t.Helper()
	for name, planted := range map[string]client.Object{
		"an Event": &eventsv1.Event{
			EventTime: metav1.NowMicro(), Type: "Normal", Reason: "Leak", Action: "Leak",
			ReportingController: "test", ReportingInstance: "test",
			Regarding: corev1.ObjectReference{Kind: "AlertSource", Namespace: source.Name.Namespace, Name: source.Name.Name},
			Note:      "look: " + source.Token,
		},
		"a ConfigMap": &corev1.ConfigMap{BinaryData: map[string][]byte{"key": []byte(source.ClientSecret)}},
	} {
		planted.SetNamespace(source.Name.Namespace)
		planted.SetName("planted")
		testbed.Must(t, c.Create(t.Context(), planted))
		found := false
		for _, text := range testbed.EverythingButSecrets(t, cluster.Config) {
			found = found || len(testbed.Leaks(text, secrets)) > 0
		}
		if !found {
			t.Errorf("a secret planted in %s is not found", name)
		}
		testbed.Must(t, c.Delete(t.Context(), planted))
	}
	ctrl.Log.V(5).Info("Planted", "url", "https://alerts.example.com/?token="+source.Token)
	if len(testbed.Leaks(logs.String(), secrets)) == 0 {
		t.Error("a secret planted in the logs is not found")
	}
}

// rotate removes the key token, so that the operator makes another.
func rotate(t *testing.T, c client.Client, name types.NamespacedName) {
	t.Helper()
	patchSecret(t, c, name, func(data map[string][]byte) { delete(data, v1alpha1.SecretKeyToken) })
}

// tellOfEverything posts what is taken, what is ignored and what is refused.
func tellOfEverything(t *testing.T, o *operator, source *testbed.Source, answers io.Writer) {
	t.Helper()
	issue := simulator.Issue{ID: "42"}
	at := time.Now().Add(-time.Hour)
	wrong := *source
	wrong.ClientSecret = "not the client secret"
	stranger := *source
	stranger.Token = strings.Repeat("z", 43)
	for i, sent := range []struct {
		from    *testbed.Source
		webhook simulator.Webhook
	}{
		{source, simulator.IssueWebhook("created", issue, at)},
		{source, simulator.EventAlert(issue, "Page the team", false, at.Add(time.Minute))},
		{source, simulator.IssueWebhook("assigned", issue, at.Add(2*time.Minute))},
		{source, simulator.IssueWebhook("resolved", issue, at.Add(3*time.Minute))},
		{source, simulator.IssueWebhook("unresolved", issue, at.Add(4*time.Minute))},
		{source, simulator.MetricAlert("critical", "9", "", "", nil, at)},
		{source, simulator.Other("error", "created", at)},
		{source, simulator.Installation("created", at)},
		{source, simulator.ActivityAlert("status_escalating", issue, at.Add(5*time.Minute))},
		{source, simulator.EventAlert(simulator.Issue{ID: "43"}, "", true, at)},
		{source, simulator.IssueWebhook("resolved", simulator.Issue{ID: "44"}, at)},
		{source, simulator.Webhook{Body: []byte(`{"project": "checkout", "event": {"message": "` + source.ClientSecret + `"}}`), Time: at}},
		{source, simulator.Webhook{Resource: source.Token, Body: []byte(`{"action": "created"}`), Time: at}},
		{source, simulator.Webhook{Resource: "issue", Body: []byte(`{"action": "created"}`), Time: at}},
		{source, simulator.Webhook{Resource: "issue", Body: []byte(source.Token), Time: at}},
		{&wrong, simulator.IssueWebhook("created", issue, at)},
		{&stranger, simulator.IssueWebhook("created", issue, at)},
	} {
		answer, err := sent.from.Sentry(o.url).Post(t.Context(), sent.webhook)
		testbed.Must(t, err)
		fmt.Fprintln(answers, i, answer.Status, answer.Header, string(answer.Body))
	}
}

func metricsText(t testing.TB) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	promhttp.HandlerFor(metrics.Registry, promhttp.HandlerOpts{}).ServeHTTP(recorder, request)
	if !strings.Contains(recorder.Body.String(), "itoc360_intake_requests_total") {
		t.Error("the metrics lack those of the intake")
	}
	return recorder.Body.String()
}

func TestTheCommandLineSaysWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		arguments []string
		code      int
		says      string
	}{
		"--help lists the flags":       {[]string{"--help"}, 0, "-external-url"},
		"--version tells the version":  {[]string{"--version"}, 0, "itoc360-operator "},
		"an unknown flag":              {[]string{"--intake"}, 2, "flag provided but not defined: -intake"},
		"an argument":                  {[]string{"start"}, 2, `unexpected argument "start"`},
		"a certificate without a key":  {[]string{"--intake-tls-cert-file=tls.crt"}, 2, "go together"},
		"an external URL with a query": {[]string{"--external-url=https://a.example.com/?token=1"}, 2, "--external-url is a URL such as"},
		"a negative delay":             {[]string{"--shutdown-delay=-1s"}, 2, "cannot be negative"},
	} {
		t.Run(name, func(t *testing.T) {
			var said bytes.Buffer
			if code := start(test.arguments, &said); code != test.code || !strings.Contains(said.String(), test.says) {
				t.Errorf("exit code %d and %q, want %d and %q", code, said.String(), test.code, test.says)
			}
		})
	}
}
