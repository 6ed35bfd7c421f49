package v1alpha1_test

import (
	"slices"
	"strings"
)

const goodNotificationChannel = `
apiVersion: itoc360.io/v1alpha1
kind: NotificationChannel
metadata: {name: payments-slack}
spec:
  slack:
    channel: "#payments"
    tokenRef: {name: payments-slack, key: token}
  template:
    title: "{{.Priority}} {{.Title}}"
    body: "{{.URL}}"
  limit: {burst: 10, per: 1m}
status:
  observedGeneration: 1
  conditions:
  - type: Ready
    status: "True"
    reason: Usable
    message: Messages can be sent
    observedGeneration: 1
    lastTransitionTime: 2026-01-31T03:44:05Z
  test:
    request: "1"
    result: Failed
    finishedAt: 2026-01-31T03:44:05Z
    message: Slack does not know the channel
`

// What the API server answers to a NotificationChannel that cannot be.
const (
	notOneKind   = "a channel has exactly one of slack, pagerDuty, email, webhook and alertmanager"
	groupsItself = "limit is for slack, email and webhook: PagerDuty and Alertmanager group by themselves"
	inTheClear   = "authRef needs tls: a password is not sent in the clear"
	badPer       = "per is a duration from 10s to 1h, such as 1m"
	badLabel     = "a label's name has letters, digits and underscores, at most 128"
	ownLabel     = "labels cannot replace alertname, namespace, source, incident and key"
)

// The kinds of a channel besides Slack.
const (
	goodWebhook      = "webhook: {urlRef: {name: pager, key: url}, signingSecretRef: {name: pager, key: secret}}"
	goodPagerDuty    = "pagerDuty: {routingKeyRef: {name: pager, key: routingKey}}"
	goodEmail        = "email: {from: a@b, to: [c@d], smtp: {host: mail, port: 587, tls: StartTLS, authRef: {name: mail}}}"
	goodAlertmanager = "alertmanager: {urls: ['http://alertmanager:9093'], labels: {team: payments}}"
)

func notificationChannelExamples() []example {
	const limited = ", limit: {burst: 10, per: 1m}}"
	return slices.Concat([]example{
		needed("spec"),
		inCEL("spec", notOneKind, of("{"+goodWebhook+"}"), of("{}")),
		inCEL("spec", notOneKind, of("{"+goodPagerDuty+"}"), of("{"+goodPagerDuty+", "+goodWebhook+"}")),
		inCEL("spec", notOneKind, of("{"+goodEmail+"}"), of("{"+goodEmail+", "+goodAlertmanager+"}")),
		inCEL("spec", notOneKind, unchanged{}, of(`{slack: {channel: a, tokenRef: {name: a, key: a}}, `+goodWebhook+"}")),
		inCEL("spec", groupsItself, of("{"+goodEmail+limited), of("{"+goodPagerDuty+limited)),
		inCEL("spec", groupsItself, of("{"+goodWebhook+limited), of("{"+goodAlertmanager+limited)),
		needed("spec.slack.channel"),
		notEmpty("spec.slack.channel"),
		longest("spec.slack.channel", "#"+strings.Repeat("a", 80)),
		needed("spec.slack.tokenRef"),
		longest("spec.template.title", strings.Repeat("a", 1024)),
		longest("spec.template.body", strings.Repeat("a", 8192)),
		atLeast("spec.limit.burst", 1),
		atMostNumber("spec.limit.burst", 10000),
		wholeNumber("spec.limit.burst", "int32", 10000, 1<<31),
		inCEL("spec.limit.per", badPer, "10s", "9s"),
		inCEL("spec.limit.per", badPer, "1h", "61m"),
		longest("spec.limit.per", "0000000000000000001m"),
	}, referenceExamples("spec.slack.tokenRef"),
		ofKind(goodWebhook, webhookExamples()), ofKind(goodPagerDuty, pagerDutyExamples()),
		ofKind(goodEmail, emailExamples()), ofKind(goodAlertmanager, alertmanagerExamples()),
		[]example{
			wholeNumber("status.observedGeneration", "int64", -1, 1<<63),
			needed("status.test.request"),
			longest("status.test.request", strings.Repeat("a", 253)),
			needed("status.test.result"),
			needed("status.test.finishedAt"),
			longest("status.test.message", strings.Repeat("a", 512)),
		}, second("status.test.finishedAt"), oneOf("status.test.result", "Sent", "Failed"), conditionExamples(8))
}

