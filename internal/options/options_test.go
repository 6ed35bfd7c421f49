package options_test

import (
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/internal/options"
)

func parse(t *testing.T, arguments ...string) *options.Options {
	t.Helper()
	parsed := options.New()
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	parsed.Bind(flags)
	if err := flags.Parse(arguments); err != nil {
		t.Fatal(err)
	}
	if err := parsed.Complete(flags.Args()); err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestDefaultsAreThoseOfTheDeployment(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "")
	t.Setenv("POD_NAME", "")
	parsed := parse(t)
	if parsed.IntakeAddress != ":9292" || parsed.MetricsAddress != ":8080" || parsed.HealthAddress != ":8081" || parsed.LeaderElect {
		t.Errorf("addresses or leader election are %+v", parsed)
	}
	if parsed.ShutdownDelay != 10*time.Second || parsed.AnswerTimeout != 900*time.Millisecond {
		t.Errorf("times are %+v", parsed)
	}
	if parsed.Namespace != "itoc360-system" || parsed.Replica == "" || len(parsed.Namespaces()) != 0 {
		t.Errorf("names are %+v", parsed)
	}
	if got := parsed.IntakeURL(); got != "http://itoc360-intake.itoc360-system.svc" {
		t.Errorf("the intake is at %s", got)
	}
}

func TestThePodSaysWhoAndWhereItIs(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "alerts")
	t.Setenv("POD_NAME", "itoc360-operator-1")
	parsed := parse(t)
	if parsed.Replica != "itoc360-operator-1" || parsed.IntakeURL() != "http://itoc360-intake.alerts.svc" {
		t.Errorf("got %+v", parsed)
	}
}

func TestWhatIsSaidIsUnderstood(t *testing.T) {
	parsed := parse(t, "--external-url=https://alerts.example.com/sentry/", "--watch-namespaces=team-a, team-b,")
	if parsed.ExternalURL != "https://alerts.example.com/sentry" {
		t.Errorf("the external URL is %s", parsed.ExternalURL)
	}
	if got := parsed.Namespaces(); !slices.Equal(got, []string{"team-a", "team-b"}) {
		t.Errorf("the namespaces are %q", got)
	}
}
