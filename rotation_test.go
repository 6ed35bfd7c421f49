package main

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// load is Sentry posting all the time, to each of several replicas in turn.
type load struct {
	// answered counts the deliveries of each sender.
	answered [underWay]atomic.Int64
	refused  chan simulator.Answer
	// source is what Sentry knows: token and client secret, replaced as a whole.
	source atomic.Pointer[testbed.Source]
	stop   func()
}

// startLoad posts deliveries of ten issues from several senders until it is stopped or the test ends.
func startLoad(t *testing.T, operators []*operator, source *testbed.Source) *load {
	t.Helper()
	l := &load{refused: make(chan simulator.Answer, 1000)}
	l.source.Store(source)
	ctx, cancel := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	for sender := range l.answered {
		senders.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for number := 0; ctx.Err() == nil; number++ {
				sentry := l.source.Load().Sentry(operators[number%len(operators)].url)
				sentry.HTTP.Transport = transport
				issue := simulator.Issue{ID: strconv.Itoa(number % 10)}
				answer, err := sentry.Post(t.Context(), simulator.EventAlert(issue, "Page the team", false, time.Now()))
				if err != nil {
					t.Errorf("post: %v", err)
				} else if answer.Status != http.StatusOK {
					l.refused <- answer
				}
				l.answered[sender].Add(1)
			}
		})
	}
	l.stop = sync.OnceFunc(func() {
		cancel()
		senders.Wait()
		close(l.refused)
	})
	t.Cleanup(l.stop)
	return l
}

// underWay is how many deliveries are under way at a time.
const underWay = 4

// passes waits until what was under way is answered, and some more.
func (l *load) passes(t *testing.T) {
	t.Helper()
	for sender := range l.answered {
		until := l.answered[sender].Load() + 5
		testbed.Eventually(t, "more deliveries are answered", func(context.Context) bool { return l.answered[sender].Load() >= until })
	}
}

func (l *load) counts() (counts []int64) {
	for sender := range l.answered {
		counts = append(counts, l.answered[sender].Load())
	}
	return counts
}

// As the documentation says how to: the new client secret beside the old one, and the new token while the old one still
// holds; then Sentry is given them, and only then the old ones go.
func TestClientSecretAndTokenAreRotatedUnderLoadWithoutARefusal(t *testing.T) {
	config := serviceAccount(t)
	operators := []*operator{startOperator(t, config, "one"), startOperator(t, config, "two")}
	c := testbed.NewClient(t, cluster.Config)
	source := testbed.NewSource(t, c, func(s *v1alpha1.AlertSource) { s.Spec.TokenRef = nil })
	webhookSecret := types.NamespacedName{Namespace: source.Name.Namespace, Name: v1alpha1.WebhookSecretName(source.Name.Name)}
	source.Token = tokenIn(t, c, webhookSecret)
	knowsAll := func(rotated *testbed.Source) {
		t.Helper()
		for _, operator := range operators {
			operator.knows(t, rotated)
		}
	}
	knowsAll(source)
	traffic := startLoad(t, operators, source)
	traffic.passes(t)

	secretRotated := *source
	secretRotated.ClientSecret = "the-next-client-secret"
	patchSecret(t, c, types.NamespacedName{Namespace: source.Name.Namespace, Name: testbed.SecretName}, func(data map[string][]byte) {
		data["next"] = []byte(secretRotated.ClientSecret)
	})
	next := v1alpha1.SecretKeyReference{Name: testbed.SecretName, Key: "next"}
	source.Update(t, func(s *v1alpha1.AlertSource) {
		s.Spec.Sentry.ClientSecretRefs = append(s.Spec.Sentry.ClientSecretRefs, next)
	})
	knowsAll(&secretRotated)
	traffic.passes(t)
	traffic.source.Store(&secretRotated)
	traffic.passes(t)
	source.Update(t, func(s *v1alpha1.AlertSource) { s.Spec.Sentry.ClientSecretRefs = []v1alpha1.SecretKeyReference{next} })
	traffic.passes(t)

	tokenRotated := secretRotated
	rotate(t, c, webhookSecret)
	testbed.Eventually(t, "a new token", func(context.Context) bool {
		tokenRotated.Token = tokenIn(t, c, webhookSecret)
		return tokenRotated.Token != source.Token
	})
	knowsAll(&tokenRotated)
	traffic.passes(t)
	traffic.source.Store(&tokenRotated)
	traffic.passes(t)
	patchSecret(t, c, webhookSecret, func(data map[string][]byte) { delete(data, v1alpha1.SecretKeyPreviousToken) })
	traffic.passes(t)
	traffic.stop()

	for answer := range traffic.refused {
		t.Errorf("an authentic delivery was answered %d %s", answer.Status, answer.Body)
	}
	t.Logf("deliveries of each sender: %v", traffic.counts())
	for _, former := range []*testbed.Source{source, &secretRotated} {
		for _, operator := range operators {
			testbed.Eventually(t, "what was rotated away is refused", func(context.Context) bool {
				return post(t, operator, former, simulator.Installation("created", time.Now())).Status != http.StatusOK
			})
		}
	}
	if incidents := settled(t, source); len(incidents) != 10 {
		t.Errorf("%d Incidents, want one an issue", len(incidents))
	}
}

func patchSecret(t *testing.T, c client.Client, name types.NamespacedName, change func(data map[string][]byte)) {
	t.Helper()
	var secret corev1.Secret
	testbed.Must(t, c.Get(t.Context(), name, &secret))
	before := secret.DeepCopy()
	change(secret.Data)
	testbed.Must(t, c.Patch(t.Context(), &secret, client.MergeFrom(before)))
}
