package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// The leader is killed when Sentry has taken a write and not answered yet: the resolve in one run, the comment on it in the other.
func TestALeaderKilledBetweenAWriteAndItsRecordLeavesOneOfEach(t *testing.T) {
	for name, method := range map[string]string{"the resolve": http.MethodPut, "the comment": http.MethodPost} {
		t.Run(name, func(t *testing.T) {
			sentry := newSentrySide(t)
			sentry.Scopes = []string{"event:read", "event:write"}
			leader, other, source := twoReplicas(t)
			sentry.asks(t, source)
			source.Update(t, func(object *v1alpha1.AlertSource) {
				object.Spec.Sentry.WriteBack = v1alpha1.WriteBack{Resolve: true, Comment: true}
			})
			testbed.Eventually(t, "the source says since when it writes", func(context.Context) bool {
				return source.Get(t).Status.WriteBack != nil
			})
			id := sentry.Create(sentry.project, simulator.Issue{})
			for _, webhook := range sentry.outbox.Take() {
				tellOne(t, other.target, source, webhook)
			}
			taken := sentry.killAfter(t, method, leader)
			resolveByHand(t, source)
			<-taken
			testbed.EventuallyWithin(t, 4*time.Minute, "the other replica records that it was written", func(context.Context) bool {
				got := loop.ConditionOf(source.Incidents(t)[0].Status.Conditions, v1alpha1.ConditionWrittenBack)
				return got.Status == metav1.ConditionTrue && len(source.Incidents(t)[0].Status.WriteBack) == 2
			})
			if status, _, _, _ := sentry.State(id); status != "resolved" {
				t.Errorf("the issue is %s", status)
			}
			if comments := sentry.Comments(id); len(comments) != 1 || !strings.Contains(comments[0], "was resolved by alice") {
				t.Errorf("the comments are %q", comments)
			}
			if writes := sentry.Writes(); len(writes) > 3 {
				t.Errorf("more than one write is repeated: %+v", writes)
			}
			for _, webhook := range sentry.outbox.Take() {
				tellOne(t, other.target, source, webhook)
			}
			if got := states(settled(t, source), v1alpha1.IssueKey(id)); got != "1 Resolved" {
				t.Errorf("the Incidents are %s", got)
			}
		})
	}
}

// killAfter kills a replica when the first call of a method has taken effect, before it is answered.
func (s *sentrySide) killAfter(t *testing.T, method string, leader *replica) (taken <-chan struct{}) {
	t.Helper()
	done := make(chan struct{})
	var once sync.Once
	const through = "X-Through"
	s.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || r.Header.Get(through) != "" {
			return false
		}
		isFirst := false
		once.Do(func() { isFirst = true })
		if isFirst {
			r.Header.Set(through, "yes")
			s.ServeHTTP(httptest.NewRecorder(), r)
			if err := leader.Stop(0); err != nil {
				t.Error(err)
			}
			close(done)
		}
		return isFirst
	})
	return done
}

// resolveByHand resolves the only Incident of a source, as alice does.
func resolveByHand(t *testing.T, source *testbed.Source) {
	t.Helper()
	incident := &source.Incidents(t)[0]
	before := incident.DeepCopy()
	now := metav1.Now()
	incident.Spec.Response = &v1alpha1.Response{ResolvedBy: "alice", ResolvedAt: &now}
	testbed.Must(t, source.Client.Patch(t.Context(), incident, client.MergeFrom(before)))
}
