package main

import (
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

// The sources of the story, one for each of two Sentry integrations.
const (
	payments = "payments"
	search   = "search"
)

// chapter is a part of the story, after which the Incidents are shown.
type chapter struct {
	title string
	// source is an AlertSource that is applied first, if any.
	source string
	posts  []post
}

// post is one webhook.
type post struct {
	// what it is, in Sentry's words.
	what string
	// to is the source that it is posted to.
	to string
	// forgery is what is wrong with it, if anything.
	forgery forgery
	webhook simulator.Webhook
	// answer is what must come back.
	answer string
}

type forgery int

const (
	genuine forgery = iota
	// wrongSignature is made with the other source's client secret.
	wrongSignature
	// wrongToken is one that no source has.
	wrongToken
)

// The alerts of the story. Two integrations can tell of the same issue, so both sources have one of the same id.
const (
	issueID  = "1170820242"
	metricID = "9001"
)

// ending is how the story ends.
var ending = []row{
	{name: "payments-1170820242-1", number: 1, state: v1alpha1.StateResolved, priority: v1alpha1.PriorityHigh},
	{name: "payments-1170820242-2", number: 2, state: v1alpha1.StateResolved, priority: v1alpha1.PriorityLow},
	{name: "payments-m9001-1", number: 1, state: v1alpha1.StateResolved, priority: v1alpha1.PriorityCritical},
	{name: "search-1170820242-1", number: 1, state: v1alpha1.StateOpen, priority: v1alpha1.PriorityMedium},
}

// story begins at a time in the near past and takes a minute, whatever the clock says: the order of what Sentry tells is
// that of the times that it names.
func story(begin time.Time) []chapter {
	issue := simulator.Issue{ID: issueID, ShortID: "CHECKOUT-1A", Title: "Timeout while charging a card", Priority: "medium"}
	urgent, calm := issue, issue
	urgent.Priority, urgent.Assignee = "high", "Ada Lovelace"
	calm.Priority = "low"
	tell := func(action string, issue simulator.Issue, seconds int, answer string) post {
		at := begin.Add(time.Duration(seconds) * time.Second)
		return post{what: "issue " + action, to: payments, webhook: simulator.IssueWebhook(action, issue, at), answer: answer}
	}
	fire := func(rule string, seconds int, answer string) post {
		at := begin.Add(time.Duration(seconds) * time.Second)
		return post{what: "event_alert " + rule, to: payments, webhook: simulator.EventAlert(issue, rule, false, at), answer: answer}
	}
	measure := func(action string, seconds int, answer string) post {
		at := begin.Add(time.Duration(seconds) * time.Second)
		webhook := simulator.MetricAlert(action, metricID, "Error rate above 5%", "Error rate", []string{"checkout"}, at)
		return post{what: "metric_alert " + action, to: payments, webhook: webhook, answer: answer}
	}
	return append([]chapter{
		{title: "Sentry sees a new issue", posts: []post{
			tell("created", issue, 0, "200 opened team-payments/payments-1170820242-1"),
		}},
		{title: "Two alert rules fire for it: still one Incident", posts: []post{
			fire("Page the on-call", 3, "200 updated team-payments/payments-1170820242-1"),
			fire("Tell the channel", 6, "200 updated team-payments/payments-1170820242-1"),
		}},
		{title: "Somebody takes it, and Sentry finds it more urgent", posts: []post{
			tell("assigned", urgent, 9, "200 updated team-payments/payments-1170820242-1"),
		}},
		{title: "It is archived, which Sentry spells ignored: by default no end", posts: []post{
			tell("ignored", urgent, 12, "200 updated team-payments/payments-1170820242-1"),
		}},
		{title: "It is resolved", posts: []post{
			tell("resolved", urgent, 15, "200 resolved team-payments/payments-1170820242-1"),
		}},
		{title: "A duplicate of the first alert comes late: recorded, and still resolved", posts: []post{
			tell("created", issue, 0, "200 updated team-payments/payments-1170820242-1"),
		}},
		{title: "It comes back: a new cycle, Incident 2", posts: []post{
			tell("unresolved", calm, 21, "200 opened team-payments/payments-1170820242-2"),
		}},
		{title: "It is resolved again", posts: []post{
			tell("resolved", calm, 24, "200 resolved team-payments/payments-1170820242-2"),
		}},
		{title: "A metric alert becomes critical", posts: []post{
			measure("critical", 30, "200 opened team-payments/payments-m9001-1"),
		}},
		{title: "The metric is back to normal", posts: []post{
			measure("resolved", 36, "200 resolved team-payments/payments-m9001-1"),
		}},
	}, secondSource(begin.Add(45*time.Second))...)
}

// secondSource is the end of the story: another integration, and strangers.
func secondSource(begin time.Time) []chapter {
	issue := simulator.Issue{ID: issueID, ShortID: "SEARCH-9Z", Title: "Slow query", Level: "warning", Project: "search"}
	alert := simulator.EventAlert(issue, "Slow queries", false, begin)
	resolved := simulator.IssueWebhook("resolved", issue, begin.Add(3*time.Second))
	return []chapter{
		{title: "A second AlertSource has its own URL, client secret and Incidents", source: search, posts: []post{
			{what: "event_alert Slow queries", to: search, webhook: alert, answer: "200 opened team-payments/search-1170820242-1"},
		}},
		{title: "Strangers are refused", posts: []post{
			{what: "bad signature", to: search, forgery: wrongSignature, webhook: resolved, answer: "401 Unauthorized"},
			{what: "unknown token", to: search, forgery: wrongToken, webhook: resolved, answer: "401 Unauthorized"},
		}},
	}
}
