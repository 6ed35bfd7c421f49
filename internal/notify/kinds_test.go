package notify

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/receivers"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

const (
	testRoutingKey = "secretsecretsecretsecretsecret32"
	testUsername   = "operator"
	testPassword   = "a secret password"
)

var (
	routingKeyRef = v1alpha1.SecretKeyReference{Name: "channels", Key: "routingKey"}
	usernameRef   = v1alpha1.SecretKeyReference{Name: "mail", Key: usernameKey}
	passwordRef   = v1alpha1.SecretKeyReference{Name: "mail", Key: passwordKey}
)

func pagerDutySpec() v1alpha1.NotificationChannelSpec {
	return v1alpha1.NotificationChannelSpec{PagerDuty: &v1alpha1.PagerDutyChannel{RoutingKeyRef: routingKeyRef}}
}

func alertmanagerSpec(urls ...string) v1alpha1.NotificationChannelSpec {
	return v1alpha1.NotificationChannelSpec{Alertmanager: &v1alpha1.AlertmanagerChannel{
		URLs: urls, Labels: map[string]v1alpha1.LabelValue{"team": "payments", "severity": "page"},
	}}
}

func newService(t *testing.T) (*receivers.PagerDuty, Target) {
	t.Helper()
	service := &receivers.PagerDuty{RoutingKey: testRoutingKey, Unexpected: t.Errorf}
	return service, targetOf(t, pagerDutySpec(), serve(t, service))
}

func TestPagerDutyHasOneIncidentAnIncident(t *testing.T) {
	service, target := newService(t)
	page := messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen)
	for _, message := range []Message{
		page, page,
		messageOf(t, v1alpha1.KindUpdate, v1alpha1.StateAcknowledged),
		messageOf(t, v1alpha1.KindResolved, v1alpha1.StateResolved),
		messageOf(t, v1alpha1.KindResolved, v1alpha1.StateResolved),
		page,
	} {
		if receipt := send(t, target, message); receipt != "" {
			t.Errorf("the receipt is %q", receipt)
		}
	}
	var shown []string
	for _, event := range service.Events() {
		if event.Key != "team-payments/payments-42-2/1769828400000" {
			t.Errorf("the key is %s", event.Key)
		}
		shown = append(shown, event.Shown)
	}
	if want := []string{"triggered", "", "acknowledged", "resolved", "", "triggered"}; !slices.Equal(shown, want) {
		t.Errorf("people see %q, not %q", shown, want)
	}
}

func TestPagerDutyIsToldItAll(t *testing.T) {
	for name, message := range kindsOf(t) {
		service, target := newService(t)
		send(t, target, message)
		text, err := json.MarshalIndent(service.Events()[0].Raw, "", "  ")
		must(t, err)
		golden(t, "pagerduty-"+name, string(text)+"\n")
	}
}

func TestAKeyThatIsTooLongForPagerDutyIsStillItsOwn(t *testing.T) {
	long := strings.Repeat("a", 300)
	one, other := dedupKey(long+"1"), dedupKey(long+"2")
	if len(one) != maxDedupKey || len(other) != maxDedupKey || one == other || dedupKey(long[:255]) != long[:255] {
		t.Errorf("the keys are %s and %s", one, other)
	}
}

func TestPagerDutySaysWhatToDoAboutAFailure(t *testing.T) {
	t.Parallel()
	cases := common(elsewhere(t))
	cases["a redirect in a ring"] = answering{
		status(308, "Location", "/v2/enqueue"), lifecycle.Failure{Class: lifecycle.FailurePermanent, Reason: reasonRedirected},
	}
	unreadable := lifecycle.Failure{Class: lifecycle.FailureRetryable, Reason: reasonUnreadable, MayHaveArrived: true}
	cases["what is no JSON"] = answering{echo, unreadable}
	cases["400"] = answering{status(400), lifecycle.Failure{Class: lifecycle.FailureUnauthorized, Reason: "Unauthorized"}}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service, target := newService(t)
			service.Answers = func() receivers.Answer { return c.answer }
			checkFailure(t, target, c.want)
		})
	}
}

