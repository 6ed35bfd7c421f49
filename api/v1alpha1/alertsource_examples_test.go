package v1alpha1_test

import (
	"slices"
	"strings"
)

const goodAlertSource = `
apiVersion: itoc360.io/v1alpha1
kind: AlertSource
metadata: {name: payments}
spec:
  type: Sentry
  sentry:
    clientSecretRefs:
    - {name: payments-sentry, key: clientSecret}
    projects: [checkout]
    organization: acme
    baseURL: https://sentry.io
    authTokenRef: {name: payments-sentry, key: authToken}
    caRef: {name: payments-sentry, key: ca}
    resyncInterval: 10m
    writeBack: {resolve: true, comment: true}
    notifyWhenNotDelivering: true
  tokenRef: {name: payments-token, key: token}
  mapping:
    actions: {archived: Acknowledge}
    categories: {metric: Ignore}
    levels: {fatal: Critical}
  incidents:
    reopenWindow: 10m
    autoResolveAfter: 72h
    retention: {maxAge: 720h, maxResolved: 1000}
  escalationPolicyRef: {name: payments}
  suspend: false
status:
  observedGeneration: 1
  conditions:
  - type: Ready
    status: "True"
    reason: Listening
    message: Webhooks are taken
    observedGeneration: 1
    lastTransitionTime: 2026-01-31T03:44:05Z
  webhookSecret: payments-webhook
  openIncidents: 1
  lastSignalTime: 2026-01-31T03:44:05Z
  resync:
    organization: https://sentry.io/acme
    firstStartedAt: 2026-01-31T02:44:05Z
    passes:
    - startedAt: 2026-01-31T03:44:05Z
      finishedAt: 2026-01-31T03:44:10Z
      newsSince: 2026-01-31T03:24:05Z
      issues: 120
      calls: 5
      opened: 1
      openedQuietly: 2
      resolved: 3
      updated: 4
      waiting: 5
      missedOpenings: 1
      missedResolves: 1
      told: 12
  writeBack:
    resolveSince: 2026-01-31T03:44:05Z
    commentSince: 2026-01-31T03:44:05Z
  intake:
  - replica: itoc360-operator-6d5f8c7b9d-x2x4z
    reportedAt: 2026-01-31T03:44:10Z
    lastSignalTime: 2026-01-31T03:44:05Z
    lastSignature: Verified
    lastSignatureTime: 2026-01-31T03:44:05Z
    refused: 2
    ignoredProjects: [ledger]
    notRecording: {since: 2026-01-31T03:44:05Z, reason: Forbidden, message: "exceeded quota", alerts: 3}
  ignoredProjects: [ledger]
`

// What the API server answers to an AlertSource that cannot be.
const (
	longName = "the name of an AlertSource has at most 40 characters: it begins the name of each of its Incidents"
	dotted   = "the name of an AlertSource has no dots: it is the value of a label and part of the names of its " +
		"Incidents; use dashes"
	noSentry = "a source of type Sentry needs the field sentry (write sentry: {} to accept unsigned webhooks)"

	badSecretName = "name is the name of a Secret: lower case letters, digits, dashes and dots, such as payments-sentry"

	unknownAction = "unknown action; known are created, assigned, unresolved, archived (Sentry's ignored too), " +
		"resolved, triggered, critical, warning and open"
	resolvingCategory = "a category cannot mean Resolve; use Alert, Update, Acknowledge or Ignore"
	badCategory       = "a category has 1 to 64 characters, such as metric"
	unknownLevel      = "unknown level; known are sample, debug, info, warning, error, fatal and unknown"

	noOrganization  = "authTokenRef needs organization, the slug in the address of the organization in Sentry"
	noTokenForAlarm = "notifyWhenNotDelivering needs authTokenRef: without Sentry's API nobody knows of webhooks that did not come"
	noTokenForWrite = "writeBack needs authTokenRef: the token of the internal integration, with the scope event:write"
	badOrganization = "organization is a slug of lower case letters, digits, dashes and underscores, such as acme"
	badBaseURL      = "baseURL is an http or https address without user, query and fragment, such as https://sentry.example.com"
	badInterval     = "resyncInterval is a duration from 1m to 24h, such as 10m"

	badReopenWindow     = "reopenWindow is a duration from 0s to 720h, such as 10m or 1h30m"
	badAutoResolveAfter = "autoResolveAfter is 0s (never) or a duration from 5m to 8760h, such as 24h"
	badMaxAge           = "maxAge is a duration from 1h to 87600h, such as 720h"
)

