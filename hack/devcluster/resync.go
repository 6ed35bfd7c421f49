package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

// billing is the source that is kept in step with Sentry.
const billing = "billing"

// apiLines are what its spec has for that; they take the address of Sentry's API.
const apiLines = `    organization: acme
    baseURL: %s
    authTokenRef: {name: billing-api, key: authToken}
`

const apiSecret = `
apiVersion: v1
kind: Secret
metadata: {name: billing-api, namespace: ` + demoNamespace + `}
stringData: {authToken: %s}
`

// passDeadline is how long a pass over Sentry's few issues may take.
const passDeadline = time.Minute

// organization is a Sentry whose webhooks are lost as long as one wants.
type organization struct {
	*simulator.Server

	project string
	http    *http.Server
	url     string
	outbox  simulator.Outbox
}

func startOrganization() (*organization, error) {
	o := &organization{}
	o.Server = &simulator.Server{
		Organization: &simulator.Organization{Tell: o.outbox.Put}, Token: "sntryi_" + randomHex(),
		Scopes: []string{"event:read", "event:write"},
	}
	o.project = o.AddProject("billing")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen as Sentry's API: %w", err)
	}
	o.url = "http://" + listener.Addr().String()
	o.http = &http.Server{Handler: o.Server, ReadHeaderTimeout: passDeadline}
	go func() { _ = o.http.Serve(listener) }()
	return o, nil
}

// create lets some issues happen, and gives the id of the last one.
func (o *organization) create(title string, count int) (last string) {
	for i := range count {
		last = o.Create(o.project, simulator.Issue{Title: fmt.Sprintf("%s (%d)", title, i+1)})
	}
	return last
}

// heal plays what happens when webhooks are lost: Sentry's API tells what they did not, and that they do not arrive.
func (d *demonstration) heal(ctx context.Context, sentry *organization) error {
	sentry.Now = func() time.Time { return time.Now().Add(-time.Hour) }
	sentry.create("Invoices are late", 1)
	sentry.outbox.Take()
	sentry.Now = time.Now
	if err := d.cluster.Apply(ctx, fmt.Sprintf(apiSecret, sentry.Token)); err != nil {
		return err
	}
	if err := d.apply(ctx, billing, fmt.Sprintf(apiLines, sentry.url)); err != nil {
		return err
	}
	if err := d.awaitPass(ctx, nil); err != nil {
		return err
	}
	d.out.line("   What was there before the first pass is shown, and wakes nobody; then webhooks are lost")
	sentry.create("Payments fail", 4)
	sentry.outbox.Take()
	if err := d.pass(ctx, 1); err != nil {
		return err
	}
	if err := d.showFound(ctx, 5); err != nil {
		return err
	}
	if err := d.pass(ctx, 2); err != nil {
		return err
	}
	if err := d.expectDelivering(ctx, metav1.ConditionFalse); err != nil {
		return err
	}
	d.out.line("   Webhooks arrive again")
	sentry.create("Refunds fail", 5)
	if err := d.deliver(ctx, sentry); err != nil {
		return err
	}
	// Replicas report what they heard every ten seconds.
	if err := d.awaitSource(ctx, "the source has heard", func(source *v1alpha1.AlertSource) bool {
		return source.Status.LastSignalTime != nil
	}); err != nil {
		return err
	}
	if err := d.pass(ctx, 3); err != nil {
		return err
	}
	return d.expectDelivering(ctx, metav1.ConditionTrue)
}

// deliver posts the webhooks that Sentry has to tell.
func (d *demonstration) deliver(ctx context.Context, sentry *organization) error {
	for _, webhook := range sentry.outbox.Take() {
		if _, err := d.senders[billing].Post(ctx, webhook); err != nil {
			return fmt.Errorf("post a webhook: %w", err)
		}
	}
	return nil
}

