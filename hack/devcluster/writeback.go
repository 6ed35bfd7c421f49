package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
)

const (
	// writingBack has a source tell Sentry of responses.
	writingBack = `{"spec":{"sentry":{"writeBack":{"resolve":true,"comment":true}}}}`
	// resolution is what a responder writes.
	resolution = `{"spec":{"response":{"resolvedBy":"ada","resolvedAt":%q}}}`
)

// tellBack plays a resolve by hand that Sentry is told of, and what Sentry tells of it in turn.
func (d *demonstration) tellBack(ctx context.Context, sentry *organization) error {
	_, err := d.cluster.Kubectl(ctx, "patch", "alertsource", billing, "-n", demoNamespace, "--type=merge", "-p", writingBack)
	if err != nil {
		return err
	}
	d.out.line("   $ kubectl patch alertsource %s -n %s --type=merge -p '%s'", billing, demoNamespace, writingBack)
	if err := d.awaitSource(ctx, "the source to write back", func(source *v1alpha1.AlertSource) bool {
		return source.Status.WriteBack != nil
	}); err != nil {
		return err
	}
	id := sentry.create("Invoices are lost", 1)
	if err := d.deliver(ctx, sentry); err != nil {
		return err
	}
	name := v1alpha1.IncidentName(billing, v1alpha1.IssueKey(id), 1)
	now := time.Now().UTC().Format(time.RFC3339)
	_, err = d.cluster.Kubectl(ctx, "patch", "incident", name, "-n", demoNamespace, "--type=merge", "-p", fmt.Sprintf(resolution, now))
	if err != nil {
		return err
	}
	d.out.line("   Ada resolves Incident %s by hand", name)
	message, err := d.awaitWritten(ctx, name)
	if err != nil {
		return err
	}
	status, _, _, _ := sentry.State(id)
	comments := sentry.Comments(id)
	if status != "resolved" || len(comments) != 1 {
		return fmt.Errorf("sentry calls issue %s %s, with the comments %q", id, status, comments)
	}
	d.out.line("   Sentry: issue %s is %s. Comment: %s", id, status, comments[0])
	d.out.line("   WrittenBack=True: %s", message)
	if err := d.deliver(ctx, sentry); err != nil {
		return err
	}
	d.out.line("   Sentry tells of that by webhook, which changes nothing")
	if err := d.settle(ctx); err != nil {
		return err
	}
	return d.expectResolved(ctx, sentry, name)
}

// awaitWritten waits until Sentry has been told of all that there is to tell of an Incident.
func (d *demonstration) awaitWritten(ctx context.Context, name string) (message string, err error) {
	err = wait.PollUntilContextTimeout(ctx, pollInterval, passDeadline, true, func(ctx context.Context) (bool, error) {
		incident, err := d.incident(ctx, name)
		if err != nil {
			return false, err
		}
		message = loop.ConditionOf(incident.Status.Conditions, v1alpha1.ConditionWrittenBack).Message
		return len(incident.Status.WriteBack) == 2, nil
	})
	if err != nil {
		return "", fmt.Errorf("wait until Sentry is told: %w; WrittenBack says %q", err, message)
	}
	return message, nil
}

func (d *demonstration) incident(ctx context.Context, name string) (*v1alpha1.Incident, error) {
	incident := &v1alpha1.Incident{}
	if err := d.api.Get(ctx, client.ObjectKey{Namespace: demoNamespace, Name: name}, incident); err != nil {
		return nil, fmt.Errorf("get Incident %s: %w", name, err)
	}
	return incident, nil
}

// expectResolved expects that an Incident is resolved by who resolved it, the only one of its issue, and that Sentry was told once.
func (d *demonstration) expectResolved(ctx context.Context, sentry *organization, name string) error {
	incident, err := d.incident(ctx, name)
	if err != nil {
		return err
	}
	var all v1alpha1.IncidentList
	labels := client.MatchingLabels{v1alpha1.LabelAlert: incident.Spec.AlertKey.Label()}
	if err := d.api.List(ctx, &all, client.InNamespace(demoNamespace), labels); err != nil {
		return fmt.Errorf("list Incidents: %w", err)
	}
	last := incident.Status.Cycles[len(incident.Status.Cycles)-1]
	if len(all.Items) != 1 || last.ResolvedBy != "ada" || len(sentry.Writes()) != 2 {
		return fmt.Errorf("there are %d Incidents of the issue, the last resolved by %s, and %d writes", len(all.Items), last.ResolvedBy,
			len(sentry.Writes()))
	}
	return nil
}