func alertSourceExamples() []example {
	return slices.Concat(sourceExamples(), sentryExamples(), mappingExamples(), lifetimeExamples(), alertSourceStatusExamples())
}

func sourceExamples() []example {
	named := func(message, accepted, refused string) example {
		named := inCEL("", message, accepted, refused)
		named.at = "metadata.name"
		return named
	}
	union := inCEL("spec", noSentry, of("{}"), absent{})
	union.at = "spec.sentry"
	const policy = "spec.escalationPolicyRef.name"
	return slices.Concat([]example{
		needed(policy),
		notEmpty(policy),
		longest(policy, strings.Repeat("a", 253)),
		named(longName, strings.Repeat("a", 40), strings.Repeat("a", 41)),
		named(dotted, "acme-payments", "acme.payments"),
		needed("spec"),
		needed("spec.type"),
		union,
	}, oneOf("spec.type", "Sentry"), referenceExamples("spec.tokenRef"))
}

// referenceExamples are those of a reference to a Secret's key.
func referenceExamples(path string) []example {
	return []example{
		needed(path + ".name"),
		notEmpty(path + ".name"),
		longest(path+".name", strings.Repeat("a", 253)),
		inCEL(path+".name", badSecretName, "payments.sentry-2", "Payments"),
		inCEL(path+".name", badSecretName, "p", "payments-"),
		needed(path + ".key"),
		notEmpty(path + ".key"),
		longest(path+".key", strings.Repeat("a", 253)),
		pattern(path+".key", `^[-._a-zA-Z0-9]+$`, "Client_Secret.2-old", "client secret"),
	}
}

func sentryExamples() []example {
	return slices.Concat([]example{
		atMost("spec.sentry.clientSecretRefs", 2, "[", "{name: payments-sentry, key: clientSecret%d}", "]"),
		atMost("spec.sentry.projects", 200, "[", "project-%d", "]"),
		{
			rule:     rule{path: "spec.sentry.projects", keyword: keywordListType},
			accepted: of("[checkout, ledger]"), refused: of("[checkout, checkout]"),
			field: "spec.sentry.projects[1]", answer: `Duplicate value: "checkout"`,
		},
		notEmpty("spec.sentry.projects[0]"),
		longest("spec.sentry.projects[0]", strings.Repeat("a", 100)),
	},
		referenceExamples("spec.sentry.clientSecretRefs[0]"),
		referenceExamples("spec.sentry.authTokenRef"),
		referenceExamples("spec.sentry.caRef"),
		apiExamples(),
	)
}

// apiExamples are those of how Sentry's API is reached.
func apiExamples() []example {
	withoutOrganization := inCEL("spec.sentry", noOrganization, "acme", absent{})
	withoutOrganization.at = "spec.sentry.organization"
	withoutToken := inCEL("spec.sentry", noTokenForAlarm, unchanged{}, absent{})
	withoutToken.at = "spec.sentry.authTokenRef"
	mute := inCEL("spec.sentry", noTokenForWrite, unchanged{}, absent{})
	mute.at = "spec.sentry.authTokenRef"
	const organization, baseURL = "spec.sentry.organization", "spec.sentry.baseURL"
	return slices.Concat([]example{
		withoutOrganization,
		withoutToken,
		mute,
		notEmpty(organization),
		longest(organization, strings.Repeat("a", 64)),
		inCEL(organization, badOrganization, "acme-2_b", "Acme"),
		inCEL(organization, badOrganization, "2acme", "acme.sentry.io"),
		longest(baseURL, "https://"+strings.Repeat("a", 245)),
		inCEL(baseURL, badBaseURL, "https://de.sentry.io", "sentry.io"),
		inCEL(baseURL, badBaseURL, "http://sentry.tools.svc:9000/sentry/", "https://me@sentry.io"),
		inCEL(baseURL, badBaseURL, "https://sentry.example.com/a", "https://sentry.io?a=b"),
	}, durations("spec.sentry.resyncInterval", badInterval, []string{"1m", "10m", "24h"}, []string{"59s", "24h1s", "0s", "often"}))
}

