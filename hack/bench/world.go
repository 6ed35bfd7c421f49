package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/devcluster/operator"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

const (
	namespace  = "bench"
	sourceName = "payments"
	token      = "a-token-that-is-long-enough-to-be-one"
	secret     = "a client secret"
)

// world is a control plane with an operator and a source.
type world struct {
	*controlplane.ControlPlane
	client   client.WithWatch
	operator *operator.Operator
	target   target
	// issues is how many different issues were made up so far.
	issues int
	// taken is how many webhooks of each issue were answered 200.
	taken map[int]int64
	// copied is how many issues were never posted, but copied.
	copied int
	out    io.Writer
	folder string
	report *report
	// profiles is the folder that gets a profile of the operator for each measure; empty for none.
	profiles string
	profiler string
	measures int
}

func newWorld(ctx context.Context, out io.Writer) (*world, error) {
	plane, err := controlplane.Start(ctx, controlplane.Options{})
	if err != nil {
		return nil, err
	}
	w := &world{ControlPlane: plane, out: out, folder: plane.Folder(), report: &report{}, taken: map[int]int64{}}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return w, err
	}
	if w.client, err = client.NewWithWatch(plane.Config, client.Options{Scheme: scheme}); err != nil {
		return w, err
	}
	if err := plane.InstallAccess(ctx); err != nil {
		return w, err
	}
	for _, name := range []string{namespace, plainNamespace} {
		if err := w.client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			return w, err
		}
	}
	err = w.addSource(ctx, sourceName, token)
	return w, err
}

func (w *world) addSource(ctx context.Context, name, token string) error {
	made := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name + "-sentry"},
		StringData: map[string]string{"token": token, "clientSecret": secret},
	}
	source := &v1alpha1.AlertSource{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.AlertSourceSpec{
			Type:      v1alpha1.SourceTypeSentry,
			Incidents: v1alpha1.IncidentRules{Retention: v1alpha1.Retention{MaxResolved: ptr.To(int32(100_000))}},
			TokenRef:  &v1alpha1.SecretKeyReference{Name: made.Name, Key: "token"},
			Sentry: &v1alpha1.SentrySource{
				ClientSecretRefs: []v1alpha1.SecretKeyReference{{Name: made.Name, Key: "clientSecret"}},
			},
		},
	}
	return errors.Join(w.client.Create(ctx, made), w.client.Create(ctx, source))
}

// startOperator runs the operator as its Deployment does, and returns how long it took to be ready.
func (w *world) startOperator(ctx context.Context) (took time.Duration, err error) {
	address, err := controlplane.FreeAddress()
	if err != nil {
		return 0, err
	}
	root, err := controlplane.Root()
	if err != nil {
		return 0, err
	}
	if w.profiler, err = controlplane.FreeAddress(); err != nil {
		return 0, err
	}
	settings, err := goSettings(root)
	if err != nil {
		return 0, err
	}
	w.target = target{address, v1alpha1.IntakePath, token, secret}
	began := time.Now()
	w.operator, err = operator.Start(ctx, w.ControlPlane, operator.Options{
		Path: filepath.Join(root, "bin", "itoc360-operator"), Replica: "bench", Intake: address,
		Log: filepath.Join(w.folder, "operator.log"), Env: settings,
		Args: []string{
			"--leader-elect", "--spool-dir=" + filepath.Join(w.folder, "spool"), "--shutdown-delay=0s",
			"--pprof-bind-address=" + w.profiler,
		},
	})
	if err != nil {
		return 0, err
	}
	took = time.Since(began)
	return took, w.known(ctx)
}

// restart starts the operator on a clean cluster, and has it write its first Incident: that its controllers run, too, is seen by
// nothing else.
func (w *world) restart(ctx context.Context) error {
	if err := w.clean(ctx); err != nil {
		return err
	}
	if _, err := w.startOperator(ctx); err != nil {
		return err
	}
	first, wires := w.newIssues(1)
	return w.postAll(ctx, len(wires), each(first, wires))
}

// clean makes a cluster without operator and Incidents. The API server starts anew: after thousands of deletions p99 of what follows
// was three times as long.
func (w *world) clean(ctx context.Context) error {
	if w.operator != nil {
		if err := w.stopOperator(time.Minute); err != nil {
			return err
		}
	}
	w.progress("  deleting all Incidents")
	for _, name := range []string{namespace, plainNamespace} {
		if err := w.deleteIncidents(ctx, name); err != nil {
			return fmt.Errorf("delete Incidents: %w", err)
		}
	}
	w.taken, w.copied = map[int]int64{}, 0
	if err := w.KillAPIServer(); err != nil {
		return err
	}
	return w.StartAPIServer(ctx)
}

// deleteIncidents deletes all Incidents of a namespace. Of many, the API server deletes as many as it can in a minute, and then gives up.
func (w *world) deleteIncidents(ctx context.Context, namespace string) error {
	for {
		err := w.client.DeleteAllOf(ctx, &v1alpha1.Incident{}, client.InNamespace(namespace))
		if !apierrors.IsTimeout(err) {
			return err
		}
	}
}

// known waits until the source's webhooks are taken.
func (w *world) known(ctx context.Context) error {
	wire := w.target.request(simulator.Installation("created", time.Now()))
	return eventually(ctx, time.Minute, func() (bool, error) {
		conn, err := dial(ctx, w.target.address)
		if err != nil {
			return false, err
		}
		defer conn.Close()
		status, _, err := conn.post(wire)
		return status == 200, err
	})
}

// end ends everything.
func (w *world) end() (err error) {
	if w == nil {
		return nil
	}
	if w.operator != nil && w.operator.Process != nil {
		err = w.operator.Stop(time.Minute)
	}
	return errors.Join(err, w.Stop())
}

// stopOperator ends it, killing it once patience is over.
func (w *world) stopOperator(patience time.Duration) error { return w.operator.Stop(patience) }

// progress tells what is going on.
func (w *world) progress(format string, arguments ...any) {
	fmt.Fprintf(w.out, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, arguments...))
}

// write puts the report where it belongs.
func (w *world) write(path string) error {
	if err := os.WriteFile(path, w.report.markdown(time.Now()), 0o644); err != nil { //nolint:gosec // everybody reads docs
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
