package notify

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/receivers"
)

const (
	testToken  = "xoxb-1111-very-secret"
	testSecret = "whsec_c2VjcmV0LXNpZ25pbmcta2V5LW9mLXRlc3Rz"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// golden compares a text with testdata/<name>.golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *rewrite {
		must(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if got != string(want) {
		t.Errorf("%s is\n%s\nand not\n%s\n(go test ./internal/notify -rewrite writes it anew)", name, got, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var (
	slackRef  = v1alpha1.SecretKeyReference{Name: "channels", Key: "slackToken"}
	urlRef    = v1alpha1.SecretKeyReference{Name: "channels", Key: "url"}
	secretRef = v1alpha1.SecretKeyReference{Name: "channels", Key: "signingSecret"}
)

func slackSpec() v1alpha1.NotificationChannelSpec {
	return v1alpha1.NotificationChannelSpec{Slack: &v1alpha1.SlackChannel{Channel: "#payments", TokenRef: slackRef}}
}

func webhookSpec() v1alpha1.NotificationChannelSpec {
	return v1alpha1.NotificationChannelSpec{Webhook: &v1alpha1.WebhookChannel{URLRef: urlRef, SigningSecretRef: secretRef}}
}

func targetOf(t *testing.T, spec v1alpha1.NotificationChannelSpec, url string) Target {
	t.Helper()
	office := &Office{Client: NewClient(), SlackURL: url + "/", PagerDutyURL: url, Now: time.Now}
	target, err := office.Target(spec, map[v1alpha1.SecretKeyReference]string{
		slackRef: testToken + "\n", urlRef: url + "/hooks/a-secret-path", secretRef: testSecret, routingKeyRef: testRoutingKey + "\n",
	})
	must(t, err)
	return target
}

func serve(t *testing.T, handler http.Handler) (url string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func newSlackWorkspace(t *testing.T) (*receivers.Slack, Target) {
	t.Helper()
	workspace := &receivers.Slack{Token: testToken, Unexpected: t.Errorf}
	return workspace, targetOf(t, slackSpec(), serve(t, workspace))
}

func newEndpoint(t *testing.T) (*receivers.Webhook, Target) {
	t.Helper()
	endpoint := &receivers.Webhook{Secret: testSecret, Unexpected: t.Errorf}
	return endpoint, targetOf(t, webhookSpec(), serve(t, endpoint))
}

func minute(after int) time.Time { return time.Date(2026, 1, 31, 3, after, 0, 0, time.UTC) }

// incidentIn is an Incident in a state, which began at minute 0.
func incidentIn(state v1alpha1.IncidentState) *v1alpha1.Incident {
	opened := metav1.NewMicroTime(minute(0))
	incident := &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team-payments", Name: "payments-42-2"},
		Spec: v1alpha1.IncidentSpec{
			SourceRef: v1alpha1.SourceReference{Name: "payments"}, AlertKey: "issue/42", Number: 2,
			Priority: v1alpha1.PriorityHigh, SignalCount: 7,
			Issue: v1alpha1.Issue{
				ID: "42", ShortID: "CHECKOUT-1A", Title: "TypeError: cannot read <amount> & \"currency\" of undefined",
				Culprit: "checkout.charge(card)", Level: "error", Project: "checkout", Assignee: "Ada Lovelace",
				URL: "https://acme.sentry.io/issues/42/",
			},
			Signals: []v1alpha1.Signal{{Time: opened, ReceivedAt: opened, Event: "Alert", Effect: "Opened", By: "Sentry"}},
		},
	}
	switch state {
	case v1alpha1.StateAcknowledged:
		incident.Spec.Response = &v1alpha1.Response{AcknowledgedBy: "alice@example.com", AcknowledgedAt: &metav1.Time{Time: minute(4)}}
	case v1alpha1.StateSnoozed:
		incident.Spec.Response = &v1alpha1.Response{SnoozedBy: "alice@example.com", SnoozedUntil: &metav1.Time{Time: minute(59)}}
	case v1alpha1.StateResolved:
		ended := metav1.NewMicroTime(minute(12))
		incident.Spec.Signals = append(incident.Spec.Signals,
			v1alpha1.Signal{Time: ended, ReceivedAt: ended, Event: "Resolve", Effect: "Resolved", By: "Sentry"})
	case v1alpha1.StateOpen:
	}
	return incident
}

func entryOf(kind v1alpha1.NotificationKind) v1alpha1.Notification {
	entry := v1alpha1.Notification{Cycle: 1, Run: 1, Channel: "payments.slack", Kind: kind}
	if kind == v1alpha1.KindPage {
		entry.Step = "team"
	}
	return entry
}

// messageOf is a message about an Incident, five minutes after it began.
func messageOf(t *testing.T, kind v1alpha1.NotificationKind, state v1alpha1.IncidentState) Message {
	t.Helper()
	incident, entry := incidentIn(state), entryOf(kind)
	view := ViewOf(incident, entry, minute(5))
	return Message{View: view, Text: defaults.Render(view), ID: IDOf(incident, entry)}
}
