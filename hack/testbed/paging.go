package testbed

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// What the Secret of the channels holds.
const (
	SlackToken    = "xoxb-1111-a-token-that-nobody-may-see"                  //nolint:gosec // it opens nothing
	SigningSecret = "whsec_YS1zaWduaW5nLXNlY3JldC10aGF0LW5vYm9keS1tYXktc2Vl" //nolint:gosec // it opens nothing
	RoutingKey    = "a-routing-key-nobody-may-see-123"                       //nolint:gosec // it opens nothing
	MailUser      = "operator"
	MailPassword  = "a-password-that-nobody-may-see"
	// ChannelsSecret is its name.
	ChannelsSecret = "channels"
)

// CreateToldIncident makes an open Incident of a source, of which a channel was told.
func CreateToldIncident(t testing.TB, c client.Client, source types.NamespacedName, channel string) *v1alpha1.Incident {
	t.Helper()
	opened := SignalAt(0, v1alpha1.SignalAlert, v1alpha1.EffectOpened)
	incident := NewIncident(source, v1alpha1.IssueKey("1"), 1, opened)
	Must(t, c.Create(t.Context(), incident))
	incident.Status.State, incident.Status.Cycles = v1alpha1.StateOpen, []v1alpha1.Cycle{{OpenedAt: opened.Time}}
	incident.Status.Notifications = []v1alpha1.Notification{{
		Cycle: 1, Run: 1, Channel: channel, Kind: v1alpha1.KindPage, Priority: v1alpha1.PriorityHigh, DueAt: opened.Time,
		State: v1alpha1.NotificationSent,
	}}
	Must(t, c.Status().Update(t.Context(), incident))
	return incident
}

// NewPolicy is an EscalationPolicy of a name, with steps.
func NewPolicy(name types.NamespacedName, steps ...v1alpha1.EscalationStep) *v1alpha1.EscalationPolicy {
	return &v1alpha1.EscalationPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name},
		Spec:       v1alpha1.EscalationPolicySpec{Steps: steps},
	}
}

// Step is a step of a policy that tells channels.
func Step(name string, after time.Duration, channels ...string) v1alpha1.EscalationStep {
	step := v1alpha1.EscalationStep{Name: name, After: metav1.Duration{Duration: after}}
	for _, channel := range channels {
		step.Notify = append(step.Notify, v1alpha1.Recipient{ChannelRef: &v1alpha1.ChannelReference{Name: channel}})
	}
	return step
}

// NewSchedule is an OnCallSchedule of members who take weekly turns, from 9:00 UTC on the 5th of January 2026, a Monday. The
// channels that reach them have their names.
func NewSchedule(name types.NamespacedName, members ...string) *v1alpha1.OnCallSchedule {
	schedule := &v1alpha1.OnCallSchedule{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
	schedule.Spec.Layers = []v1alpha1.OnCallLayer{{Name: "weekly", Members: members, StartsOn: "2026-01-05"}}
	for _, member := range members {
		schedule.Spec.Members = append(schedule.Spec.Members, v1alpha1.OnCallMember{
			Name: member, ChannelRef: v1alpha1.ChannelReference{Name: member},
		})
	}
	return schedule
}

// ScheduleStep is a step of a policy that tells whoever is on call by a schedule.
func ScheduleStep(name string, after time.Duration, schedule string) v1alpha1.EscalationStep {
	step := Step(name, after)
	step.Notify = []v1alpha1.Recipient{{ScheduleRef: &v1alpha1.ScheduleReference{Name: schedule}}}
	return step
}

// CreateChannelsSecret makes the Secret of a namespace's channels: a Slack token, and the URL of a webhook receiver.
func CreateChannelsSecret(t testing.TB, c client.Client, namespace, url string) {
	t.Helper()
	Must(t, c.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: ChannelsSecret},
		StringData: map[string]string{
			"slackToken": SlackToken, "url": url, "signingSecret": SigningSecret, "routingKey": RoutingKey,
			"username": MailUser, "password": MailPassword,
		},
	}))
}

// NewSlackChannel is a channel that posts to a channel of Slack, of the same name.
func NewSlackChannel(name types.NamespacedName) *v1alpha1.NotificationChannel {
	return NewChannel(name, v1alpha1.NotificationChannelSpec{
		Slack: &v1alpha1.SlackChannel{Channel: "#" + name.Name, TokenRef: channelsKey("slackToken")}, Limit: hardlyAny(),
	})
}

// NewWebhookChannel is a channel that posts to the webhook receiver.
func NewWebhookChannel(name types.NamespacedName) *v1alpha1.NotificationChannel {
	return NewChannel(name, v1alpha1.NotificationChannelSpec{
		Webhook: &v1alpha1.WebhookChannel{URLRef: channelsKey("url"), SigningSecretRef: channelsKey("signingSecret")},
		Limit:   hardlyAny(),
	})
}

// NewPagerDutyChannel is a channel that sends events to PagerDuty.
func NewPagerDutyChannel(name types.NamespacedName) *v1alpha1.NotificationChannel {
	return NewChannel(name, v1alpha1.NotificationChannelSpec{
		PagerDuty: &v1alpha1.PagerDutyChannel{RoutingKeyRef: channelsKey("routingKey")},
	})
}

// NewEmailChannel is a channel that sends mails, without a login if the connection is in the clear.
func NewEmailChannel(name types.NamespacedName, port int, security v1alpha1.SMTPSecurity) *v1alpha1.NotificationChannel {
	server := v1alpha1.SMTPServer{Host: "127.0.0.1", Port: int32(port), TLS: security} //nolint:gosec // a port
	if security != v1alpha1.SMTPNone {
		server.AuthRef = &v1alpha1.SecretReference{Name: ChannelsSecret}
	}
	return NewChannel(name, v1alpha1.NotificationChannelSpec{
		Email: &v1alpha1.EmailChannel{From: "pager@example.com", To: []string{"on-call@example.com"}, SMTP: server}, Limit: hardlyAny(),
	})
}

// NewAlertmanagerChannel is a channel that posts alerts to Alertmanagers.
func NewAlertmanagerChannel(name types.NamespacedName, urls ...string) *v1alpha1.NotificationChannel {
	return NewChannel(name, v1alpha1.NotificationChannelSpec{Alertmanager: &v1alpha1.AlertmanagerChannel{URLs: urls}})
}

// hardlyAny is a limit that a test with single messages does not reach.
func hardlyAny() *v1alpha1.MessageLimit {
	return &v1alpha1.MessageLimit{Burst: 10000, Per: metav1.Duration{Duration: time.Minute}}
}

// NewChannel is a channel of any kind.
func NewChannel(name types.NamespacedName, spec v1alpha1.NotificationChannelSpec) *v1alpha1.NotificationChannel {
	return &v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}, Spec: spec}
}

func channelsKey(key string) v1alpha1.SecretKeyReference {
	return v1alpha1.SecretKeyReference{Name: ChannelsSecret, Key: key}
}
