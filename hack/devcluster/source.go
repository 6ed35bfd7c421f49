package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

// sourceManifest takes the name of the source, the client secret, and further lines of its spec.
const sourceManifest = `
apiVersion: v1
kind: Secret
metadata: {name: %[1]s-sentry, namespace: ` + demoNamespace + `}
stringData: {clientSecret: %[2]s}
---
apiVersion: itoc360.io/v1alpha1
kind: AlertSource
metadata: {name: %[1]s, namespace: ` + demoNamespace + `}
spec:
  type: Sentry
  sentry:
    clientSecretRefs:
    - {name: %[1]s-sentry, key: clientSecret}
%[3]s`

const (
	// greetings is how often an intake is greeted until it knows the source. It stays below the number of failed
	// authentications after which it would no longer listen.
	greetings = 10
	// greetingInterval is how often.
	greetingInterval = 500 * time.Millisecond
)

// apply makes a source with a client secret of its own, and more in its spec if wanted, waits until it is ready, and takes
// the URL that the operator made for it, as a person would who pastes it into Sentry.
func (d *demonstration) apply(ctx context.Context, name, more string) error {
	secret := randomHex()
	if err := d.cluster.Apply(ctx, fmt.Sprintf(sourceManifest, name, secret, more)); err != nil {
		return err
	}
	d.out.line("   AlertSource %s applied; waiting until it is ready", name)
	_, err := d.cluster.Kubectl(ctx, "wait", "--for=condition=Ready", "alertsource/"+name, "-n", demoNamespace, "--timeout=60s")
	if err != nil {
		return err
	}
	var made corev1.Secret
	key := client.ObjectKey{Namespace: demoNamespace, Name: v1alpha1.WebhookSecretName(name)}
	if err := d.api.Get(ctx, key, &made); err != nil {
		return fmt.Errorf("get webhook Secret: %w", err)
	}
	sender := simulator.Client{
		URL: string(made.Data[v1alpha1.SecretKeyURL]), Secret: secret, HTTP: &http.Client{Timeout: answerPatience},
	}
	d.senders[name] = sender
	d.out.line("   Sentry is told the URL that is in Secret %s and says hello", key.Name)
	return greet(ctx, sender)
}

// greet sends what Sentry sends first, that it was set up, until the intake knows the source: it learns of it a moment
// after the controller does.
func greet(ctx context.Context, sender simulator.Client) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, greetingInterval, greetings*greetingInterval, true,
		func(ctx context.Context) (bool, error) {
			answer, err := sender.Post(ctx, simulator.Installation("created", time.Now()))
			if err == nil && !answer.OK() {
				err = fmt.Errorf("answer: %s", answer)
			}
			last = err
			return err == nil, nil
		})
	if wait.Interrupted(err) {
		return fmt.Errorf("wait for the intake to know the source: %w", errors.Join(err, last))
	}
	return err
}

// sender is who posts to a source, or somebody who would like to be.
func (d *demonstration) sender(to string, forgery forgery) simulator.Client {
	sender := d.senders[to]
	switch forgery {
	case wrongSignature:
		sender.Secret = d.senders[payments].Secret
	case wrongToken:
		sender.URL = withToken(sender.URL, randomHex())
	case genuine:
	}
	return sender
}

// withToken is a webhook URL with another token.
func withToken(address, token string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return address
	}
	parsed.RawQuery = url.Values{"token": {token}}.Encode()
	return parsed.String()
}

// randomHex has 256 random bits, as Sentry's client secrets have.
func randomHex() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // It never fails, by its contract.
	return hex.EncodeToString(random)
}
