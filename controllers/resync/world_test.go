package resync

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/incident"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	sentryapi "github.com/itoc360/itoc360-operator/internal/sentry/client"
	"github.com/itoc360/itoc360-operator/webhook"
	"github.com/itoc360/itoc360-operator/webhook/inbox"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

var control testbed.ControlPlane

func TestMain(m *testing.M) { os.Exit(control.Run(m)) }

// world is a source between a Sentry that is played and a real API server, with the intake and the controllers that have to do with it,
// each of which acts when the test says so, at a time that the test sets.
type world struct {
	testing.TB

	clock    *testbed.MovedClock
	sentry   *simulator.Server
	api      *httptest.Server
	limiters *sentryapi.Limiters
	project  string

	source    *testbed.Source
	directory *directory
	mirror    *testbed.Mirror
	recorder  *events.FakeRecorder

	// timeout is how long a call to Sentry may take; 0: as usual.
	timeout time.Duration
	// strangers is how many requests bore an unknown token.
	strangers int

	// These are as new after a restart.
	store     *store.Store
	inbox     *inbox.Inbox
	reporter  *webhook.Reporter
	handler   http.Handler
	incidents *incident.Reconciler
	resync    *Reconciler
	feed      *feed
	writeBack *WriteBack

	// heard are the Incidents as the controller of resync heard of them last.
	heard map[string]*v1alpha1.Incident

	// outbox has the webhooks that Sentry has sent and nobody has delivered yet.
	outbox simulator.Outbox
	// paged are the pages that were ever due, by alert key.
	paged map[v1alpha1.AlertKey]map[string]bool
}

// directory knows the one source.
type directory struct {
	testing.TB
	client client.Client
	name   types.NamespacedName

	mu    sync.Mutex
	known *sources.Source
}

var _ webhook.Sources = (*directory)(nil)

func (d *directory) Ready() bool                    { return true }
func (d *directory) ByToken(string) *sources.Source { return d.ByName(d.name) }

func (d *directory) Reread(context.Context, *sources.Source) *sources.Source { return d.ByName(d.name) }

func (d *directory) ByName(name types.NamespacedName) *sources.Source {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = d.gather(name)
	}
	return d.known
}

// forget makes the directory read anew.
func (d *directory) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known = nil
}

func (d *directory) gather(name types.NamespacedName) *sources.Source {
	object := &v1alpha1.AlertSource{}
	err := d.client.Get(context.Background(), name, object)
	if apierrors.IsNotFound(err) {
		return nil
	}
	testbed.Must(d.TB, err)
	return sources.Gather(object, func(name types.NamespacedName) (*corev1.Secret, error) {
		secret := &corev1.Secret{}
		err := d.client.Get(context.Background(), name, secret)
		return secret, client.IgnoreNotFound(err)
	})
}

const authToken = "sntryi_0123456789abcdef"

// newWorld is an empty one: the organization acme with the project checkout, and the source payments with a token.
func newWorld(t testing.TB, changes ...func(*v1alpha1.AlertSource)) *world {
	t.Helper()
	w := &world{TB: t, clock: &testbed.MovedClock{}}
	w.sentry = &simulator.Server{
		Organization: &simulator.Organization{Now: w.clock.Now, Tell: w.outbox.Put}, Token: authToken,
		Unexpected: func(request string) { t.Errorf("Sentry was asked for %s", request) },
	}
	w.project = w.sentry.AddProject("checkout")
	w.api = httptest.NewServer(w.sentry)
	t.Cleanup(w.api.Close)
	w.limiters = sentryapi.NewLimiters(sentryapi.Limits{PerSecond: 1e6, Burst: 1000, InFlight: 4}, clock.RealClock{})
	w.install(changes...)
	return w
}

// neighbour is another world around the same Sentry: nothing else is common to the two.
func (w *world) neighbour(changes ...func(*v1alpha1.AlertSource)) *world {
	w.Helper()
	other := &world{TB: w.TB, clock: w.clock, sentry: w.sentry, api: w.api, limiters: w.limiters, project: w.project}
	tell := w.sentry.Tell
	w.sentry.Tell = func(webhook simulator.Webhook) {
		tell(webhook)
		other.outbox.Put(webhook)
	}
	other.install(changes...)
	return other
}

