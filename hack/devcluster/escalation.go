package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

// orders is the source whose Incidents page people.
const orders = "orders"

// The policy's delays, scaled down from minutes.
const (
	secondStep = 3 * time.Second
	thirdStep  = 6 * time.Second
)

// policyManifest takes the Slack token, the pager's URL, its signing secret, PagerDuty's routing key, the mail server's port,
// Alertmanager's URL, and the delays of the second and third step.
const policyManifest = `
apiVersion: v1
kind: Secret
metadata: {name: orders-channels, namespace: ` + demoNamespace + `}
stringData: {slackToken: %q, pagerURL: %q, pagerSecret: %q, routingKey: %q}
---
apiVersion: itoc360.io/v1alpha1
kind: NotificationChannel
metadata: {name: orders-slack, namespace: ` + demoNamespace + `}
spec:
  slack: {channel: "#orders", tokenRef: {name: orders-channels, key: slackToken}}
---
apiVersion: itoc360.io/v1alpha1
kind: NotificationChannel
metadata: {name: orders-pager, namespace: ` + demoNamespace + `}
spec:
  webhook: {urlRef: {name: orders-channels, key: pagerURL}, signingSecretRef: {name: orders-channels, key: pagerSecret}}
---
apiVersion: itoc360.io/v1alpha1
kind: NotificationChannel
metadata: {name: orders-pagerduty, namespace: ` + demoNamespace + `}
spec:
  pagerDuty: {routingKeyRef: {name: orders-channels, key: routingKey}}
---
apiVersion: itoc360.io/v1alpha1
kind: NotificationChannel
metadata: {name: orders-mail, namespace: ` + demoNamespace + `}
spec:
  email: {from: pager@example.com, to: [orders@example.com], smtp: {host: 127.0.0.1, port: %d, tls: None}}
---
apiVersion: itoc360.io/v1alpha1
kind: NotificationChannel
metadata: {name: orders-alertmanager, namespace: ` + demoNamespace + `}
spec:
  alertmanager: {urls: [%q], labels: {team: orders}}
---
apiVersion: itoc360.io/v1alpha1
kind: OnCallSchedule
metadata: {name: orders, namespace: ` + demoNamespace + `}
spec:
  members: [{name: ada, channelRef: {name: orders-pager}}]
  layers: [{name: weeks, members: [ada], startsOn: "2026-01-05"}]
---
apiVersion: itoc360.io/v1alpha1
kind: EscalationPolicy
metadata: {name: orders, namespace: ` + demoNamespace + `}
spec:
  steps:
  - name: team
    notify: [{channelRef: {name: orders-slack}}, {channelRef: {name: orders-mail}}, {channelRef: {name: orders-alertmanager}}]
  - {name: on-call, after: %s, notify: [{scheduleRef: {name: orders}}, {channelRef: {name: orders-pagerduty}}]}
  - {name: everybody, after: %s, notify: [{channelRef: {name: orders-slack}}, {channelRef: {name: orders-pager}}]}
`

// acknowledgement is what a responder writes.
const acknowledgement = `{"spec":{"response":{"acknowledgedBy":"ada","acknowledgedAt":%q}}}`

const (
	// messageDeadline is how long a message may take beyond its time.
	messageDeadline = 20 * time.Second
	// quiet is how much longer than a step's time nothing must come.
	quiet = 2 * time.Second
)