// mailTest is a mail server and a target that sends to it.
func mailTest(t *testing.T, security v1alpha1.SMTPSecurity, change ...func(*receivers.MailServer)) (*receivers.MailServer, Target) {
	t.Helper()
	certificates := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(certificates.Close)
	server := &receivers.MailServer{Unexpected: t.Errorf, Implicit: security == v1alpha1.SMTPTLS}
	if security != v1alpha1.SMTPNone {
		server.TLS = &tls.Config{Certificates: certificates.TLS.Certificates}
		server.Username, server.Password = testUsername, testPassword
	}
	for _, apply := range change {
		apply(server)
	}
	address, stop, err := server.Start()
	must(t, err)
	t.Cleanup(stop)
	spec := v1alpha1.NotificationChannelSpec{Email: &v1alpha1.EmailChannel{
		From: "Pager <pager@example.com>", To: []string{"ada@example.com", "Grace Hopper <grace@example.com>"},
		SMTP: v1alpha1.SMTPServer{Host: "127.0.0.1", Port: int32(address.Port), TLS: security},
	}}
	if security != v1alpha1.SMTPNone {
		spec.Email.SMTP.AuthRef = &v1alpha1.SecretReference{Name: "mail"}
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificates.Certificate())
	office := &Office{RootCAs: roots, Now: func() time.Time { return minute(5) }}
	target, err := office.Target(spec, map[v1alpha1.SecretKeyReference]string{usernameRef: testUsername, passwordRef: testPassword + "\n"})
	must(t, err)
	return server, target
}

func TestMailsAboutAnIncidentAreOneThread(t *testing.T) {
	for _, security := range []v1alpha1.SMTPSecurity{v1alpha1.SMTPStartTLS, v1alpha1.SMTPTLS, v1alpha1.SMTPNone} {
		t.Run(string(security), func(t *testing.T) {
			server, target := mailTest(t, security)
			page := messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen)
			receipt := send(t, target, page)
			for _, next := range []Message{
				messageOf(t, v1alpha1.KindUpdate, v1alpha1.StateAcknowledged),
				messageOf(t, v1alpha1.KindResolved, v1alpha1.StateResolved),
			} {
				next.Receipt = receipt
				if again := send(t, target, next); again != receipt {
					t.Errorf("the receipt changes from %s to %s", receipt, again)
				}
			}
			mails := server.Mails()
			if first := mails[0].Header.Get("Message-Id"); first != "<"+page.ID+"@example.com>" || first != "<"+receipt+">" {
				t.Errorf("the first mail's ID is %s", first)
			}
			for i, mail := range mails {
				wanted := ""
				if i > 0 {
					wanted = "<" + receipt + ">"
				}
				if mail.Header.Get("References") != wanted || mail.Header.Get("In-Reply-To") != wanted {
					t.Errorf("mail %d refers to %s", i, mail.Header.Get("References"))
				}
				if mail.From != "pager@example.com" || !slices.Equal(mail.To, []string{"ada@example.com", "grace@example.com"}) {
					t.Errorf("mail %d goes from %s to %s", i, mail.From, mail.To)
				}
			}
		})
	}
}

func TestEveryKindOfMailReadsAsWritten(t *testing.T) {
	server, target := mailTest(t, v1alpha1.SMTPNone)
	for name, message := range kindsOf(t) {
		message.Receipt = "first@example.com"
		send(t, target, message)
		mails := server.Mails()
		mail := mails[len(mails)-1]
		var text strings.Builder
		for _, header := range []string{
			"From", "To", "Date", "Message-Id", "In-Reply-To", "References", "Importance", "Auto-Submitted",
		} {
			fmt.Fprintf(&text, "%s: %s\n", header, mail.Header.Get(header))
		}
		golden(t, "mail-"+name, text.String()+"Subject: "+mail.Subject+"\n---\n"+mail.Text+"---\n"+mail.HTML)
	}
}

func TestAMailServerSaysWhatToDoAboutAFailure(t *testing.T) {
	t.Parallel()
	retryable := lifecycle.Failure{Class: lifecycle.FailureRetryable, Reason: reasonUnavailable}
	timedOut := lifecycle.Failure{Class: lifecycle.FailureRetryable, Reason: reasonTimedOut}
	unauthorized := lifecycle.Failure{Class: lifecycle.FailureUnauthorized, Reason: "Unauthorized"}
	refuse := func(at string, code int) func(*receivers.MailServer) {
		return func(server *receivers.MailServer) {
			server.Refuses = func(command string) error {
				if command != at {
					return nil
				}
				return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: "no: " + testPassword}
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*receivers.MailServer)
		want   lifecycle.Failure
	}{
		"a full mailbox":            {refuse("RCPT", 452), retryable},
		"no such mailbox":           {refuse("RCPT", 550), unauthorized},
		"a sender that may not":     {refuse("MAIL", 553), unauthorized},
		"a server that is overrun":  {refuse("MAIL", 421), retryable},
		"a mail put off":            {refuse("DATA", 451), retryable},
		"a mail refused":            {refuse("DATA", 554), lifecycle.Failure{Class: lifecycle.FailurePermanent, Reason: reasonRefused}},
		"another password":          {func(s *receivers.MailServer) { s.Password = "changed" }, unauthorized},
		"no login":                  {func(s *receivers.MailServer) { s.Username = "" }, unauthorized},
		"no STARTTLS":               {func(s *receivers.MailServer) { s.TLS = nil }, unauthorized},
		"TLS where it is in clear":  {func(s *receivers.MailServer) { s.Implicit = true }, timedOut},
		"a hang before the content": {hangAt("MAIL"), timedOut},
		"a hang after the content": {
			hangAt("DATA"), lifecycle.Failure{Class: lifecycle.FailureRetryable, Reason: reasonTimedOut, MayHaveArrived: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, target := mailTest(t, v1alpha1.SMTPStartTLS, c.change)
			checkFailure(t, target, c.want)
		})
	}
}

