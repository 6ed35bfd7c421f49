package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// balancer is one port in front of replicas: each connection goes to the next one that takes it.
type balancer struct {
	url     string
	next    atomic.Int64
	mu      sync.Mutex
	targets []string
}

func newBalancer(t *testing.T, replicas ...*replica) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	testbed.Must(t, err)
	b := &balancer{url: "http://" + listener.Addr().String()}
	b.balance(replicas...)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { b.forward(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	return b
}

// balance sets who is behind the port.
func (b *balancer) balance(replicas ...*replica) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.targets = nil
	for _, one := range replicas {
		b.targets = append(b.targets, one.url[len("http://"):])
	}
}

func (b *balancer) forward(from net.Conn) {
	defer from.Close()
	b.mu.Lock()
	targets := b.targets
	b.mu.Unlock()
	for range targets {
		to, err := net.Dial("tcp", targets[b.next.Add(1)%int64(len(targets))])
		if err == nil {
			join(from, to)
			return
		}
	}
}

// join lets two connections be one.
func join(from, to net.Conn) {
	defer to.Close()
	var copying sync.WaitGroup
	copying.Go(func() {
		_, _ = io.Copy(to, from)
		_ = to.(*net.TCPConn).CloseWrite()
	})
	_, _ = io.Copy(from, to)
	_ = from.Close()
	copying.Wait()
}

// told is a webhook, and whether it was answered 200.
type told struct {
	issue    int
	action   string
	at       time.Time
	answered bool
	result   string
}

// storyOf is the life of an issue whose Incidents keep each of its signals.
var storyOf = []string{"created", "assigned", "resolved", "unresolved"}

// tellStories posts the stories of issues, each webhook after the answer to the one before it, until the context ends; none
// then is left in the middle of a post.
func tellStories(ctx context.Context, source *testbed.Source, url string, tellers int) []told {
	begin := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	var next atomic.Int64
	all := make([][]told, tellers)
	var telling sync.WaitGroup
	for teller := range tellers {
		telling.Go(func() {
			// A connection of its own for each webhook, so that each may go to another replica.
			sentry := source.Sentry(url)
			sentry.HTTP.Transport = &http.Transport{DisableKeepAlives: true}
			for ctx.Err() == nil {
				issue := int(next.Add(1))
				for minute, action := range storyOf {
					one := told{issue: issue, action: action, at: begin.Add(time.Duration(minute) * time.Minute)}
					webhook := simulator.IssueWebhook(action, simulator.Issue{ID: issueID(issue)}, one.at)
					answer, err := sentry.Post(context.WithoutCancel(ctx), webhook)
					one.answered, one.result = err == nil && answer.Status == http.StatusOK, answer.Result
					all[teller] = append(all[teller], one)
				}
			}
		})
	}
	telling.Wait()
	var joined []told
	for _, some := range all {
		joined = append(joined, some...)
	}
	return joined
}

// recordedOf counts, for each webhook of a source, in how many of its Incidents' signals it stands, and in how many it did
// something.
func recordedOf(t *testing.T, source *testbed.Source) (found, effective map[string]int) {
	t.Helper()
	found, effective = map[string]int{}, map[string]int{}
	incidents := source.Incidents(t)
	for i := range incidents {
		for _, signal := range incidents[i].Spec.Signals {
			name := fmt.Sprint(incidents[i].Spec.AlertKey, signal.Action, signal.Time.Unix())
			found[name]++
			if signal.Effect != v1alpha1.EffectNone {
				effective[name]++
			}
		}
	}
	return found, effective
}

func (w told) in(recorded map[string]int) int {
	return recorded[fmt.Sprint(v1alpha1.IssueKey(issueID(w.issue)), w.action, w.at.Unix())]
}

// taken leaves out what must not be recorded: what was not answered, or as nothing that matters; and a resolve of what nobody
// took an alert of.
func taken(all []told) (some []told) {
	alerted := map[int]bool{}
	for _, one := range all {
		alerted[one.issue] = alerted[one.issue] || one.answered && one.action != "resolved"
	}
	for _, one := range all {
		if one.answered && one.result != "ignored" && alerted[one.issue] {
			some = append(some, one)
		}
	}
	return some
}

// expectRecorded waits until each webhook that was taken is recorded, and fails if any has done something twice.
func expectRecorded(t *testing.T, source *testbed.Source, all []told) {
	t.Helper()
	all = taken(all)
	missing := 0
	testbed.EventuallyWithin(t, 4*testbed.Patience, "what was answered is recorded", func(context.Context) bool {
		recorded, _ := recordedOf(t, source)
		missing = 0
		for _, one := range all {
			if one.in(recorded) == 0 {
				missing++
			}
		}
		return missing == 0
	})
	recorded, effective := recordedOf(t, source)
	twice := 0
	for _, one := range all {
		if one.in(recorded) > 1 {
			twice++
		}
		if count := one.in(effective); count > 1 {
			t.Errorf("%s of issue %d did something %d times", one.action, one.issue, count)
		}
	}
	t.Logf("%d webhooks were taken, %d are missing, %d are mentioned twice", len(all), missing, twice)
}

func accepted(all []told) (count int) {
	for _, one := range all {
		if one.result == "accepted" {
			count++
		}
	}
	return count
}

