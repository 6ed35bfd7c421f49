package notify

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackutilsx"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// DefaultSlackURL is where Slack's Web API is.
const DefaultSlackURL = slack.APIURL

// slackTarget is a channel of a Slack workspace. It has one message an Incident, which is brought up to date, and tells
// what is new in the message's thread. A receipt is the channel's id and the message's time.
type slackTarget struct {
	client  *slack.Client
	channel string
}

func newSlack(spec v1alpha1.SlackChannel, token, url string, client *http.Client) slackTarget {
	return slackTarget{slack.New(token, slack.OptionHTTPClient(client), slack.OptionAPIURL(url)), spec.Channel}
}

// Send implements Target.
func (t slackTarget) Send(ctx context.Context, message Message) (receipt string, failure *lifecycle.Failure) {
	channel, at, isKnown := strings.Cut(message.Receipt, ":")
	if isKnown {
		_, _, _, err := t.client.UpdateMessageContext(ctx, channel, at, slackMessage(message)...)
		switch {
		case isGone(err):
		case err != nil:
			return "", slackFailure(err)
		default:
			return message.Receipt, t.reply(ctx, channel, at, message)
		}
	}
	channel, at, err := t.client.PostMessageContext(ctx, t.channel, slackMessage(message)...)
	if err != nil {
		return "", slackFailure(err)
	}
	t.refresh(ctx, message.Gathered)
	return channel + ":" + at, nil
}

// refresh brings the messages about those Incidents up to date that a summary has told of, in silence. People have heard what
// matters: what does not succeed now does with the next message about the same Incident.
func (t slackTarget) refresh(ctx context.Context, gathered []Message) {
	for _, message := range gathered {
		if channel, at, isKnown := strings.Cut(message.Receipt, ":"); isKnown && ctx.Err() == nil {
			_, _, _, _ = t.client.UpdateMessageContext(ctx, channel, at, slackMessage(message)...)
		}
	}
}

func (t slackTarget) reply(ctx context.Context, channel, at string, message Message) *lifecycle.Failure {
	if _, _, err := t.client.PostMessageContext(ctx, channel, slackReply(message, at)...); err != nil {
		return slackFailure(err)
	}
	return nil
}

// slackMessage is the message about an Incident as it stands. Its text is what a phone shows.
func slackMessage(message Message) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(message.Text.Title, true),
		slack.MsgOptionAttachments(slack.Attachment{
			Color:    slackColour(message.View),
			Fallback: slackutilsx.EscapeMessage(message.Text.Title),
			Text:     slackutilsx.EscapeMessage(message.Text.Body),
			// As plain text: a command must come out as it went in.
			MarkdownIn: []string{},
		}),
		slack.MsgOptionDisableLinkUnfurl(),
	}
}

// slackReply tells in the thread what is new. A page is shown in the channel too: people must hear of it again.
func slackReply(message Message, at string) []slack.MsgOption {
	options := []slack.MsgOption{
		slack.MsgOptionText(message.Text.Title, true),
		slack.MsgOptionTS(at),
		slack.MsgOptionDisableLinkUnfurl(),
	}
	if message.View.Kind == string(v1alpha1.KindPage) {
		options = append(options, slack.MsgOptionBroadcast())
	}
	return options
}

func slackColour(view View) string {
	switch {
	case view.Kind == KindTest:
		return "#808080"
	case view.State == string(v1alpha1.StateResolved):
		return "#2eb67d"
	case view.State != string(v1alpha1.StateOpen):
		return "#36c5f0"
	case view.Priority == "CRITICAL" || view.Priority == "HIGH":
		return "#e01e5a"
	default:
		return "#ecb22e"
	}
}

// What Slack's errors mean (https://docs.slack.dev/reference/methods/chat.postMessage). Only these words are ever
// repeated: an answer could have anything else in it.
var (
	slackUnauthorized = words(`invalid_auth not_authed account_inactive token_revoked token_expired missing_scope no_permission
		not_in_channel channel_not_found is_archived access_denied ekm_access_denied not_allowed_token_type
		restricted_action restricted_action_thread_only_channel team_access_not_granted org_login_required`)
	slackPermanent = words(`msg_too_long no_text invalid_blocks invalid_attachments too_many_attachments invalid_arguments
		invalid_arg_name invalid_charset invalid_form_data invalid_post_type`)
	slackRetryable = words(`ratelimited rate_limited internal_error fatal_error service_unavailable request_timeout
		team_added_to_org message_limit_exceeded`)
	slackGone = words(`message_not_found cant_update_message edit_window_closed thread_not_found`)
)

func words(text string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(text) {
		set[word] = true
	}
	return set
}

// isGone tells whether the message to bring up to date is not there any more.
func isGone(err error) bool {
	var refusal slack.SlackErrorResponse
	return errors.As(err, &refusal) && slackGone[refusal.Err]
}

func slackFailure(err error) *lifecycle.Failure {
	var (
		limited *slack.RateLimitedError
		status  slack.StatusCodeError
		refusal slack.SlackErrorResponse
	)
	switch {
	case errors.As(err, &limited):
		return &lifecycle.Failure{
			Class: lifecycle.FailureRetryable, Reason: reasonRateLimited, RetryAfter: max(limited.RetryAfter, 0),
			Message: "Slack wants fewer messages for a while",
		}
	case errors.As(err, &status):
		return answered(status.Code, 0)
	case errors.As(err, &refusal):
		return slackRefusal(refusal.Err)
	default:
		return failed(err)
	}
}

func slackRefusal(word string) *lifecycle.Failure {
	failure := &lifecycle.Failure{Class: lifecycle.FailureRetryable, Reason: reasonUnavailable, Message: "Slack answered " + word}
	switch {
	case slackUnauthorized[word]:
		failure.Class, failure.Reason = lifecycle.FailureUnauthorized, v1alpha1.ReasonUnauthorized
	case slackPermanent[word]:
		failure.Class, failure.Reason = lifecycle.FailurePermanent, reasonRefused
	case slackRetryable[word], slackGone[word]:
	default:
		failure.Message = "Slack answered with an error that is not known here"
	}
	return failure
}