// hangAt lets a server hang for longer than a send may take.
func hangAt(at string) func(*receivers.MailServer) {
	return func(server *receivers.MailServer) {
		server.Refuses = func(command string) error {
			if command == at {
				<-time.After(lifecycle.SendTimeout + time.Second)
			}
			return nil
		}
	}
}

func TestAMailServersCertificateMustBeTrusted(t *testing.T) {
	_, target := mailTest(t, v1alpha1.SMTPTLS)
	inner, _ := target.(timed)
	email, _ := inner.target.(*emailTarget)
	email.tls.RootCAs = nil
	_, failure := target.Send(t.Context(), messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen))
	if failure == nil || !strings.Contains(failure.Message, "certificate is not trusted") || failure.MayHaveArrived {
		t.Errorf("the failure is %+v", failure)
	}
}

func TestAnAddressThatIsNoneIsNamed(t *testing.T) {
	spec := v1alpha1.NotificationChannelSpec{Email: &v1alpha1.EmailChannel{From: "a@b", To: []string{"a b@c"}}}
	_, err := (&Office{Now: time.Now}).Target(spec, nil)
	if err == nil || err.Error() != `"a b@c" is no address that mail can go to` {
		t.Errorf("the error is %v", err)
	}
}

// alertsOf are the alerts that a message is for Alertmanager, as it takes them.
func alertsOf(t *testing.T, message Message) (bodies []string) {
	t.Helper()
	url := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/base/api/v2/alerts" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("unexpected: %s %s", r.Method, r.URL)
		}
		var alerts any
		must(t, json.NewDecoder(r.Body).Decode(&alerts))
		text, err := json.MarshalIndent(alerts, "", "  ")
		must(t, err)
		bodies = append(bodies, string(text)+"\n")
	}))
	office := &Office{Client: NewClient(), Now: func() time.Time { return minute(12) }}
	target, err := office.Target(alertmanagerSpec(url+"/base/"), nil)
	must(t, err)
	send(t, target, message)
	return bodies
}

func TestAlertmanagerIsToldItAll(t *testing.T) {
	for name, message := range kindsOf(t) {
		golden(t, "alertmanager-"+name, strings.Join(alertsOf(t, message), ""))
	}
}

func TestAlertmanagerHearsOfAResolveOnceMoreAndThenOfNoFiring(t *testing.T) {
	resolved := messageOf(t, v1alpha1.KindResolved, v1alpha1.StateResolved)
	resolved.MayHaveArrived = true
	if bodies := alertsOf(t, resolved); len(bodies) != 1 || !strings.Contains(bodies[0], `"endsAt": "2026-01-31T03:12:00Z"`) {
		t.Errorf("it is told %s", bodies)
	}
}

func TestOneAlertmanagerOfSeveralIsEnough(t *testing.T) {
	down := serve(t, http.HandlerFunc(status(503)))
	taken := 0
	up := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { taken++ }))
	page := messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen)
	send(t, targetOf(t, alertmanagerSpec(down, up), ""), page)
	if taken != 1 {
		t.Errorf("the one that is up took %d", taken)
	}
	_, failure := targetOf(t, alertmanagerSpec(down, down+"/"), "").Send(t.Context(), page)
	if failure == nil || failure.Reason != reasonUnavailable || failure.Class != lifecycle.FailureRetryable {
		t.Errorf("with none up, the failure is %+v", failure)
	}
}

// dropping panics over one host, and takes what goes to any other.
type dropping struct{ host string }

func (d dropping) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == d.host {
		panic("planted")
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

func TestAPanicOverOneAlertmanagerIsAFailureOfThatOne(t *testing.T) {
	client := &http.Client{Transport: dropping{"bad"}}
	page := messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen)
	for urls, want := range map[[2]string]string{{"http://bad", "http://good"}: "", {"http://bad", "http://bad"}: v1alpha1.ReasonPanicked} {
		failure := (&Office{Client: client, Now: time.Now}).alertmanager(v1alpha1.AlertmanagerChannel{URLs: urls[:]}).
			Post(t.Context(), []Message{page})
		switch {
		case want == "" && failure != nil:
			t.Errorf("of %v: %+v", urls, failure)
		case want != "" && (failure == nil || failure.Reason != want || failure.Class != lifecycle.FailureRetryable):
			t.Errorf("of %v: %+v", urls, failure)
		}
	}
}