// install makes the source, and starts the process.
func (w *world) install(changes ...func(*v1alpha1.AlertSource)) {
	w.Helper()
	live := control.Client(w.TB)
	w.recorder, w.paged = events.NewFakeRecorder(10_000), map[v1alpha1.AlertKey]map[string]bool{}
	w.source = testbed.NewSource(w.TB, live, append([]func(*v1alpha1.AlertSource){w.asks, paged}, changes...)...)
	w.addToken(authToken)
	testbed.Must(w.TB, live.Create(w.Context(), testbed.NewPolicy(w.source.Name, testbed.Step("team", 0, "slack"))))
	w.directory = &directory{TB: w.TB, client: live, name: w.source.Name}
	w.restart()
}

func (w *world) addToken(token string) {
	w.Helper()
	secret := &corev1.Secret{}
	secret.Namespace, secret.Name = w.source.Name.Namespace, testbed.SecretName
	patch := client.RawPatch(types.MergePatchType, []byte(`{"stringData":{"authToken":"`+token+`\n"}}`))
	testbed.Must(w.TB, control.Client(w.TB).Patch(w.Context(), secret, patch))
}

// asks lets a source ask the Sentry of this world.
func (w *world) asks(source *v1alpha1.AlertSource) {
	source.Spec.Sentry.Organization, source.Spec.Sentry.BaseURL = "acme", w.api.URL
	source.Spec.Sentry.AuthTokenRef = &v1alpha1.SecretKeyReference{Name: testbed.SecretName, Key: "authToken"}
}

func paged(source *v1alpha1.AlertSource) {
	source.Spec.EscalationPolicyRef = &v1alpha1.PolicyReference{Name: source.Name}
}

// intake is what the controller knows of it.
type intake struct {
	*store.Store
	strangers *int
}

func (i intake) Strangers() int { return *i.strangers }

// noDispatcher sends nothing: what is due stands in the ledger.
type noDispatcher struct{}

func (noDispatcher) Enqueue(types.NamespacedName, *v1alpha1.Incident) {}

// restart replaces the process: what it remembered is gone.
func (w *world) restart() {
	w.Helper()
	live := control.Client(w.TB)
	w.heard = map[string]*v1alpha1.Incident{}
	w.mirror = testbed.NewMirror(w.TB, live, w.source.Name.Namespace, loop.AddIndexes, store.AddIndex)
	recorder := store.New(w.mirror, w.mirror, live, w.directory, w.clock)
	recorder.UseServerClock(time.Now)
	w.store = recorder
	w.inbox = inbox.New(recorder, inbox.Options{Named: w.directory, Clock: w.clock})
	w.reporter = webhook.NewReporter(live, "replica", w.clock, logr.Discard())
	handler := webhook.NewHandler(w.directory, w.inbox, w.reporter, w.clock, logr.Discard())
	// What these tests expect of an answer is not how soon a busy machine gives it.
	handler.AnswerTimeout = testbed.Patience
	w.handler = handler
	w.incidents = &incident.Reconciler{
		Client: w.mirror, Recorder: w.recorder, Clock: w.clock, Inbox: w.inbox, Dispatcher: noDispatcher{},
	}
	w.resync = NewReconciler(Deps{
		Client: w.mirror, APIReader: live, Inbox: w.inbox, Intake: intake{recorder, &w.strangers}, Recorder: w.recorder,
		Clock: w.clock, Limiters: w.limiters,
		Retries: sentryapi.Retries{First: time.Millisecond, Times: 3},
	})
	w.writeBack = NewWriteBack(w.resync)
	w.connect()
}

// connect makes the feed as the controller does, without letting it run by itself.
func (w *world) connect() {
	w.Helper()
	w.directory.forget()
	w.mirror.Forget()
	source := w.source.Get(w.TB)
	testbed.Must(w.TB, w.resync.tellSince(w.Context(), source))
	options, settings, err := w.resync.connect(w.Context(), source)
	testbed.Must(w.TB, err)
	options.Timeout = w.timeout
	connection, err := sentryapi.New(options)
	testbed.Must(w.TB, err)
	w.feed = newFeed(w.resync.Deps, source, connection, logr.Discard())
	w.resync.feeds[w.source.Name] = &running{feed: w.feed, settings: settings, stop: func() {}}
}