// pass asks for a numbered pass over Sentry's issues, as a person would, and waits until it has ended.
func (d *demonstration) pass(ctx context.Context, number int) error {
	source, err := d.source(ctx)
	if err != nil {
		return err
	}
	before := passesOf(source)
	annotation := v1alpha1.AnnotationResync + "=" + strconv.Itoa(number)
	if _, err := d.cluster.Kubectl(ctx, "annotate", "--overwrite", "alertsource", billing, "-n", demoNamespace, annotation); err != nil {
		return err
	}
	d.out.line("   $ kubectl annotate --overwrite alertsource %s -n %s %s", billing, demoNamespace, annotation)
	return d.awaitPass(ctx, before)
}

// awaitPass waits until another pass has ended than those before.
func (d *demonstration) awaitPass(ctx context.Context, before []v1alpha1.ResyncPass) error {
	return d.awaitSource(ctx, "a pass over Sentry's issues", func(source *v1alpha1.AlertSource) bool {
		return !equality.Semantic.DeepEqual(passesOf(source), before)
	})
}

func passesOf(source *v1alpha1.AlertSource) []v1alpha1.ResyncPass {
	if source.Status.Resync == nil {
		return nil
	}
	return source.Status.Resync.Passes
}

func (d *demonstration) source(ctx context.Context) (*v1alpha1.AlertSource, error) {
	source := &v1alpha1.AlertSource{}
	if err := d.api.Get(ctx, client.ObjectKey{Namespace: demoNamespace, Name: billing}, source); err != nil {
		return nil, fmt.Errorf("get the source: %w", err)
	}
	return source, nil
}

func (d *demonstration) awaitSource(ctx context.Context, what string, is func(*v1alpha1.AlertSource) bool) error {
	err := wait.PollUntilContextTimeout(ctx, pollInterval, passDeadline, true, func(ctx context.Context) (bool, error) {
		source, err := d.source(ctx)
		return err == nil && is(source), err
	})
	if err != nil {
		return fmt.Errorf("wait for %s: %w", what, err)
	}
	return nil
}

// showFound shows who told of each Incident, and expects so many, all of which a pass has found.
func (d *demonstration) showFound(ctx context.Context, want int) error {
	if err := d.settle(ctx); err != nil {
		return err
	}
	table, err := d.cluster.Kubectl(ctx, "get", "incidents", "-n", demoNamespace, "-l", v1alpha1.LabelSource+"="+billing,
		"-o", "custom-columns=NAME:.metadata.name,STATE:.status.state,TITLE:.spec.issue.title,"+
			"TOLD BY:.spec.signals[0].by,QUIET:.spec.signals[0].quiet")
	if err != nil {
		return err
	}
	d.out.block(table)
	var incidents v1alpha1.IncidentList
	labels := client.MatchingLabels{v1alpha1.LabelSource: billing}
	if err := d.api.List(ctx, &incidents, client.InNamespace(demoNamespace), labels); err != nil {
		return fmt.Errorf("list Incidents: %w", err)
	}
	found, quiet := 0, 0
	for i := range incidents.Items {
		switch signal := incidents.Items[i].Spec.Signals[0]; {
		case signal.By != v1alpha1.ByResync:
		case signal.Quiet:
			quiet++
		default:
			found++
		}
	}
	if len(incidents.Items) != want || found != want-1 || quiet != 1 {
		return fmt.Errorf("of %d Incidents passes have found %d, and %d quietly; not %d and 1", len(incidents.Items), found, quiet, want-1)
	}
	return nil
}

func (d *demonstration) expectDelivering(ctx context.Context, want metav1.ConditionStatus) error {
	source, err := d.source(ctx)
	if err != nil {
		return err
	}
	is := loop.ConditionOf(source.Status.Conditions, v1alpha1.ConditionDelivering)
	if is.Status != want {
		return fmt.Errorf("condition Delivering is %s, not %s: %s", is.Status, want, is.Message)
	}
	d.out.line("   Delivering=%s: %s", is.Status, is.Message)
	return nil
}
