// Package options holds what the operator's flags and environment say.
package options

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Options are what the flags and the environment say; Bind documents each flag.
type Options struct {
	IntakeAddress   string
	ExternalURL     string
	MetricsAddress  string
	HealthAddress   string
	ProfileAddress  string
	LeaderElect     bool
	CertificateFile string
	KeyFile         string
	ShutdownDelay   time.Duration
	AnswerTimeout   time.Duration
	SpoolDir        string
	SpoolMaxBytes   resource.QuantityValue
	SlackURL        string
	PagerDutyURL    string

	// Namespace is the Pod's, from POD_NAMESPACE. Default: itoc360-system.
	Namespace string
	// PodUID is the Pod's UID, from POD_UID; empty outside a cluster.
	PodUID string
	// Replica is the Pod's name, from POD_NAME. Default: the host's name.
	Replica string

	watchNamespaces string
}

// minSpoolBytes is some hundred webhooks.
const minSpoolBytes = 1 << 20

// New is what the environment says.
func New() *Options {
	return &Options{
		Namespace: os.Getenv("POD_NAMESPACE"), Replica: os.Getenv("POD_NAME"), PodUID: os.Getenv("POD_UID"),
		SpoolMaxBytes: resource.QuantityValue{Quantity: resource.MustParse("256Mi")},
	}
}

// Bind makes a flag of each option.
func (o *Options) Bind(flags *flag.FlagSet) {
	flags.StringVar(&o.IntakeAddress, "intake-bind-address", ":9292", "The address on which Sentry's webhooks are taken.")
	flags.StringVar(&o.ExternalURL, "external-url", "",
		"The URL at which Sentry reaches the intake, such as https://alerts.example.com: the URLs to paste into Sentry begin with it. "+
			"Without it they name the Service inside the cluster, which Sentry cannot reach.")
	flags.StringVar(&o.MetricsAddress, "metrics-bind-address", ":8080", "The address that serves metrics; 0 for none.")
	flags.StringVar(&o.HealthAddress, "health-probe-bind-address", ":8081", "The address that serves /healthz and /readyz; 0 for none.")
	flags.StringVar(&o.ProfileAddress, "pprof-bind-address", "0",
		"The address that serves Go's profiles, such as 127.0.0.1:8082; 0 for none.")
	flags.BoolVar(&o.LeaderElect, "leader-elect", false,
		"Let one of several replicas run the controllers. The intake runs on each of them in any case.")
	flags.StringVar(&o.watchNamespaces, "watch-namespaces", "", "The namespaces to watch, separated by commas. Empty: all.")
	flags.StringVar(&o.CertificateFile, "intake-tls-cert-file", "",
		"A file with the PEM certificate chain that the intake serves TLS with; read anew when it changes. Empty: plain HTTP.")
	flags.StringVar(&o.KeyFile, "intake-tls-key-file", "", "The file with the PEM key of --intake-tls-cert-file.")
	flags.DurationVar(&o.AnswerTimeout, "intake-answer-timeout", 900*time.Millisecond,
		"When a webhook that is not recorded yet is answered 503; recording goes on. "+
			"With --spool-dir, it goes there after two thirds of this. "+
			"Sentry waits for one second, old self-hosted ones for five.")
	flags.StringVar(&o.SpoolDir, "spool-dir", "",
		"A directory, this replica's alone, for what the API server does not take in time: it is kept there and answered 200, and "+
			"recorded later. Empty: such a webhook is answered 503, and Sentry does not send it again.")
	flags.Var(&o.SpoolMaxBytes, "spool-max-bytes",
		"How large the content of --spool-dir may become, such as 256Mi; its file can be up to twice as large. "+
			"Beyond that a webhook that is not recorded in time is answered 503.")
	flags.StringVar(&o.SlackURL, "slack-api-url", "https://slack.com/api/",
		"The URL of Slack's Web API, for a workspace elsewhere, such as https://slack-gov.com/api/.")
	flags.StringVar(&o.PagerDutyURL, "pagerduty-events-url", "https://events.pagerduty.com",
		"The URL of PagerDuty's Events API v2, for a service region elsewhere, such as https://events.eu.pagerduty.com.")
	flags.DurationVar(&o.ShutdownDelay, "shutdown-delay", 10*time.Second,
		"How long the intake goes on serving after the order to stop, until load balancers have heard of it.")
}

// Complete checks what was said and fills in what was not.
func (o *Options) Complete(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q: there are flags only", rest[0])
	}
	if (o.CertificateFile == "") != (o.KeyFile == "") {
		return errors.New("--intake-tls-cert-file and --intake-tls-key-file go together")
	}
	if o.ShutdownDelay < 0 {
		return errors.New("--shutdown-delay cannot be negative")
	}
	if o.AnswerTimeout <= 0 {
		return errors.New("--intake-answer-timeout must be positive, such as 900ms")
	}
	if o.SpoolMaxBytes.Value() < minSpoolBytes {
		return errors.New("--spool-max-bytes must be at least 1Mi")
	}
	if o.Namespace == "" {
		o.Namespace = "itoc360-system"
	}
	if o.Replica == "" {
		name, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("find this replica's name; set POD_NAME: %w", err)
		}
		o.Replica = name
	}
	if err := completeURL(&o.SlackURL, "--slack-api-url", "https://slack.com/api/"); err != nil {
		return err
	}
	o.SlackURL += "/"
	if err := completeURL(&o.PagerDutyURL, "--pagerduty-events-url", "https://events.pagerduty.com"); err != nil {
		return err
	}
	if o.ExternalURL == "" {
		return nil
	}
	return completeURL(&o.ExternalURL, "--external-url", "https://alerts.example.com")
}

// completeURL checks a URL, and takes the slashes off its end.
func completeURL(address *string, name, example string) error {
	parsed, err := url.Parse(*address)
	isPlain := err == nil && parsed.Host != "" && parsed.User == nil && parsed.RawQuery == "" && parsed.Fragment == ""
	if !isPlain || (parsed.Scheme != "https" && parsed.Scheme != "http") {
		return fmt.Errorf("%s is a URL such as %s, without query or fragment", name, example)
	}
	*address = strings.TrimRight(*address, "/")
	return nil
}

// Namespaces are those to watch; none means all.
func (o *Options) Namespaces() []string {
	return strings.FieldsFunc(o.watchNamespaces, func(r rune) bool { return r == ',' || r == ' ' })
}

// IntakeURL is where the intake is reached inside the cluster.
func (o *Options) IntakeURL() string {
	return "http://itoc360-intake." + o.Namespace + ".svc"
}
