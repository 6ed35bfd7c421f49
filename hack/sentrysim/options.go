package main

import (
	"errors"
	"time"

	"github.com/spf13/pflag"

	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

// Where URL and secret may come from instead of flags, so that they need not
// stand in a shell's history.
const (
	environmentURL    = "SENTRYSIM_URL"
	environmentSecret = "SENTRYSIM_SECRET"
)

// options are the flags.
type options struct {
	url, secret    string
	issue          simulator.Issue
	projects       []string
	rule           string
	sample         bool
	at             string
	idempotencyKey string
	wrongSignature bool
	count          int

	clock func() time.Time
}

func (o *options) addFlags(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.StringVar(&o.url, "url", "", "webhook URL with its token (env "+environmentURL+")")
	flags.StringVar(&o.secret, "secret", "", "Client Secret; without one nothing is signed (env "+environmentSecret+")")
	flags.StringVar(&o.issue.ID, "id", "", "id of the issue or of the metric alert (default 1170820242, or 9001)")
	flags.StringVar(&o.issue.Title, "title", "", "title of the issue or of the metric alert")
	flags.StringVar(&o.issue.Priority, "priority", "", "priority of the issue: low, medium or high (default high)")
	flags.StringVar(&o.issue.Level, "level", "", "level of the issue: fatal, error, warning, info, ... (default error)")
	flags.StringVar(&o.issue.Status, "status", "", "status of the issue (default what the action makes of it)")
	flags.StringVar(&o.issue.Substatus, "substatus", "", "substatus of the issue (default what goes with the action)")
	flags.StringSliceVar(&o.projects, "project", nil, "project slug; several for a metric alert (default checkout)")
	flags.StringVar(&o.issue.Assignee, "assignee", "", "name of the assignee")
	flags.StringVar(&o.rule, "rule", "", "name of the alert rule, for event_alert and metric_alert")
	flags.BoolVar(&o.sample, "sample", false, "make an event_alert a test notification")
	flags.StringVar(&o.at, "at", "", "time of sending, such as 2026-09-01T10:15:30Z (default now)")
	flags.StringVar(&o.idempotencyKey, "idempotency-key", "", "idempotency key, as the newest versions of Sentry send it")
	flags.BoolVar(&o.wrongSignature, "wrong-signature", false, "sign with a secret that is not the right one")
	flags.IntVar(&o.count, "count", 1, "how often to post")
}

// complete takes from the environment what no flag gave.
func (o *options) complete(environment func(string) string) {
	if o.url == "" {
		o.url = environment(environmentURL)
	}
	if o.secret == "" {
		o.secret = environment(environmentSecret)
	}
}

func (o *options) client() (simulator.Client, error) {
	if o.url == "" {
		return simulator.Client{}, errors.New("a URL is needed: set --url or " + environmentURL)
	}
	if o.count < 1 {
		return simulator.Client{}, errors.New("--count is 1 or more")
	}
	secret := o.secret
	if o.wrongSignature {
		secret = "not " + secret
	}
	return simulator.Client{URL: o.url, Secret: secret}, nil
}