// lose loses the webhooks that Sentry has sent.
func (w *world) lose() { w.outbox.Take() }

// deliver delivers the webhooks that Sentry has sent.
func (w *world) deliver() {
	w.Helper()
	for _, webhook := range w.outbox.Take() {
		w.post(webhook)
	}
}

// post delivers a webhook.
func (w *world) post(webhook simulator.Webhook) {
	w.Helper()
	sentry := w.source.Sentry("http://intake.invalid")
	sentry.HTTP = &http.Client{Transport: direct{w.handler}, Timeout: testbed.Patience}
	answer, err := sentry.Post(w.Context(), webhook)
	testbed.Must(w.TB, err)
	if !answer.OK() {
		w.Fatalf("a webhook is answered %s", answer)
	}
	w.conclude()
}

// direct lets a handler answer without a connection.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(request *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	d.handler.ServeHTTP(recorder, request)
	return recorder.Result(), nil
}

// conclude lets the controller of Incidents look at those whose status is behind, as its watch does, and the controller of resync hear
// of them.
func (w *world) conclude() {
	w.Helper()
	for _, known := range w.mirror.Incidents() {
		if lifecycle.IsStub(known) || known.Status.ObservedGeneration == known.Generation {
			continue
		}
		w.look(known)
	}
}

func (w *world) look(known *v1alpha1.Incident) {
	w.Helper()
	if before := w.heard[known.Name]; before == nil || before.Generation != known.Generation {
		w.resync.hear(before, known, false)
		w.heard[known.Name] = known
	}
	_, err := w.incidents.Reconcile(w.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(known)})
	testbed.Must(w.TB, err)
	now := &v1alpha1.Incident{}
	testbed.Must(w.TB, w.mirror.Get(w.Context(), client.ObjectKeyFromObject(known), now))
	for _, entry := range now.Status.Notifications {
		if entry.Kind == v1alpha1.KindPage {
			page := fmt.Sprintf("%s cycle %d run %d step %s", now.Name, entry.Cycle, entry.Run, entry.Step)
			if w.paged[now.Spec.AlertKey] == nil {
				w.paged[now.Spec.AlertKey] = map[string]bool{}
			}
			w.paged[now.Spec.AlertKey][page] = true
		}
	}
}

// tryPass makes a pass, and all checks that follow from it.
func (w *world) tryPass() error {
	w.Helper()
	w.reporter.Flush(w.Context())
	w.mirror.Forget()
	err := w.feed.pass(w.Context())
	w.conclude()
	w.settle()
	return err
}

// pass makes a pass that must not fail, ten minutes after what came before.
func (w *world) pass() {
	w.Helper()
	w.clock.Move(10 * time.Minute)
	testbed.Must(w.TB, w.tryPass())
}

// settle waits until nothing is to be checked any more.
func (w *world) settle() {
	w.Helper()
	for range 20 {
		pause := w.feed.checkDue(w.Context())
		w.conclude()
		if pause > 5*time.Minute {
			return
		}
		w.clock.Move(pause)
	}
	w.Fatal("checks do not come to an end")
}

// incident is the latest Incident of an issue, whole, nil if there is none.
func (w *world) incident(id string) *v1alpha1.Incident {
	w.Helper()
	return w.incidentOf(v1alpha1.IssueKey(id))
}

func (w *world) incidentOf(key v1alpha1.AlertKey) *v1alpha1.Incident {
	w.Helper()
	known, err := w.resync.Intake.Latest(w.Context(), w.source.Name, key)
	testbed.Must(w.TB, err)
	if known == nil {
		return nil
	}
	latest := &v1alpha1.Incident{}
	testbed.Must(w.TB, control.Client(w.TB).Get(w.Context(), client.ObjectKeyFromObject(known), latest))
	return latest
}

// story is the states of an issue's Incidents, such as "Resolved, Open".
func (w *world) story(id string) string {
	w.Helper()
	var states []string
	all := w.source.Incidents(w.TB)
	for i := range all {
		if all[i].Spec.AlertKey == v1alpha1.IssueKey(id) {
			status, _ := lifecycle.Fold(&all[i].Spec, w.clock.Now())
			states = append(states, string(status.State))
		}
	}
	return strings.Join(states, ", ")
}