func TestAlertmanagerSaysWhatToDoAboutAFailure(t *testing.T) {
	t.Parallel()
	cases := common(elsewhere(t))
	delete(cases, "a redirect in a ring")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkFailure(t, targetOf(t, alertmanagerSpec(serve(t, http.HandlerFunc(c.answer))), ""), c.want)
		})
	}
}

// startAlertmanager runs a real Alertmanager.
func startAlertmanager(t *testing.T) *receivers.Alertmanager {
	t.Helper()
	server := &receivers.Alertmanager{Folder: t.TempDir(), Unexpected: t.Errorf}
	must(t, server.Start())
	t.Cleanup(func() { must(t, server.Stop()) })
	return server
}

// waitForAlerts waits until people were told so many times, and gives the statuses.
func waitForAlerts(t *testing.T, server *receivers.Alertmanager, count int) []string {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for len(server.Alerts()) < count {
		select {
		case <-deadline:
			t.Fatalf("after 30 s people were told of %+v", server.Alerts())
		case <-time.After(10 * time.Millisecond):
		}
	}
	var statuses []string
	for _, alert := range server.Alerts() {
		statuses = append(statuses, alert.Status)
	}
	return statuses
}

func TestARealAlertmanagerPagesOnceAndClosesThePage(t *testing.T) {
	t.Parallel()
	server := startAlertmanager(t)
	target := targetOf(t, alertmanagerSpec(server.URL()), "")
	send(t, target, messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen))
	waitForAlerts(t, server, 1)
	send(t, target, messageOf(t, v1alpha1.KindUpdate, v1alpha1.StateAcknowledged))
	resolved := messageOf(t, v1alpha1.KindResolved, v1alpha1.StateResolved)
	send(t, target, resolved)
	waitForAlerts(t, server, 2)
	resolved.MayHaveArrived = true
	send(t, target, resolved)
	// Its groups are looked at each second.
	<-time.After(3 * time.Second)
	if statuses := waitForAlerts(t, server, 2); !slices.Equal(statuses, []string{"firing", "resolved"}) {
		t.Errorf("people are told %s", statuses)
	}
	alert := server.Alerts()[1]
	if alert.Labels["incident"] != "payments-42-2" || alert.Labels["team"] != "payments" || alert.Annotations["priority"] != "HIGH" {
		t.Errorf("the alert is %+v", alert)
	}
}

func TestAnAlertmanagerThatWasKilledClosesItsPageAllTheSame(t *testing.T) {
	t.Parallel()
	server := startAlertmanager(t)
	target := targetOf(t, alertmanagerSpec(server.URL()), "")
	send(t, target, messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen))
	waitForAlerts(t, server, 1)
	must(t, server.Kill())
	must(t, server.Restart())
	send(t, target, messageOf(t, v1alpha1.KindResolved, v1alpha1.StateResolved))
	// What it had told nobody it forgot with the rest, so that it pages once more before it closes the page.
	if statuses := waitForAlerts(t, server, 3); !slices.Equal(statuses, []string{"firing", "firing", "resolved"}) {
		t.Errorf("people are told %s", statuses)
	}
}

// Sentry's clock may be minutes ahead of ours: then an issue can open and end in the future.
func TestARealAlertmanagerTakesTheEndOfWhatBeganInTheFuture(t *testing.T) {
	t.Parallel()
	server := startAlertmanager(t)
	target := targetOf(t, alertmanagerSpec(server.URL()), "")
	now := time.Now().UTC()
	incident := incidentIn(v1alpha1.StateOpen)
	opening := &incident.Spec.Signals[0]
	opening.Time, opening.ReceivedAt = metav1.NewMicroTime(now.Add(4*time.Minute)), metav1.NewMicroTime(now)
	tell := func(kind v1alpha1.NotificationKind) {
		entry := entryOf(kind)
		view := ViewOf(incident, entry, time.Now())
		send(t, target, Message{View: view, Text: defaults.Render(view), ID: IDOf(incident, entry)})
	}
	tell(v1alpha1.KindPage)
	waitForAlerts(t, server, 1)
	ended := v1alpha1.Signal{Event: "Resolve", Effect: "Resolved", By: v1alpha1.BySentry}
	ended.Time, ended.ReceivedAt = metav1.NewMicroTime(now.Add(4*time.Minute)), metav1.NewMicroTime(now.Add(time.Second))
	incident.Spec.Signals = append(incident.Spec.Signals, ended)
	tell(v1alpha1.KindResolved)
	if statuses := waitForAlerts(t, server, 2); !slices.Equal(statuses, []string{"firing", "resolved"}) {
		t.Errorf("people are told %s", statuses)
	}
}
