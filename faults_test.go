package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	operatorprocess "github.com/itoc360/itoc360-operator/hack/devcluster/operator"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// replicaVariable makes a process of this test's binary a replica of the operator.
const replicaVariable = "ITOC360_TEST_REPLICA"

// replica is an operator in a process of its own.
type replica struct {
	*operatorprocess.Operator
	target

	log string
}

// startReplica runs a replica until the test ends, and returns once it is ready.
func startReplica(t *testing.T, name string, arguments ...string) *replica {
	t.Helper()
	intake, err := controlplane.FreeAddress()
	testbed.Must(t, err)
	binary, err := os.Executable()
	testbed.Must(t, err)
	r := &replica{target: target{name, "http://" + intake}, log: filepath.Join(t.TempDir(), name+".log")}
	r.Operator, err = operatorprocess.Start(t.Context(), cluster, operatorprocess.Options{
		Path: binary, Replica: name, Intake: intake, Log: r.log, Env: []string{replicaVariable + "=" + name},
		Args: append([]string{"--leader-elect", "--shutdown-delay=0s"}, arguments...),
	})
	if r.Operator != nil && r.Process != nil {
		t.Cleanup(func() { _ = r.Stop(testbed.Patience) })
	}
	testbed.Must(t, err)
	return r
}

// takes waits until a replica has recorded a webhook in time.
func (r *replica) takes(t *testing.T, source *testbed.Source, webhook simulator.Webhook) {
	t.Helper()
	testbed.Eventually(t, r.replica+" takes a webhook", func(ctx context.Context) bool {
		answer, err := source.Sentry(r.url).Post(ctx, webhook)
		return err == nil && answer.Status == http.StatusOK
	})
}

// logged counts how often a replica logged a message.
func (r *replica) logged(t *testing.T, message string) int {
	t.Helper()
	content, err := os.ReadFile(r.log)
	testbed.Must(t, err)
	return strings.Count(string(content), message)
}

var theLease = types.NamespacedName{Namespace: systemNamespace, Name: "itoc360-operator"}

// leaderOf waits until one of two replicas has the lease, and gives it and the other one.
func leaderOf(t *testing.T, source *testbed.Source, replicas [2]*replica) (leader, other *replica) {
	t.Helper()
	testbed.Eventually(t, "one of the replicas leads", func(ctx context.Context) bool {
		holder := testbed.Holder(ctx, source.Client, theLease)
		for i, one := range replicas {
			if one.replica == holder {
				leader, other = one, replicas[1-i]
			}
		}
		return leader != nil
	})
	return leader, other
}

// twoReplicas starts two, and a source that both know. What tests of them expect of an answer is not how soon a busy machine gives it.
func twoReplicas(t *testing.T, arguments ...string) (leader, other *replica, source *testbed.Source) {
	t.Helper()
	arguments = append([]string{"--intake-answer-timeout=" + testbed.Patience.String()}, arguments...)
	both := [2]*replica{startReplica(t, "replica-a", arguments...), startReplica(t, "replica-b", arguments...)}
	source = testbed.NewSource(t, testbed.NewClient(t, cluster.Config))
	for _, replica := range both {
		replica.knows(t, source)
	}
	leader, other = leaderOf(t, source, both)
	return leader, other, source
}

// posted is one delivery with its answer.
type posted struct {
	to     *replica
	at     time.Time
	took   time.Duration
	answer simulator.Answer
	err    error
}

// steadyLoad is Sentry, posting as many webhooks a second as it likes, whether or not those before are answered.
type steadyLoad struct {
	source    *testbed.Source
	transport *http.Transport
	webhook   func(number int) simulator.Webhook

	sending sync.WaitGroup
	mu      sync.Mutex
	targets []*replica
	all     []posted
	end     context.CancelFunc
}

// startSteadyLoad posts to the replicas in turn, as a load balancer in front of them does, until it is ended.
func startSteadyLoad(
	t *testing.T, source *testbed.Source, aSecond int, webhook func(number int) simulator.Webhook, to ...*replica,
) *steadyLoad {
	t.Helper()
	l := &steadyLoad{source: source, webhook: webhook, targets: to, transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	var ctx context.Context
	ctx, l.end = context.WithCancel(t.Context())
	l.sending.Go(func() {
		ticker := time.NewTicker(time.Second / time.Duration(aSecond))
		defer ticker.Stop()
		for number := 0; ; number++ {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				l.sending.Go(func() { l.post(context.WithoutCancel(ctx), number) })
			}
		}
	})
	t.Cleanup(func() { l.finish() })
	return l
}

func (l *steadyLoad) post(ctx context.Context, number int) {
	l.mu.Lock()
	to := l.targets[number%len(l.targets)]
	l.mu.Unlock()
	sentry := l.source.Sentry(to.url)
	sentry.HTTP.Transport = l.transport
	one := posted{to: to, at: time.Now()}
	one.answer, one.err = sentry.Post(ctx, l.webhook(number))
	one.took = time.Since(one.at)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, one)
}

// only is the load balancer taking note of which replicas are ready.
func (l *steadyLoad) only(to ...*replica) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.targets = to
}

// answered waits until so many more deliveries are answered.
func (l *steadyLoad) answered(t *testing.T, more int) {
	t.Helper()
	count := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.all)
	}
	until := count() + more
	testbed.Eventually(t, fmt.Sprintf("%d more deliveries are answered", more), func(context.Context) bool { return count() >= until })
}