// ofKind are examples of a channel of another kind than Slack.
func ofKind(kind string, examples []example) []example {
	for i := range examples {
		examples[i].good = strings.NewReplacer(`  slack:
    channel: "#payments"
    tokenRef: {name: payments-slack, key: token}
`, "  "+kind+"\n", "  limit: {burst: 10, per: 1m}\n", "").Replace(goodNotificationChannel)
	}
	return examples
}

func webhookExamples() []example {
	return slices.Concat([]example{
		needed("spec.webhook.urlRef"),
		needed("spec.webhook.signingSecretRef"),
	}, referenceExamples("spec.webhook.urlRef"), referenceExamples("spec.webhook.signingSecretRef"))
}

func pagerDutyExamples() []example {
	return append(referenceExamples("spec.pagerDuty.routingKeyRef"), needed("spec.pagerDuty.routingKeyRef"))
}

func emailExamples() []example {
	const address = `^[^\r\n]+@[^\r\n@]+$`
	long := strings.Repeat("a", 318) + "@b"
	return slices.Concat([]example{
		needed("spec.email.from"),
		longest("spec.email.from", long),
		pattern("spec.email.from", address, "Pager <pager@example.com>", "pager"),
		needed("spec.email.to"),
		leastItems("spec.email.to", of("[a@b]")),
		atMost("spec.email.to", 20, "[", "a%d@b", "]"),
		{
			rule:     rule{path: "spec.email.to", keyword: keywordListType},
			accepted: of("[a@b, c@d]"), refused: of("[a@b, a@b]"),
			field: "spec.email.to[1]", answer: `Duplicate value: "a@b"`,
		},
		longest("spec.email.to[0]", long),
		pattern("spec.email.to[0]", address, "on-call@example.com", "on-call@"),
		needed("spec.email.smtp"),
		inCEL("spec.email.smtp", inTheClear,
			of("{host: mail, tls: TLS, authRef: {name: a}}"), of("{host: mail, tls: None, authRef: {name: a}}")),
		needed("spec.email.smtp.host"),
		notEmpty("spec.email.smtp.host"),
		longest("spec.email.smtp.host", strings.Repeat("a", 253)),
		pattern("spec.email.smtp.host", `^[0-9A-Za-z.:-]+$`, "::1", "mail/relay"),
		atLeast("spec.email.smtp.port", 1),
		atMostNumber("spec.email.smtp.port", 65535),
		wholeNumber("spec.email.smtp.port", "int32", 65535, 1<<31),
		needed("spec.email.smtp.authRef.name"),
		notEmpty("spec.email.smtp.authRef.name"),
		longest("spec.email.smtp.authRef.name", strings.Repeat("a", 253)),
	}, oneOf("spec.email.smtp.tls", "StartTLS", "TLS", "None")[:2])
}

func alertmanagerExamples() []example {
	const url = `^https?://[^/?#@\s]+(/[^?#@\s]*)?$`
	labels := func(text string) any { return of("{" + text + "}") }
	return []example{
		needed("spec.alertmanager.urls"),
		leastItems("spec.alertmanager.urls", of("['http://a']")),
		atMost("spec.alertmanager.urls", 8, "[", "'http://a%d'", "]"),
		{
			rule:     rule{path: "spec.alertmanager.urls", keyword: keywordListType},
			accepted: of("['http://a', 'http://b']"), refused: of("['http://a', 'http://a']"),
			field: "spec.alertmanager.urls[1]", answer: `Duplicate value: "http://a"`,
		},
		longest("spec.alertmanager.urls[0]", "http://"+strings.Repeat("a", 1017)),
		pattern("spec.alertmanager.urls[0]", url, "https://alerts.example.com/team", "https://user@alerts.example.com"),
		pattern("spec.alertmanager.urls[0]", url, "http://10.0.0.1:9093", "alertmanager:9093"),
		atMost("spec.alertmanager.labels", 20, "{", "l%d: a", "}"),
		inCEL("spec.alertmanager.labels", badLabel, labels("team_2: a"), labels("team-2: a")),
		longest("spec.alertmanager.labels.team", strings.Repeat("a", 256)),
		inCEL("spec.alertmanager.labels", ownLabel, labels("severity: page"), labels("incident: mine")),
	}
}
