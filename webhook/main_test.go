package webhook_test

import (
	"context"
	"net"
	"os"
	"testing"

	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/webhook"
)

var control testbed.ControlPlane

func cluster(t testing.TB) *controlplane.ControlPlane {
	t.Helper()
	return control.Get(t)
}

func TestMain(m *testing.M) { os.Exit(control.Run(m)) }

// intake is an intake in a manager of its own, without controllers.
type intake struct {
	*webhook.Intake
	url    string
	client client.Client
	cache  client.Reader
	stop   func()
}

// startIntake runs an intake until the test ends, against the API server or what stands in front of it.
func startIntake(t *testing.T, config *rest.Config, changes ...func(*webhook.Options)) *intake {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	testbed.Must(t, err)
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                 testbed.Scheme(t),
		Cache:                  cache.Options{DefaultTransform: lifecycle.Transform},
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
	})
	testbed.Must(t, err)
	// What these tests expect of an answer is not how soon a busy machine gives it.
	options := webhook.Options{Listener: listener, Replica: "replica", AnswerTimeout: testbed.Patience}
	for _, change := range changes {
		change(&options)
	}
	started, err := webhook.Add(t.Context(), mgr, options)
	testbed.Must(t, err)
	stop := run(t, mgr)
	testbed.Eventually(t, "the intake is ready", func(context.Context) bool { return started.Server.Ready(nil) == nil })
	return &intake{
		Intake: started,
		url:    "http://" + listener.Addr().String(),
		client: testbed.NewClient(t, cluster(t).Config),
		cache:  mgr.GetCache(),
		stop:   stop,
	}
}

// run runs a manager until the test ends, or until it is stopped before.
func run(t *testing.T, mgr manager.Manager) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the manager ended: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// knows waits until the intake knows a source as it is now.
func (i *intake) knows(t *testing.T, source *testbed.Source) {
	t.Helper()
	want := source.Get(t)
	testbed.Eventually(t, "the intake knows the source", func(context.Context) bool {
		known := i.Directory.ByName(source.Name)
		return known != nil && known.Object.UID == want.UID && known.Object.Generation == want.Generation &&
			i.Directory.ByToken(source.Token) != nil
	})
}

// post posts a webhook of a source and expects an answer.
func (i *intake) post(t *testing.T, source *testbed.Source, posted simulator.Webhook) simulator.Answer {
	t.Helper()
	answer, err := source.Sentry(i.url).Post(t.Context(), posted)
	testbed.Must(t, err)
	return answer
}
