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

const notOneKind = "a channel has exactly one of slack and webhook"

const goodWebhook = "{urlRef: {name: pager, key: url}, signingSecretRef: {name: pager, key: secret}}"

func notificationChannelExamples() []example {
	return slices.Concat([]example{
		needed("spec"),
		inCEL("spec", notOneKind, of("{webhook: "+goodWebhook+"}"), of("{}")),
		inCEL("spec", notOneKind, unchanged{}, of(`{slack: {channel: a, tokenRef: {name: a, key: a}}, webhook: `+goodWebhook+"}")),
		needed("spec.slack.channel"),
		notEmpty("spec.slack.channel"),
		longest("spec.slack.channel", "#"+strings.Repeat("a", 80)),
		needed("spec.slack.tokenRef"),
		longest("spec.template.title", strings.Repeat("a", 1024)),
		longest("spec.template.body", strings.Repeat("a", 8192)),
	}, referenceExamples("spec.slack.tokenRef"), webhookExamples(), []example{
		wholeNumber("status.observedGeneration", "int64", -1, 1<<63),
		needed("status.test.request"),
		longest("status.test.request", strings.Repeat("a", 253)),
		needed("status.test.result"),
		needed("status.test.finishedAt"),
		longest("status.test.message", strings.Repeat("a", 512)),
	}, second("status.test.finishedAt"), oneOf("status.test.result", "Sent", "Failed"), conditionExamples(8))
}

// webhookExamples are those of a channel whose only kind is webhook.
func webhookExamples() []example {
	examples := slices.Concat([]example{
		needed("spec.webhook.urlRef"),
		needed("spec.webhook.signingSecretRef"),
	}, referenceExamples("spec.webhook.urlRef"), referenceExamples("spec.webhook.signingSecretRef"))
	for i := range examples {
		examples[i].good = strings.Replace(goodNotificationChannel, `  slack:
    channel: "#payments"
    tokenRef: {name: payments-slack, key: token}
`, "  webhook: "+goodWebhook+"\n", 1)
	}
	return examples
}
