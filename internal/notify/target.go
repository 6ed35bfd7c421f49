package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-logr/logr"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// Office makes targets of channels.
type Office struct {
	// Client is shared by all targets that speak HTTP.
	Client *http.Client
	// SlackURL is where Slack's Web API is, with a slash at its end.
	SlackURL string
	// PagerDutyURL is where PagerDuty's Events API v2 is, without a slash at its end.
	PagerDutyURL string
	// RootCAs are the authorities that mail servers' certificates are trusted by. Default: the system's.
	RootCAs *x509.CertPool
	// Log takes what the operator itself did wrong. Default: nothing is logged.
	Log logr.Logger
	// Now says what time it is.
	Now func() time.Time
}

// The kinds of channels.
const (
	kindSlack        = "slack"
	kindPagerDuty    = "pagerduty"
	kindEmail        = "email"
	kindWebhook      = "webhook"
	kindAlertmanager = "alertmanager"
)

// KindOf names a channel's kind: slack, pagerduty, email, webhook or alertmanager.
func KindOf(spec v1alpha1.NotificationChannelSpec) string {
	switch {
	case spec.Slack != nil:
		return kindSlack
	case spec.PagerDuty != nil:
		return kindPagerDuty
	case spec.Email != nil:
		return kindEmail
	case spec.Webhook != nil:
		return kindWebhook
	case spec.Alertmanager != nil:
		return kindAlertmanager
	default:
		return "unknown"
	}
}

// Secrets are the Secrets' keys that a channel needs.
func Secrets(spec v1alpha1.NotificationChannelSpec) []v1alpha1.SecretKeyReference {
	switch KindOf(spec) {
	case kindSlack:
		return []v1alpha1.SecretKeyReference{spec.Slack.TokenRef}
	case kindPagerDuty:
		return []v1alpha1.SecretKeyReference{spec.PagerDuty.RoutingKeyRef}
	case kindEmail:
		return authOf(*spec.Email)
	case kindWebhook:
		return []v1alpha1.SecretKeyReference{spec.Webhook.URLRef, spec.Webhook.SigningSecretRef}
	default:
		return nil
	}
}

// Groups tells whether a channel's target makes one of many messages by itself, so that none need be gathered for it.
func Groups(spec v1alpha1.NotificationChannelSpec) bool {
	return spec.PagerDuty != nil || spec.Alertmanager != nil
}

// InvalidError is why no target can be made of a channel. Nothing in it is secret.
type InvalidError struct {
	// Reason is one word.
	Reason string
	// Message is a sentence.
	Message string
}

// Error implements error.
func (e *InvalidError) Error() string { return e.Message }

// timed is a target that takes a message within lifecycle.SendTimeout, connecting included, or fails.
type timed struct {
	target Target
}

// Send implements Target.
func (t timed) Send(ctx context.Context, message Message) (receipt string, failure *lifecycle.Failure) {
	ctx, cancel := context.WithTimeout(ctx, lifecycle.SendTimeout)
	defer cancel()
	return t.target.Send(ctx, message)
}

// Target makes the target of a channel, of what its Secrets hold. A send takes lifecycle.SendTimeout at most. An error is an
// InvalidError, which says what is wrong, and not what a Secret holds.
func (o *Office) Target(spec v1alpha1.NotificationChannelSpec, values map[v1alpha1.SecretKeyReference]string) (Target, error) {
	target, err := o.target(spec, values)
	if err != nil {
		return nil, err
	}
	return timed{target}, nil
}

func (o *Office) target(spec v1alpha1.NotificationChannelSpec, values map[v1alpha1.SecretKeyReference]string) (Target, error) {
	switch KindOf(spec) {
	case kindSlack:
		token := strings.TrimSpace(values[spec.Slack.TokenRef])
		if token == "" || strings.ContainsFunc(token, isNoTokenLetter) {
			return nil, unfit(spec.Slack.TokenRef, "a Slack token, such as xoxb-...")
		}
		return newSlack(*spec.Slack, token, o.SlackURL, o.Client), nil
	case kindPagerDuty:
		key := strings.TrimSpace(values[spec.PagerDuty.RoutingKeyRef])
		if len(key) != routingKeyLength || strings.ContainsFunc(key, isNoTokenLetter) {
			return nil, unfit(spec.PagerDuty.RoutingKeyRef, "an integration key, which has 32 characters")
		}
		return pagerDutyTarget{url: o.PagerDutyURL, routingKey: key, client: o.Client, now: o.Now}, nil
	case kindEmail:
		return newEmail(*spec.Email, values, &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12}, o.Now)
	case kindWebhook:
		return o.webhook(*spec.Webhook, values)
	case kindAlertmanager:
		return o.alertmanager(*spec.Alertmanager), nil
	default:
		return nil, &InvalidError{v1alpha1.ReasonKindUnknown, "The channel is of no kind that this version knows"}
	}
}

// Repeater is the target of a channel that must be told again and again how things stand; nil for all others.
func (o *Office) Repeater(spec v1alpha1.NotificationChannelSpec) Repeater {
	if spec.Alertmanager == nil {
		return nil
	}
	return o.alertmanager(*spec.Alertmanager)
}

func (o *Office) alertmanager(spec v1alpha1.AlertmanagerChannel) alertmanagerTarget {
	return alertmanagerTarget{urls: spec.URLs, labels: spec.Labels, client: o.Client, log: o.Log, now: o.Now}
}

func (o *Office) webhook(spec v1alpha1.WebhookChannel, values map[v1alpha1.SecretKeyReference]string) (Target, error) {
	address := strings.TrimSpace(values[spec.URLRef])
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "https" && parsed.Scheme != "http") {
		return nil, unfit(spec.URLRef, "an http or https URL")
	}
	signer, err := standardwebhooks.NewWebhook(strings.TrimSpace(values[spec.SigningSecretRef]))
	if err != nil {
		return nil, unfit(spec.SigningSecretRef, "a signing secret in base64, with or without whsec_ before it")
	}
	return webhookTarget{url: address, signer: signer, client: o.Client, now: o.Now}, nil
}

func isNoTokenLetter(r rune) bool { return r <= ' ' || r > '~' }

func unfit(ref v1alpha1.SecretKeyReference, wanted string) error {
	return &InvalidError{
		v1alpha1.ReasonSecretInvalid, fmt.Sprintf("key %s of Secret %s does not hold %s", ref.Key, ref.Name, wanted),
	}
}