// finish ends the load and waits for the answers.
func (l *steadyLoad) finish() []posted {
	l.end()
	l.sending.Wait()
	l.transport.CloseIdleConnections()
	return l.all
}

// expectAnswers fails the test unless each delivery was answered with one of these codes, and tells of the slowest.
func expectAnswers(t *testing.T, all []posted, codes ...int) {
	t.Helper()
	counts := map[int]int{}
	var slowest posted
	for _, one := range all {
		if one.err != nil || !slices.Contains(codes, one.answer.Status) {
			t.Errorf("%s answered %v, %v after %s", one.to.replica, one.answer, one.err, one.took)
		}
		counts[one.answer.Status]++
		if one.took > slowest.took {
			slowest = one
		}
	}
	t.Logf("%d deliveries, answers by code: %v; the slowest was %v after %s", len(all), counts, slowest.answer, slowest.took)
}

// newIssue is an alert of an issue of its own.
func newIssue(number int) simulator.Webhook {
	return simulator.IssueWebhook("created", simulator.Issue{ID: strconv.Itoa(10_000 + number)}, time.Now())
}

func TestAHungAPIServerCostsTheTermAndNotTheProcess(t *testing.T) {
	survivor := startReplica(t, "survivor")
	source := testbed.NewSource(t, testbed.NewClient(t, cluster.Config))
	survivor.knows(t, source)
	survivor.takes(t, source, newIssue(0))
	settled(t, source)
	won := survivor.logged(t, "Won the lease")

	testbed.Must(t, cluster.Hang())
	resume := sync.OnceFunc(func() { testbed.Must(t, cluster.Resume()) })
	defer resume()
	hang := time.NewTimer(30 * time.Second)
	// Half of them need the API server, half do not.
	load := startSteadyLoad(t, source, 20, func(number int) simulator.Webhook {
		if number%2 == 0 {
			return newIssue(1 + number)
		}
		return simulator.Installation("created", time.Now())
	}, survivor)
	select {
	case <-survivor.Done():
		t.Fatal(survivor.Ended())
	case <-hang.C:
	}
	all := load.finish()
	resume()
	expectAnswers(t, all, http.StatusOK, http.StatusServiceUnavailable)
	if survivor.logged(t, "Holding the lease no longer") == 0 {
		t.Error("the lease was never lost: this has shown nothing of a term that ends")
	}

	back := time.Now()
	testbed.Eventually(t, "the lease is regained", func(context.Context) bool { return survivor.logged(t, "Won the lease") > won })
	t.Logf("the controllers went on %s after the API server was back", time.Since(back))
	survivor.takes(t, source, newIssue(100_000))
	for _, incident := range settled(t, source) {
		if incident.Status.State != v1alpha1.StateOpen {
			t.Errorf("%s: the controllers do not go on: %+v", incident.Name, incident.Status)
		}
	}
	select {
	case <-survivor.Done():
		t.Error(survivor.Ended())
	default:
	}
}

// What a load balancer knows of a replica lags: here it goes on sending for two seconds after readiness has failed.
func TestAReplicaThatIsToldToStopLosesNothing(t *testing.T) {
	leader, other, source := twoReplicas(t, "--shutdown-delay=5s", "--intake-answer-timeout=10s")
	load := startSteadyLoad(t, source, 100, newIssue, leader, other)
	load.answered(t, 200)

	told := time.Now()
	testbed.Must(t, leader.Signal(syscall.SIGTERM))
	testbed.Eventually(t, "the replica is no longer ready", func(ctx context.Context) bool { return !leader.IsReady(ctx) })
	unready := time.Since(told)
	load.answered(t, 200)
	load.only(other)
	testbed.Eventually(t, "the other replica leads", func(ctx context.Context) bool {
		return testbed.Holder(ctx, source.Client, theLease) == other.replica
	})
	succeeded := time.Since(told)
	if err := leader.Err(); err != nil {
		t.Errorf("the replica ended with %v:\n%s", err, leader.Tail(20))
	}
	stopped := time.Since(told)
	load.answered(t, 200)
	all := load.finish()

	expectAnswers(t, all, http.StatusOK)
	late := 0
	for _, one := range all {
		if one.to == leader && one.at.After(told) {
			late++
		}
	}
	t.Logf("told to stop, the replica was unready after %s, answered %d more, and ended after %s", unready, late, stopped)
	t.Logf("the other replica had the lease after %s at the latest", succeeded)
	if late == 0 {
		t.Error("nothing was posted to the replica after it was told to stop: this has shown nothing")
	}
	incidents := settled(t, source)
	if len(incidents) != len(all) {
		t.Errorf("%d Incidents of %d issues", len(incidents), len(all))
	}
}

func TestAnotherReplicaGoesOnWhenTheLeaderIsKilled(t *testing.T) {
	leader, other, source := twoReplicas(t)
	tellOne(t, leader.target, source, newIssue(0))
	settled(t, source)
	killed := time.Now()
	testbed.Must(t, leader.Stop(0))
	tellOne(t, other.target, source, newIssue(1))
	if incidents := source.Incidents(t); len(incidents) != 2 {
		t.Errorf("%d Incidents, want 2: the intake of the other replica waits for the lease", len(incidents))
	}
	settled(t, source)
	t.Logf("the other replica's controllers went on %s after the leader was killed", time.Since(killed))
	if holder := testbed.Holder(t.Context(), source.Client, theLease); holder != other.replica {
		t.Errorf("the lease is held by %q, want %q", holder, other.replica)
	}
}
