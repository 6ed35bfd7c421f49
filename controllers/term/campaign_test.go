package term

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// office is a campaign on an outer manager that runs until the test ends.
type office struct {
	*testing.T

	campaign *Campaign
	ended    chan error
	stop     context.CancelFunc
}

func newOuter(t *testing.T) manager.Manager {
	t.Helper()
	outer, err := ctrl.NewManager(control.Get(t).Config, ctrl.Options{
		Scheme: testbed.Scheme(t), Metrics: metricsserver.Options{BindAddress: "0"},
	})
	testbed.Must(t, err)
	return outer
}

func newOffice(t *testing.T, leaderElect bool, setup func(ctrl.Manager) error) *office {
	t.Helper()
	outer := newOuter(t)
	ctx, stop := context.WithCancel(t.Context())
	o := &office{T: t, ended: make(chan error, 1), stop: stop, campaign: &Campaign{
		Outer: outer, Setup: setup, LeaderElect: leaderElect, Identity: "replica-a", LeaseName: "itoc360-operator",
		LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 200 * time.Millisecond,
	}}
	if leaderElect {
		o.campaign.Namespace = testbed.Namespace(t, control.Client(t))
	}
	testbed.Must(t, outer.Add(o.campaign))
	go func() { o.ended <- outer.Start(ctx) }()
	t.Cleanup(func() { o.quit() })
	return o
}

// quit ends the outer manager and waits for it.
func (o *office) quit() {
	o.Helper()
	o.stop()
	if err := <-o.ended; err != nil {
		o.Errorf("the manager ended: %v", err)
	}
	o.ended <- nil
}

func (o *office) lease() types.NamespacedName {
	return types.NamespacedName{Namespace: o.campaign.Namespace, Name: o.campaign.LeaseName}
}

func (o *office) holder(ctx context.Context) string {
	return testbed.Holder(ctx, control.Client(o), o.lease())
}

// terms notes the terms that begin and end.
type terms struct {
	mu           sync.Mutex
	begun, ended int
	atEnd        func()
}

func (s *terms) setup(mgr ctrl.Manager) error {
	return mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		s.count(func() { s.begun++ })
		<-ctx.Done()
		if s.atEnd != nil {
			s.atEnd()
		}
		s.count(func() { s.ended++ })
		return nil
	}))
}

func (s *terms) count(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *terms) seen() (begun, ended int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun, s.ended
}

func TestATermEndsWithTheLeaseAndAnotherFollows(t *testing.T) {
	var terms terms
	office := newOffice(t, true, terms.setup)
	testbed.Eventually(t, "the first term begins", func(context.Context) bool { begun, _ := terms.seen(); return begun == 1 })
	testbed.StealLease(t, control.Client(t), office.lease())
	testbed.Eventually(t, "the first term ends", func(context.Context) bool { _, ended := terms.seen(); return ended == 1 })
	select {
	case err := <-office.ended:
		t.Fatalf("the manager ended with the term: %v", err)
	default:
	}
	testbed.Eventually(t, "a second term begins", func(context.Context) bool { begun, _ := terms.seen(); return begun == 2 })
	if holder := office.holder(t.Context()); holder != "replica-a" {
		t.Errorf("the lease is held by %q", holder)
	}
}

func TestTheLeaseIsGivenUpOnlyAfterTheTermIsOver(t *testing.T) {
	var office *office
	var holderAtEnd string
	terms := terms{atEnd: func() {
		// Many looks, so that a release that does not wait has the time to happen.
		for range 50 {
			holderAtEnd = office.holder(context.WithoutCancel(t.Context()))
		}
	}}
	office = newOffice(t, true, terms.setup)
	testbed.Eventually(t, "the term begins", func(context.Context) bool { begun, _ := terms.seen(); return begun == 1 })
	office.quit()
	if holderAtEnd != "replica-a" {
		t.Errorf("while the term ended, the lease was held by %q", holderAtEnd)
	}
	if holder := office.holder(t.Context()); holder != "" {
		t.Errorf("after the end, the lease is held by %q", holder)
	}
}

func TestAProcessThatNeverWonEndsAtOnceAndLeavesTheLeaseAlone(t *testing.T) {
	var terms terms
	office := newOffice(t, true, terms.setup)
	testbed.Eventually(t, "the first term begins", func(context.Context) bool { begun, _ := terms.seen(); return begun == 1 })
	rival := *office.campaign
	rival.Identity = "replica-b"
	rival.Setup = func(ctrl.Manager) error { return errors.New("the rival must not win") }
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- rival.Start(ctx) }()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the rival's campaign ended: %v", err)
	}
	if holder := office.holder(t.Context()); holder != "replica-a" {
		t.Errorf("the lease is held by %q", holder)
	}
}

func TestATermThatFailsIsFollowedByAnother(t *testing.T) {
	for _, leaderElect := range []bool{false, true} {
		t.Run(fmt.Sprintf("with leader election %t", leaderElect), func(t *testing.T) {
			var terms terms
			failures := 0
			newOffice(t, leaderElect, func(mgr ctrl.Manager) error {
				if failures == 0 {
					failures++
					return errors.New("not yet")
				}
				return terms.setup(mgr)
			})
			testbed.Eventually(t, "a term begins", func(context.Context) bool { begun, _ := terms.seen(); return begun == 1 })
		})
	}
}

func TestATermThatIsEndedBeforeItsTurnNeverBegins(t *testing.T) {
	term := &term{resign: func() {}, run: func(context.Context) error { return errors.New("begun") }}
	if err := term.end(); err != nil {
		t.Error(err)
	}
	term.begin(t.Context())
	if err := term.end(); err != nil {
		t.Errorf("the term has run: %v", err)
	}
}