// escalate plays an escalation: two steps, an answer, and the end. Each message is shown as it was received.
func (d *demonstration) escalate(ctx context.Context, _ *organization) error {
	manifest := fmt.Sprintf(policyManifest, demoToken, d.people.pagerURL, demoSigningSecret, demoRoutingKey, d.people.mailPort,
		d.people.alertmanager.URL(), secondStep, thirdStep)
	if err := d.cluster.Apply(ctx, manifest); err != nil {
		return err
	}
	if err := d.apply(ctx, orders, "  escalationPolicyRef: {name: orders}\n"); err != nil {
		return err
	}
	_, err := d.cluster.Kubectl(ctx, "wait", "--for=condition=Ready", "escalationpolicy/orders", "-n", demoNamespace, "--timeout=60s")
	if err != nil {
		return err
	}
	if err := d.show(ctx, "oncall", "orders"); err != nil {
		return err
	}
	issue := simulator.Issue{ID: "77", ShortID: "ORDERS-3F", Title: "Orders are lost", Priority: "high", Project: "orders"}
	if err := d.post(ctx, simulator.IssueWebhook("created", issue, time.Now()), "opened"); err != nil {
		return err
	}
	opened := time.Now()
	err = d.expect(ctx, opened, "Slack, a message: [HIGH] orders: Orders are lost | Open for",
		"mailbox, a mail: [HIGH] orders: Orders are lost | Open for", "Alertmanager, firing: [HIGH] orders: Orders are lost")
	if err != nil {
		return err
	}
	err = d.expect(ctx, opened,
		"pager, incident.page: [HIGH] orders: Orders are lost", "PagerDuty, triggered (error): [HIGH] orders: Orders are lost")
	if err != nil {
		return err
	}
	if early := time.Since(opened); early < secondStep-time.Second {
		return fmt.Errorf("the second step was taken after %s, not %s", early, secondStep)
	}
	if err := d.acknowledge(ctx, opened); err != nil {
		return err
	}
	if err := d.post(ctx, simulator.IssueWebhook("resolved", issue, time.Now()), "resolved"); err != nil {
		return err
	}
	return d.expect(ctx, opened,
		"Slack, the message brought up to date: Resolved: [HIGH] orders: Orders are lost | Resolved by Sentry after",
		"Slack, a reply in its thread: Resolved: [HIGH] orders: Orders are lost",
		"mailbox, a mail in its thread: Resolved: [HIGH] orders: Orders are lost | Resolved by Sentry after",
		"pager, incident.resolved: Resolved: [HIGH] orders: Orders are lost",
		"PagerDuty, resolved (error): Resolved: [HIGH] orders: Orders are lost",
		"Alertmanager, resolved: Resolved: [HIGH] orders: Orders are lost")
}

// acknowledge answers, which is told, and stops the third step.
func (d *demonstration) acknowledge(ctx context.Context, opened time.Time) error {
	patch := fmt.Sprintf(acknowledgement, time.Now().UTC().Format(time.RFC3339))
	_, err := d.cluster.Kubectl(ctx, "patch", "incident", orders+"-77-1", "-n", demoNamespace, "--type=merge", "-p", patch)
	if err != nil {
		return err
	}
	d.out.line("   Ada acknowledges it")
	err = d.expect(ctx, opened,
		"Slack, the message brought up to date: Acknowledged: [HIGH] orders: Orders are lost | Acknowledged by ada, open for",
		"Slack, a reply in its thread: Acknowledged: [HIGH] orders: Orders are lost",
		"mailbox, a mail in its thread: Acknowledged: [HIGH] orders: Orders are lost | Acknowledged by ada, open for",
		"pager, incident.update: Acknowledged: [HIGH] orders: Orders are lost",
		"PagerDuty, acknowledged (error): Acknowledged: [HIGH] orders: Orders are lost")
	if err != nil {
		return err
	}
	select {
	case message := <-d.people.received:
		return fmt.Errorf("after the acknowledgement came: %s", message)
	case <-time.After(time.Until(opened.Add(thirdStep + quiet))):
		d.out.line("   The third step's time has passed, and nothing came")
	}
	return d.show(ctx, "incident", orders+"-77-1")
}

// show shows an object as kubectl prints it.
func (d *demonstration) show(ctx context.Context, kind, name string) error {
	table, err := d.cluster.Kubectl(ctx, "get", kind, name, "-n", demoNamespace)
	if err != nil {
		return err
	}
	d.out.line("   $ kubectl get %s %s -n %s", kind, name, demoNamespace)
	d.out.block(table)
	return nil
}

func (d *demonstration) post(ctx context.Context, webhook simulator.Webhook, result string) error {
	answer, err := d.senders[orders].Post(ctx, webhook)
	if err != nil {
		return fmt.Errorf("post a webhook: %w", err)
	}
	if want := "200 " + result + " " + demoNamespace + "/" + orders + "-77-1"; answer.String() != want {
		return fmt.Errorf("the answer is %q, not %q", answer, want)
	}
	d.out.line("   issue %-26s %s", result, answer)
	return nil
}

// expect waits for messages, which begin so and come in any order, and shows each.
func (d *demonstration) expect(ctx context.Context, since time.Time, wanted ...string) error {
	for len(wanted) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(messageDeadline):
			return fmt.Errorf("nobody received: %s", strings.Join(wanted, "; "))
		case message := <-d.people.received:
			found := -1
			for i, want := range wanted {
				if strings.HasPrefix(message, want) {
					found = i
				}
			}
			if found < 0 {
				return fmt.Errorf("somebody received %q, and not: %s", message, strings.Join(wanted, "; "))
			}
			d.out.line("   +%4.1fs %s", time.Since(since).Seconds(), message)
			wanted = append(wanted[:found:found], wanted[found+1:]...)
		}
	}
	return nil
}
