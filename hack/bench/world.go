package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
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
	w.target = target{address, v1alpha1.IntakePath, token, secret}
	began := time.Now()
	w.operator, err = operator.Start(ctx, w.ControlPlane, operator.Options{
		Path: filepath.Join(root, "bin", "itoc360-operator"), Replica: "bench", Intake: address,
		Log: filepath.Join(w.folder, "operator.log"), Env: []string{"GOMEMLIMIT=360MiB", "GOGC=200"},
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

// clean makes a cluster without operator and Incidents, as each measure finds it. The API server starts anew: one that has just
// deleted thousands of objects takes three times as long for the slowest of its answers.
func (w *world) clean(ctx context.Context) error {
	if w.operator != nil {
		if err := w.stopOperator(time.Minute); err != nil {
			return err
		}
	}
	for _, name := range []string{namespace, plainNamespace} {
		if err := w.client.DeleteAllOf(ctx, &v1alpha1.Incident{}, client.InNamespace(name)); err != nil {
			return fmt.Errorf("delete Incidents: %w", err)
		}
	}
	w.taken, w.copied = map[int]int64{}, 0
	if err := w.KillAPIServer(); err != nil {
		return err
	}
	return w.StartAPIServer(ctx)
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

// stopOperator ends it, at once or in peace.
func (w *world) stopOperator(patience time.Duration) error { return w.operator.Stop(patience) }

// newIssues are the wires of the created of issues that nobody has heard of.
func (w *world) newIssues(count int) (first int, wires [][]byte) {
	first = w.issues
	w.issues += count
	wires = make([][]byte, count)
	for i := range wires {
		wires[i] = w.target.request(simulator.IssueWebhook("created", simulator.Issue{ID: issueID(first + i)}, time.Now()))
	}
	return first, wires
}

func issueID(number int) string { return fmt.Sprint(1_000_000 + number) }

// each is a request for each of some wires, in turn, once.
func each(first int, wires [][]byte) func(number int) (int, []byte) {
	return func(number int) (int, []byte) {
		if number >= len(wires) {
			return 0, nil
		}
		return first + number, wires[number]
	}
}

// roundRobin is a request for some wires in turn, for ever.
func roundRobin(first int, wires [][]byte) func(number int) (int, []byte) {
	return func(number int) (int, []byte) { return first + number%len(wires), wires[number%len(wires)] }
}

func (w *world) closedLoop(
	ctx context.Context, connections int, request func(number int) (issue int, wire []byte),
) (posts, error) {
	wait := w.profile(ctx)
	answers, err := closedLoop(ctx, w.target, connections, request)
	wait()
	return w.noted(answers), err
}

func (w *world) openLoop(
	ctx context.Context, aSecond, count int, request func(number int) (issue int, wire []byte),
) (posts, error) {
	wait := w.profile(ctx)
	answers, err := openLoop(ctx, w.target, aSecond, count, request)
	wait()
	return w.noted(answers), err
}

func (w *world) noted(answers posts) posts {
	for _, one := range answers.all {
		if one.status == http.StatusOK {
			w.taken[one.issue]++
		}
	}
	return answers
}

// incidents lists those of a source by their alert keys.
func (w *world) incidents(ctx context.Context) (map[v1alpha1.AlertKey]*v1alpha1.Incident, error) {
	found := map[v1alpha1.AlertKey]*v1alpha1.Incident{}
	var list v1alpha1.IncidentList
	for {
		err := w.client.List(ctx, &list, client.InNamespace(namespace), client.Limit(2000), client.Continue(list.Continue),
			client.MatchingLabels{v1alpha1.LabelSource: sourceName})
		if err != nil {
			return nil, fmt.Errorf("list Incidents: %w", err)
		}
		for i := range list.Items {
			if list.Items[i].Spec.SourceRef.Name == sourceName {
				found[list.Items[i].Spec.AlertKey] = list.Items[i].DeepCopy()
			}
		}
		if list.Continue == "" {
			return found, nil
		}
	}
}

// allThere tells, at little cost, whether there can be an Incident of each issue. To look at all of them takes from what is
// measured.
func (w *world) allThere(ctx context.Context) error {
	list := metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("IncidentList"))
	if err := w.client.List(ctx, &list, client.InNamespace(namespace), client.Limit(1)); err != nil {
		return fmt.Errorf("count Incidents: %w", err)
	}
	found := len(list.Items) + int(ptr.Deref(list.RemainingItemCount, 0))
	if want := len(w.taken) + w.copied; found < want {
		return fmt.Errorf("there are %d Incidents of %d", found, want)
	}
	return nil
}

func (w *world) get(ctx context.Context, issue int) (*v1alpha1.Incident, error) {
	incident := &v1alpha1.Incident{}
	name := types.NamespacedName{
		Namespace: namespace, Name: v1alpha1.IncidentName(sourceName, v1alpha1.IssueKey(issueID(issue)), 1),
	}
	return incident, w.client.Get(ctx, name, incident)
}

// progress tells what is going on.
func (w *world) progress(format string, arguments ...any) {
	fmt.Fprintf(w.out, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, arguments...))
}

// leastPause is how long eventually waits between two looks, unless they take long: the machine is for what is measured.
const leastPause = 200 * time.Millisecond

func eventually(ctx context.Context, patience time.Duration, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		began := time.Now()
		held, err := holds()
		if held {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(errors.New("gave up waiting"), err)
		case <-time.After(max(leastPause, 2*time.Since(began))):
		}
	}
}

// write puts the report where it belongs.
func (w *world) write(path string) error {
	if err := os.WriteFile(path, w.report.markdown(time.Now()), 0o644); err != nil { //nolint:gosec // everybody reads docs
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
