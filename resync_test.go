package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// sentrySide is an organization of Sentry whose webhooks a test delivers, or loses.
type sentrySide struct {
	*simulator.Server

	project string
	url     string
	outbox  simulator.Outbox
}

const sentryToken = "sntryi_0123456789abcdef"

func newSentrySide(t *testing.T) *sentrySide {
	t.Helper()
	s := &sentrySide{}
	s.Server = &simulator.Server{
		Organization: &simulator.Organization{Tell: s.outbox.Put}, Token: sentryToken,
		Unexpected: func(request string) { t.Errorf("Sentry was asked for %s", request) },
	}
	s.project = s.AddProject("checkout")
	server := httptest.NewServer(s.Server)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// asks lets a source of the testbed ask this Sentry.
func (s *sentrySide) asks(t *testing.T, source *testbed.Source) {
	t.Helper()
	testbed.Must(t, source.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: source.Name.Namespace, Name: "payments-api"},
		StringData: map[string]string{"authToken": sentryToken},
	}))
	source.Update(t, func(object *v1alpha1.AlertSource) {
		object.Spec.Sentry.Organization, object.Spec.Sentry.BaseURL = "acme", s.url
		object.Spec.Sentry.AuthTokenRef = &v1alpha1.SecretKeyReference{Name: "payments-api", Key: "authToken"}
		object.Spec.Sentry.ResyncInterval = metav1.Duration{Duration: time.Hour}
	})
}

// passes is how many full passes a source's status remembers, and when the last one began.
func passes(t *testing.T, source *testbed.Source) (count int, last time.Time) {
	t.Helper()
	status := source.Get(t).Status.Resync
	if status == nil || len(status.Passes) == 0 {
		return 0, time.Time{}
	}
	return len(status.Passes), status.Passes[len(status.Passes)-1].StartedAt.Time
}

// askForPass asks for a pass, as people do, and waits until it has ended.
func askForPass(t *testing.T, source *testbed.Source) {
	t.Helper()
	_, before := passes(t, source)
	// A pass is known by the second in which it began.
	testbed.Eventually(t, "a second has passed", func(context.Context) bool { return time.Since(before) > 5*time.Second })
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationResync, time.Now())
	object := &v1alpha1.AlertSource{ObjectMeta: metav1.ObjectMeta{Namespace: source.Name.Namespace, Name: source.Name.Name}}
	testbed.Must(t, source.Client.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch))))
	testbed.Eventually(t, "a pass has ended", func(context.Context) bool {
		_, last := passes(t, source)
		return last.After(before)
	})
}

func conditionOf(t *testing.T, source *testbed.Source, kind string) metav1.Condition {
	t.Helper()
	return loop.ConditionOf(source.Get(t).Status.Conditions, kind)
}

func TestWhatWebhooksDoNotTellAPassFinds(t *testing.T) {
	sentry := newSentrySide(t)
	o := startOperator(t, serviceAccount(t), "resync")
	source := testbed.NewSource(t, testbed.NewClient(t, cluster.Config))
	o.knows(t, source)
	sentry.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	old := sentry.Create(sentry.project, simulator.Issue{Title: "There before"})
	sentry.Now = time.Now
	sentry.asks(t, source)
	testbed.Eventually(t, "the first pass has ended", func(context.Context) bool {
		count, _ := passes(t, source)
		return count == 1
	})
	if got := conditionOf(t, source, v1alpha1.ConditionInSync); got.Status != metav1.ConditionTrue {
		t.Errorf("InSync is %+v", got)
	}
	sentry.outbox.Take()
	young := sentry.Create(sentry.project, simulator.Issue{Title: "Of which no webhook comes"})
	sentry.Resolve(old)
	sentry.outbox.Take()
	askForPass(t, source)
	// The older one was heard of a moment ago, so Sentry is asked for it once more, ten seconds later.
	for id, want := range map[string]string{old: "1 Resolved", young: "1 Open"} {
		testbed.Eventually(t, "issue "+id+" is "+want, func(context.Context) bool {
			return states(settled(t, source), v1alpha1.IssueKey(id)) == want
		})
	}
	opened := map[string]v1alpha1.Signal{}
	for _, incident := range source.Incidents(t) {
		opened[incident.Spec.Issue.ID] = incident.Spec.Signals[0]
	}
	if signal := opened[old]; !signal.Quiet || signal.By != v1alpha1.ByResync {
		t.Errorf("what was there before was opened by %+v", signal)
	}
	if signal := opened[young]; signal.Quiet || signal.By != v1alpha1.ByResync {
		t.Errorf("what is news was opened by %+v", signal)
	}
}

func TestALeaderKilledInMidPassLeavesThePassToTheNext(t *testing.T) {
	sentry := newSentrySide(t)
	leader, _, source := twoReplicas(t)
	sentry.asks(t, source)
	testbed.Eventually(t, "the first pass has ended", func(context.Context) bool {
		count, _ := passes(t, source)
		return count == 1
	})
	var ids []string
	for range 110 {
		ids = append(ids, sentry.Create(sentry.project, simulator.Issue{}))
	}
	sentry.outbox.Take()
	reached := make(chan struct{})
	var once sync.Once
	// The second page hangs until the leader is gone.
	sentry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.RawQuery, "cursor=") {
			isFirst := false
			once.Do(func() { isFirst = true })
			if isFirst {
				close(reached)
				<-r.Context().Done()
			}
		}
		return false
	})
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:"now"}}}`, v1alpha1.AnnotationResync)
	object := &v1alpha1.AlertSource{ObjectMeta: metav1.ObjectMeta{Namespace: source.Name.Namespace, Name: source.Name.Name}}
	testbed.Must(t, source.Client.Patch(t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch))))
	<-reached
	testbed.Must(t, leader.Stop(0))
	testbed.EventuallyWithin(t, 4*time.Minute, "the other replica opens them all, once each", func(context.Context) bool {
		return len(source.Incidents(t)) == len(ids)
	})
	for _, incident := range source.Incidents(t) {
		if incident.Spec.Number != 1 || incident.Spec.Signals[0].Quiet {
			t.Errorf("%s was opened by %+v", incident.Name, incident.Spec.Signals[0])
		}
	}
}