func mappingExamples() []example {
	const actions, categories, levels = "spec.mapping.actions", "spec.mapping.categories", "spec.mapping.levels"
	meanings := []string{"Alert", "Update", "Acknowledge", "Resolve", "Ignore"}
	everyAction := "created: Alert, assigned: Update, unresolved: Alert, archived: Acknowledge, resolved: Resolve, " +
		"triggered: Alert, critical: Alert, warning: Update, open: Ignore"
	everyLevel := "sample: Low, debug: Low, info: Low, warning: Medium, error: High, fatal: Critical, unknown: Low"
	return slices.Concat([]example{
		full(actions, everyAction, "reopened: Alert"),
		inCEL(actions, unknownAction, of("{"+everyAction+"}"), of("{reopened: Alert}")),
		inCEL(actions, unknownAction, of("{archived: Alert}"), of("{ignored: Alert}")),
		atMost(categories, 20, "{", "category-%d: Ignore", "}"),
		inCEL(categories, resolvingCategory,
			of("{error: Alert, cron: Update, metric: Acknowledge, feedback: Ignore}"), of("{cron: Resolve}")),
		inCEL(categories, badCategory, of("{"+strings.Repeat("a", 64)+": Ignore}"), of("{"+strings.Repeat("a", 65)+": Ignore}")),
		inCEL(categories, badCategory, of("{}"), of(`{"": Ignore}`)),
		full(levels, everyLevel, "critical: Critical"),
		inCEL(levels, unknownLevel, of("{"+everyLevel+"}"), of("{critical: Critical}")),
	},
		oneOf(actions+".archived", meanings...),
		// Resolve is among the words, and the rule in CEL refuses it.
		slices.DeleteFunc(oneOf(categories+".metric", meanings...), func(e example) bool { return e.accepted == "Resolve" }),
		oneOf(levels+".fatal", "Low", "Medium", "High", "Critical"),
	)
}

func lifetimeExamples() []example {
	const rules = "spec.incidents"
	return slices.Concat(
		durations(rules+".reopenWindow", badReopenWindow,
			[]string{"0s", "10m", "1h30m", "720h"}, []string{"-1s", "720h1s", "10", "soon", ""}),
		durations(rules+".autoResolveAfter", badAutoResolveAfter,
			[]string{"0s", "5m", "24h", "8760h"}, []string{"-5m", "4m59s", "8760h1s", "3d", "never"}),
		durations(rules+".retention.maxAge", badMaxAge,
			[]string{"1h", "90m", "720h", "87600h"}, []string{"0s", "59m59s", "87600h1s", "30d"}),
		[]example{
			atLeast(rules+".retention.maxResolved", 0),
			atMostNumber(rules+".retention.maxResolved", 100000),
			wholeNumber(rules+".retention.maxResolved", "int32", 1000, 1<<31),
		})
}

// durations are the examples of a field that takes a duration within bounds.
func durations(path, message string, accepted, refused []string) []example {
	examples := []example{longest(path, strings.Repeat("0", 17)+"24h")}
	for i := range max(len(accepted), len(refused)) {
		examples = append(examples, inCEL(path, message, accepted[i%len(accepted)], refused[i%len(refused)]))
	}
	return examples
}
