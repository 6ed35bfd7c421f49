package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/internal/sentry"
)

const (
	testSecret = "a1b2c3d4"
	testToken  = "s3cr3t-t0ken"
)

var now = time.Date(2026, 9, 1, 10, 15, 30, 0, time.UTC)

// intake verifies as the operator does and notes what it took.
type intake struct {
	url     string
	notices []sentry.Notice
	headers []http.Header
}

func newIntake(t *testing.T) *intake {
	t.Helper()
	in := &intake{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		content, err := io.ReadAll(request.Body)
		if err != nil {
			t.Errorf("read request: %v", err)
		}
		if !sentry.Verify(content, request.Header.Get(sentry.HeaderSignature), []byte(testSecret)) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		notice, err := sentry.Parse(request.Header.Get(sentry.HeaderResource), content)
		if err != nil {
			t.Errorf("Parse: %v", err)
		}
		in.notices, in.headers = append(in.notices, notice), append(in.headers, request.Header)
		fmt.Fprintf(w, `{"result":"opened","incident":"team-payments/payments-%s-1"}`, notice.Issue.ID)
	}))
	t.Cleanup(server.Close)
	in.url = server.URL + "/functions/v1/events?token=" + testToken
	return in
}

// execute runs the command in an environment, and returns all that it printed.
func execute(t *testing.T, environment map[string]string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	command := newCommand(func() time.Time { return now }, func(name string) string { return environment[name] })
	command.SetOut(&out)
	command.SetErr(&out)
	command.SetArgs(args)
	err := command.ExecuteContext(t.Context())
	if printed := out.String(); strings.Contains(printed, testToken) || strings.Contains(printed, testSecret) {
		t.Errorf("a secret was printed: %s", printed)
	}
	return out.String(), err
}

// sent runs the command against the intake, which takes what it sends.
func sent(t *testing.T, in *intake, args ...string) sentry.Notice {
	t.Helper()
	out, err := execute(t, map[string]string{environmentURL: in.url, environmentSecret: testSecret}, args...)
	if err != nil || len(in.notices) == 0 {
		t.Fatalf("%v: %s", err, out)
	}
	return in.notices[len(in.notices)-1]
}

func TestCommandPrintsOneLineForEachAnswer(t *testing.T) {
	in := newIntake(t)
	const line = "200 opened team-payments/payments-42-1\n"
	out, err := execute(t, nil, "--url", in.url, "--secret", testSecret, "issue", "resolved", "--id", "42")
	if err != nil || out != line {
		t.Errorf("got %q, %v", out, err)
	}
	out, err = execute(t, nil, "--url", in.url, "--secret", testSecret, "issue", "created", "--id", "42", "--count", "3")
	if err != nil || out != strings.Repeat(line, 3) || len(in.notices) != 4 {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestCommandSaysWhatItIsTold(t *testing.T) {
	in := newIntake(t)
	notice := sent(t, in, "issue", "assigned", "--id=42", "--title=Zahlung schlägt fehl", "--priority=low",
		"--level=fatal", "--status=resolved", "--substatus=null", "--project=ledger", "--assignee=Zoë",
		"--at=2026-09-01T12:00:00+02:00", "--idempotency-key=k1")
	issue := notice.Issue
	got := []string{
		issue.ID, issue.Title.Value, issue.Priority.Value, issue.Level.Value, issue.Status.Value, issue.Project.Value,
		issue.Assignee.Value,
	}
	want := []string{"42", "Zahlung schlägt fehl", "low", "fatal", "resolved", "ledger", "Zoë"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
	if issue.Substatus != (sentry.Text{Present: true}) {
		t.Errorf("the substatus is %+v, want null", issue.Substatus)
	}
	header := in.headers[0]
	if header.Get("Sentry-Hook-Timestamp") != "1788256800" || header.Get("Idempotency-Key") != "k1" {
		t.Errorf("the headers are %v", header)
	}
}

func TestCommandPlaysEveryResource(t *testing.T) {
	in := newIntake(t)
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"issue", "created"}, "issue created 1170820242 checkout"},
		{[]string{"issue", "ignored", "--id=42"}, "issue archived 42 checkout"},
		{[]string{"issue", "created", "--project=absent"}, "issue created 1170820242 "},
		{[]string{"event_alert", "triggered", "--rule=Page us"}, "event_alert triggered 1170820242 checkout Page us"},
		{[]string{"event_alert", "triggered", "--sample"}, "event_alert triggered 1170820242 checkout sample"},
		{[]string{"activity_alert", "status_resolved"}, "activity_alert resolved 1170820242 checkout Tell what happens"},
		{
			[]string{"metric_alert", "critical", "--id=7", "--rule=Rate", "--project=a,b"},
			"metric_alert critical 7 a,b Rate",
		},
		{[]string{"installation", "created"}, "installation created  "},
		{[]string{"seer", "started"}, "seer started  "},
	}
	for _, test := range tests {
		notice := sent(t, in, test.args...)
		got := fmt.Sprintf("%s %s %s %s", notice.Resource, notice.Action, notice.Issue.ID, strings.Join(notice.Projects, ","))
		if notice.Rule != "" {
			got += " " + notice.Rule
		}
		if notice.Sample {
			got += " sample"
		}
		if got != test.want {
			t.Errorf("%q: got %q, want %q", test.args, got, test.want)
		}
	}
	if got := in.headers[0].Get("Sentry-Hook-Timestamp"); got != "1788257730" {
		t.Errorf("without --at the time is %s, want now", got)
	}
}

