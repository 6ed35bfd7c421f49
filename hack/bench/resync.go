package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

const (
	// unresolvedIssues is how many there are in Sentry when a pass is measured.
	unresolvedIssues = 10_000
	// besideRate is how many new issues come up a second for besideTime while the first pass goes on.
	besideRate, besideTime = 100, 30 * time.Second
	apiToken               = "sntryi_0123456789abcdef"
	// passPatience is how long a pass may take: at two calls a second, 100 pages take 50 s.
	passPatience = 30 * time.Minute
)

// resync measures a first pass over 10,000 unresolved issues, beside which webhooks come in, and one that finds nothing new.
func (w *world) resync(ctx context.Context) error {
	var webhook simulator.Webhook
	sentry := &simulator.Server{
		Organization: &simulator.Organization{Tell: func(told simulator.Webhook) { webhook = told }}, Token: apiToken,
	}
	project := sentry.AddProject("checkout")
	for i := range unresolvedIssues {
		sentry.Age(sentry.Create(project, simulator.Issue{Title: "issue " + strconv.Itoa(i)}))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen as Sentry's API: %w", err)
	}
	server := &http.Server{Handler: sentry, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()

	w.progress("A first pass over %d unresolved issues, and %d new issues a second for %s", unresolvedIssues, besideRate, besideTime)
	if err := w.setAPI(ctx, "http://"+listener.Addr().String()); err != nil {
		return err
	}
	defer func() { _ = w.setAPI(context.WithoutCancel(ctx), "") }()
	var making sync.Mutex
	answers, err := w.openLoop(ctx, besideRate, besideRate*int(besideTime.Seconds()), func(int) (int, []byte) {
		making.Lock()
		defer making.Unlock()
		w.issues++
		sentry.Create(project, simulator.Issue{})
		return w.issues, w.target.request(webhook)
	})
	if err != nil {
		return err
	}
	p99 := answers.quantile(.99)
	w.add("p99 answer beside a first pass over 10,000 unresolved issues, 100 new issues a second for 30 s", "also given",
		answers.refused() == 0, round(p99).String(),
		fmt.Sprintf("p50 %s, slowest %s", round(answers.quantile(.5)), round(answers.quantile(1))))
	one, err := w.awaitPass(ctx, 1)
	if err != nil {
		return err
	}
	w.addPass("a first pass over 10,000 unresolved issues, while 3,000 come up", one, int(one.OpenedQuietly) == unresolvedIssues)

	w.progress("A pass that finds nothing new")
	if err := w.askForPass(ctx); err != nil {
		return err
	}
	two, err := w.awaitPass(ctx, 2)
	if err != nil {
		return err
	}
	w.addPass("a pass over these 13,000 that finds nothing new", two, two.OpenedQuietly+two.Opened+two.Resolved == 0)
	return nil
}

// addPass gives what a pass took.
func (w *world) addPass(what string, pass v1alpha1.ResyncPass, isWhole bool) {
	_, most := w.residentMiB()
	w.add(what, "also given", isWhole, fmt.Sprintf("%d calls", pass.Calls), fmt.Sprintf("%s, at 2 calls a second; %d issues; "+
		"the most memory of the operator until then %d MiB", pass.FinishedAt.Sub(pass.StartedAt.Time), pass.Issues, most))
}

// setAPI lets the source ask Sentry's API there; empty: not at all.
func (w *world) setAPI(ctx context.Context, baseURL string) error {
	made := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: sourceName + "-api"},
		StringData: map[string]string{"authToken": apiToken},
	}
	if err := w.client.Create(ctx, made); client.IgnoreAlreadyExists(err) != nil {
		return fmt.Errorf("make the token: %w", err)
	}
	return w.changeSource(ctx, func(source *v1alpha1.AlertSource) {
		source.Spec.Sentry.Organization, source.Spec.Sentry.BaseURL = "acme", baseURL
		source.Spec.Sentry.ResyncInterval = metav1.Duration{Duration: time.Hour}
		source.Spec.Sentry.AuthTokenRef = &v1alpha1.SecretKeyReference{Name: made.Name, Key: "authToken"}
		if baseURL == "" {
			source.Spec.Sentry.AuthTokenRef = nil
		}
	})
}

func (w *world) askForPass(ctx context.Context) error {
	return w.changeSource(ctx, func(source *v1alpha1.AlertSource) {
		metav1.SetMetaDataAnnotation(&source.ObjectMeta, v1alpha1.AnnotationResync, time.Now().String())
	})
}

func (w *world) changeSource(ctx context.Context, change func(*v1alpha1.AlertSource)) error {
	source := &v1alpha1.AlertSource{}
	if err := w.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: sourceName}, source); err != nil {
		return fmt.Errorf("get the source: %w", err)
	}
	before := source.DeepCopy()
	change(source)
	if err := w.client.Patch(ctx, source, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("change the source: %w", err)
	}
	return nil
}

// awaitPass waits until so many passes have ended, and gives the last.
func (w *world) awaitPass(ctx context.Context, count int) (last v1alpha1.ResyncPass, err error) {
	err = eventually(ctx, passPatience, func() (bool, error) {
		source := &v1alpha1.AlertSource{}
		if err := w.client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: sourceName}, source); err != nil {
			return false, err
		}
		if source.Status.Resync == nil || len(source.Status.Resync.Passes) < count {
			return false, nil
		}
		last = source.Status.Resync.Passes[count-1]
		return true, nil
	})
	return last, err
}