func (w *world) expectStory(id, want string) {
	w.Helper()
	if got := w.story(id); got != want {
		w.Errorf("the Incidents of issue %s are %q, want %q", id, got, want)
	}
}

// pages is how often people were to be paged of an issue.
func (w *world) pages(id string) int { return len(w.paged[v1alpha1.IssueKey(id)]) }

func (w *world) expectPages(id string, want int) {
	w.Helper()
	if got := w.pages(id); got != want {
		w.Errorf("issue %s has paged %d times, want %d: %v", id, got, want, w.paged[v1alpha1.IssueKey(id)])
	}
}

// expectAllPages expects how many pages there were altogether.
func (w *world) expectAllPages(want int) {
	w.Helper()
	got := 0
	for _, pages := range w.paged {
		got += len(pages)
	}
	if got != want {
		w.Errorf("there were %d pages, want %d: %v", got, want, w.paged)
	}
}

// respond lets alice act on the latest Incident of an issue.
func (w *world) respond(id string, change func(response *v1alpha1.Response, now metav1.Time)) {
	w.Helper()
	w.respondTo(v1alpha1.IssueKey(id), change)
}

func (w *world) respondTo(key v1alpha1.AlertKey, change func(response *v1alpha1.Response, now metav1.Time)) {
	w.Helper()
	latest := w.incidentOf(key)
	before := latest.DeepCopy()
	if latest.Spec.Response == nil {
		latest.Spec.Response = &v1alpha1.Response{}
	}
	change(latest.Spec.Response, metav1.NewTime(w.clock.Now().Truncate(time.Second)))
	testbed.Must(w.TB, w.mirror.Patch(w.Context(), latest, client.MergeFrom(before)))
	w.conclude()
}

func resolveByHand(response *v1alpha1.Response, now metav1.Time) {
	response.ResolvedBy, response.ResolvedAt = "alice", &now
}

func acknowledgeByHand(response *v1alpha1.Response, now metav1.Time) {
	response.AcknowledgedBy, response.AcknowledgedAt = "alice", &now
}

// condition is one of the source's.
func (w *world) condition(kind string) metav1.Condition {
	w.Helper()
	return loop.ConditionOf(w.source.Get(w.TB).Status.Conditions, kind)
}

func (w *world) expectCondition(kind string, status metav1.ConditionStatus, reason string, words ...string) {
	w.Helper()
	got := w.condition(kind)
	if got.Status != status || got.Reason != reason {
		w.Errorf("%s is %s, %s: %s; want %s, %s", kind, got.Status, got.Reason, got.Message, status, reason)
	}
	for _, word := range words {
		if !strings.Contains(got.Message, word) {
			w.Errorf("%s does not say %q: %s", kind, word, got.Message)
		}
	}
}

// lastPass is the last full one.
func (w *world) lastPass() v1alpha1.ResyncPass {
	w.Helper()
	status := w.source.Get(w.TB).Status.Resync
	if status == nil || len(status.Passes) == 0 {
		w.Fatal("no pass has ended")
	}
	return status.Passes[len(status.Passes)-1]
}

// create lets some issues happen.
func (w *world) create(count int) []string {
	ids := make([]string, count)
	for i := range ids {
		ids[i] = w.sentry.Create(w.project, simulator.Issue{Title: fmt.Sprintf("issue %d", i)})
	}
	return ids
}

// ageAll makes issues ongoing ones.
func (w *world) ageAll(ids []string) {
	for _, id := range slices.Clone(ids) {
		w.sentry.Age(id)
	}
}

// change changes the source, as its owner does.
func (w *world) change(change func(*v1alpha1.AlertSource)) {
	w.Helper()
	w.source.Update(w.TB, change)
	w.connect()
}

// retain deletes what has outlived the source's retention.
func (w *world) retain() {
	w.Helper()
	retention := &incident.Retention{Client: w.mirror, Clock: w.clock}
	_, err := retention.Reconcile(w.Context(), ctrl.Request{NamespacedName: w.source.Name})
	testbed.Must(w.TB, err)
}

// wake lets time do what it does to Incidents.
func (w *world) wake() {
	w.Helper()
	for _, known := range w.mirror.Incidents() {
		if !lifecycle.IsStub(known) {
			w.look(known)
		}
	}
	w.conclude()
}