// In the middle of a storm the API server goes, then one of two replicas; it comes again when the API server does.
func TestWhatWasAnsweredSurvivesAnOutageAndAKill(t *testing.T) {
	spools := [2]string{t.TempDir(), t.TempDir()}
	first := startReplica(t, "replica-a", "--spool-dir="+spools[0])
	second := startReplica(t, "replica-b", "--spool-dir="+spools[1])
	source := testbed.NewSource(t, testbed.NewClient(t, cluster.Config))
	first.knows(t, source)
	second.knows(t, source)
	port := newBalancer(t, first, second)

	ctx, end := context.WithCancel(t.Context())
	defer end()
	stories := make(chan []told, 1)
	go func() { stories <- tellStories(ctx, source, port.url, 3) }()
	wait(t, time.Second)
	testbed.Must(t, cluster.KillAPIServer())
	wait(t, 2*time.Second)
	testbed.Must(t, first.Stop(0))
	wait(t, 2*time.Second)
	testbed.Must(t, cluster.StartAPIServer(t.Context()))
	again := startReplica(t, "replica-a", "--spool-dir="+spools[0])
	port.balance(again, second)
	wait(t, time.Second)
	end()
	all := <-stories
	t.Logf("%d of %d webhooks were answered from a spool", accepted(all), len(all))
	if accepted(all) == 0 {
		t.Error("nothing was spooled: this has shown nothing")
	}
	expectRecorded(t, source, all)
	for issue, incidents := range told200(all, settled(t, source)) {
		for i, incident := range incidents {
			isLast := i == len(incidents)-1
			if isOpen := incident.Status.State != v1alpha1.StateResolved; isOpen != isLast {
				t.Errorf("issue %d: %s ended as %s; it is the last one: %t", issue, incident.Name, incident.Status.State, isLast)
			}
		}
	}
}

// told200 are the Incidents of each issue whose whole story was answered 200; the last thing told is that it is unresolved.
func told200(all []told, incidents []v1alpha1.Incident) map[int][]v1alpha1.Incident {
	answered := map[int]int{}
	for _, one := range all {
		if one.answered {
			answered[one.issue]++
		}
	}
	found := map[int][]v1alpha1.Incident{}
	for issue, count := range answered {
		if count < len(storyOf) {
			continue
		}
		for i := range incidents {
			if incidents[i].Spec.AlertKey == v1alpha1.IssueKey(issueID(issue)) {
				found[issue] = append(found[issue], incidents[i])
			}
		}
	}
	return found
}

// wait lets a storm go on.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(d):
	}
}

// A replica is told to stop while new issues come as fast as it takes them, with more on disk than it has recorded. What knows of
// replicas that are not ready lags, so they go on coming for a while.
func TestAReplicaThatIsToldToStopInAStormLosesNothing(t *testing.T) {
	const grace = 120 * time.Second
	one := startReplica(t, "replica-a", "--spool-dir="+t.TempDir(), "--shutdown-delay=4s",
		"--intake-answer-timeout="+testbed.Patience.String())
	source := testbed.NewSource(t, testbed.NewClient(t, cluster.Config))
	one.knows(t, source)
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var mu sync.Mutex
	answers := map[int]simulator.Answer{}
	var next atomic.Int64
	var sending sync.WaitGroup
	for range 200 {
		sending.Go(func() {
			sentry := source.Sentry(one.url)
			sentry.HTTP.Transport = &http.Transport{}
			for ctx.Err() == nil {
				number := int(next.Add(1))
				answer, err := sentry.Post(context.WithoutCancel(ctx), newIssue(number))
				if err != nil {
					t.Errorf("issue %d got no answer: %v", number, err)
				}
				mu.Lock()
				answers[number] = answer
				mu.Unlock()
			}
		})
	}
	wait(t, 2*time.Second)
	told := time.Now()
	testbed.Must(t, one.Signal(syscall.SIGTERM))
	wait(t, time.Second)
	end()
	sending.Wait()
	err := one.Err()
	took := time.Since(told)
	if err != nil || took > grace {
		t.Errorf("the replica ended with %v after %s:\n%s", err, took, one.Tail(20))
	}
	spooled := 0
	for number, answer := range answers {
		if answer.Status != http.StatusOK {
			t.Errorf("issue %d was answered %v: %s", number, answer, answer.Body)
		}
		if answer.Result == "accepted" {
			spooled++
		}
	}
	incidents := source.Incidents(t)
	known := map[string]bool{}
	for i := range incidents {
		known[incidents[i].Spec.Issue.ID] = true
	}
	lost := 0
	for number := range answers {
		if !known[strconv.Itoa(10_000+number)] {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d answered webhooks are lost", lost, len(answers))
	}
	if spooled == 0 {
		t.Error("nothing was spooled: this was no storm")
	}
	t.Logf("%d webhooks were answered, %d of them from the spool; the replica ended %s after it was told to", len(answers), spooled, took)
}

func TestTroubleWithTheSpoolIsToldInAnEventOnThePod(t *testing.T) {
	operator := startOperator(t, serviceAccount(t), "replica-with-trouble", "--spool-dir=/proc/nowhere")
	source := testbed.NewSource(t, testbed.NewClient(t, cluster.Config))
	operator.knows(t, source)
	tellOne(t, operator.target, source, newIssue(1))
	testbed.Eventually(t, "an Event on the Pod", func(ctx context.Context) bool {
		var list eventsv1.EventList
		testbed.Must(t, source.Client.List(ctx, &list, client.InNamespace(systemNamespace)))
		for _, event := range list.Items {
			if event.Reason == "SpoolUnavailable" && event.Regarding.Kind == "Pod" && event.Regarding.Name == "replica-with-trouble" {
				return true
			}
		}
		return false
	})
}