func TestCommandFailsWhenAWebhookDoesNotArrive(t *testing.T) {
	in := newIntake(t)
	base := []string{"--url", in.url, "--secret", testSecret}
	out, err := execute(t, nil, append(base, "issue", "created", "--wrong-signature", "--count=2")...)
	if want := "401 Unauthorized\n401 Unauthorized\nError: 2 of 2 webhooks did not arrive\n"; err == nil || out != want {
		t.Errorf("got %q, %v", out, err)
	}
	if _, err := execute(t, nil, "--url", in.url, "issue", "created"); err == nil {
		t.Error("an unsigned webhook that was refused is no failure")
	}
}

func TestCommandRefusesWhatItCannotSend(t *testing.T) {
	const address = "http://127.0.0.1:1/functions/v1/events?token=" + testToken
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no resource", []string{"--url", address}, "Error: a resource and an action are needed"},
		{"no action", []string{"--url", address, "issue"}, "Error: a resource and an action are needed"},
		{"the URL as an argument", []string{"issue", "created", address}, "Error: a resource and an action are needed"},
		{"no URL", []string{"issue", "created"}, "Error: a URL is needed: set --url or SENTRYSIM_URL"},
		{
			"a time that is none",
			[]string{"--url", address, "issue", "created", "--at=noon"},
			"Error: read --at: parsing time",
		},
		{"nothing to post", []string{"--url", address, "issue", "created", "--count=0"}, "Error: --count is 1 or more"},
		{
			"an unknown action of event_alert",
			[]string{"--url", address, "event_alert", "created"},
			"Error: an event_alert has one action, triggered",
		},
		{
			"an issue of two projects",
			[]string{"--url", address, "issue", "created", "--project=a,b"},
			"Error: only a metric_alert has several projects",
		},
		{"nobody who listens", []string{"--url", address, "issue", "created"}, "Error: post webhook: dial tcp"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, err := execute(t, nil, test.args...)
			if err == nil || !strings.HasPrefix(out, test.want) {
				t.Errorf("got %q, want %q", out, test.want)
			}
		})
	}
}

func TestHelpShowsExamplesAndNoEnvironment(t *testing.T) {
	environment := map[string]string{environmentURL: "http://127.0.0.1/?token=" + testToken, environmentSecret: testSecret}
	out, err := execute(t, environment, "--help")
	if err != nil || !strings.Contains(out, "sentrysim issue resolved --id 42") {
		t.Errorf("got %q, %v", out, err)
	}
}
