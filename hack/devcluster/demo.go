package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/devcluster/controlplane"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

const (
	// demoNamespace is where the story takes place.
	demoNamespace = "team-payments"
	// storyAge is how long ago the story begins. It takes less than that.
	storyAge = 2 * time.Minute
	// settleDeadline is how long the operator may take until each Incident's status speaks of its spec.
	settleDeadline = 30 * time.Second
	// pollInterval is how often one looks whether it does.
	pollInterval = 100 * time.Millisecond
	// failureLines is how much of the operator's log is shown after a failure.
	failureLines = 40
)

// demonstration is a demo that is under way.
type demonstration struct {
	out     *terminal
	cluster *cluster
	api     client.Client
	senders map[string]simulator.Client
	people  *people
}

// answerPatience is how long the demo's Sentry waits for an answer, and the operator for its write: the story is what webhooks do, not how
// soon a busy machine's disk takes them.
const answerPatience = 30 * time.Second

// demo tells the story and returns an error unless everything came as told.
func demo(ctx context.Context, out *terminal) (err error) {
	folder, err := os.MkdirTemp("", "itoc360-demo-")
	if err != nil {
		return fmt.Errorf("make temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	intake, err := controlplane.FreeAddress()
	if err != nil {
		return err
	}
	people, err := startPeople(folder)
	if err != nil {
		return err
	}
	defer people.stop()
	running, err := startCluster(ctx, out, intake, filepath.Join(folder, "operator.log"), "--slack-api-url="+people.slackURL,
		"--pagerduty-events-url="+people.dutyURL, "--intake-answer-timeout="+answerPatience.String())
	defer func() {
		out.progress("Stopping")
		err = errors.Join(err, running.stop())
	}()
	if err == nil {
		err = tellStory(ctx, out, running, people)
	}
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil && running.operator != nil:
		out.heading("The end of the operator's log:")
		out.block(running.operator.Tail(failureLines) + "\n")
	}
	return err
}

// tellStory plays all chapters and compares the end with what it should be.
func tellStory(ctx context.Context, out *terminal, running *cluster, people *people) (err error) {
	api, err := running.client()
	if err != nil {
		return err
	}
	d := &demonstration{out: out, cluster: running, api: api, senders: map[string]simulator.Client{}, people: people}
	out.heading("A team applies an AlertSource")
	if _, err := running.Kubectl(ctx, "create", "namespace", demoNamespace); err != nil {
		return err
	}
	if err := d.apply(ctx, payments, ""); err != nil {
		return err
	}
	chapters := story(time.Now().Add(-storyAge).Truncate(time.Second))
	for i, chapter := range chapters {
		out.heading("%d. %s", i+1, chapter.title)
		if err := d.play(ctx, chapter); err != nil {
			return fmt.Errorf("chapter %d: %w", i+1, err)
		}
	}
	got, err := readTable(ctx, api, demoNamespace)
	if err != nil {
		return err
	}
	if err := compareTables(ending, got); err != nil {
		return err
	}
	sentry, err := startOrganization()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sentry.http.Close()) }()
	for i, scene := range []struct {
		title string
		play  func(context.Context, *organization) error
	}{
		{"Somebody is on call: an escalation, its delays scaled down", d.escalate},
		{"Webhooks get lost: Sentry's API tells what they did not", d.heal},
		{"A responder resolves an Incident: Sentry hears of it, once", d.tellBack},
	} {
		out.heading("%d. %s", len(chapters)+1+i, scene.title)
		if err := scene.play(ctx, sentry); err != nil {
			return fmt.Errorf("chapter %d: %w", len(chapters)+1+i, err)
		}
	}
	out.line("\n%s", out.paint(green, "All answers, all Incidents and all messages are as expected."))
	return nil
}

// play posts what is in a chapter and shows the Incidents that there are then.
func (d *demonstration) play(ctx context.Context, chapter chapter) error {
	if chapter.source != "" {
		if err := d.apply(ctx, chapter.source, ""); err != nil {
			return err
		}
	}
	for _, post := range chapter.posts {
		answer, err := d.sender(post.to, post.forgery).Post(ctx, post.webhook)
		if err != nil {
			return fmt.Errorf("post %s: %w", post.what, err)
		}
		d.out.line("   %-32s %s", post.what, answer)
		if got := answer.String(); got != post.answer {
			return fmt.Errorf("post %s: the answer is %q, not %q", post.what, got, post.answer)
		}
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	table, err := d.cluster.Kubectl(ctx, "get", "incidents", "-n", demoNamespace)
	if err != nil {
		return err
	}
	d.out.line("   $ kubectl get incidents -n %s", demoNamespace)
	d.out.block(table)
	return nil
}

// settle waits until the controllers have drawn their conclusions from each Incident's spec.
func (d *demonstration) settle(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, pollInterval, settleDeadline, true, func(ctx context.Context) (bool, error) {
		var incidents v1alpha1.IncidentList
		if err := d.api.List(ctx, &incidents, client.InNamespace(demoNamespace)); err != nil {
			return false, fmt.Errorf("list Incidents: %w", err)
		}
		return isSettled(incidents.Items), nil
	})
	if wait.Interrupted(err) {
		return fmt.Errorf("wait for the status of all Incidents: %w", err)
	}
	return err
}

func isSettled(incidents []v1alpha1.Incident) bool {
	for _, incident := range incidents {
		if incident.Status.ObservedGeneration != incident.Generation {
			return false
		}
	}
	return true
}
