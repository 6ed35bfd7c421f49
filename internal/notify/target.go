package notify

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// Office makes targets of channels.
type Office struct {
	// Client is shared by all targets.
	Client *http.Client
	// SlackURL is where Slack's Web API is, with a slash at its end.
	SlackURL string
	// Now says what time it is.
	Now func() time.Time
}

// KindOf names a channel's kind: slack or webhook.
func KindOf(spec v1alpha1.NotificationChannelSpec) string {
	switch {
	case spec.Slack != nil:
		return "slack"
	case spec.Webhook != nil:
		return "webhook"
	default:
		return "unknown"
	}
}

// Secrets are the Secrets' keys that a channel needs.
func Secrets(spec v1alpha1.NotificationChannelSpec) []v1alpha1.SecretKeyReference {
	switch {
	case spec.Slack != nil:
		return []v1alpha1.SecretKeyReference{spec.Slack.TokenRef}
	case spec.Webhook != nil:
		return []v1alpha1.SecretKeyReference{spec.Webhook.URLRef, spec.Webhook.SigningSecretRef}
	default:
		return nil
	}
}

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

// Target makes the target of a channel, of what its Secrets hold. A send takes lifecycle.SendTimeout at most. An error says
// which key holds what it should not, and not what that is.
func (o *Office) Target(spec v1alpha1.NotificationChannelSpec, values map[v1alpha1.SecretKeyReference]string) (Target, error) {
	switch {
	case spec.Slack != nil:
		token := strings.TrimSpace(values[spec.Slack.TokenRef])
		if token == "" || strings.ContainsFunc(token, isNoTokenLetter) {
			return nil, unfit(spec.Slack.TokenRef, "a Slack token, such as xoxb-...")
		}
		return timed{newSlack(*spec.Slack, token, o.SlackURL, o.Client)}, nil
	case spec.Webhook != nil:
		address := strings.TrimSpace(values[spec.Webhook.URLRef])
		parsed, err := url.Parse(address)
		if err != nil || parsed.Host == "" || (parsed.Scheme != "https" && parsed.Scheme != "http") {
			return nil, unfit(spec.Webhook.URLRef, "an http or https URL")
		}
		signer, err := standardwebhooks.NewWebhook(strings.TrimSpace(values[spec.Webhook.SigningSecretRef]))
		if err != nil {
			return nil, unfit(spec.Webhook.SigningSecretRef, "a signing secret in base64, with or without whsec_ before it")
		}
		return timed{webhookTarget{url: address, signer: signer, client: o.Client, now: o.Now}}, nil
	default:
		return nil, fmt.Errorf("the channel is of no kind that this version knows")
	}
}

func isNoTokenLetter(r rune) bool { return r <= ' ' || r > '~' }

func unfit(ref v1alpha1.SecretKeyReference, wanted string) error {
	return fmt.Errorf("key %s of Secret %s does not hold %s", ref.Key, ref.Name, wanted)
}
