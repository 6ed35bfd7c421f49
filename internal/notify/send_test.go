package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/receivers"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

func send(t *testing.T, target Target, message Message) string {
	t.Helper()
	receipt, failure := target.Send(t.Context(), message)
	if failure != nil {
		t.Fatalf("it fails: %+v", *failure)
	}
	return receipt
}

func TestSlackHasOneMessageAnIncident(t *testing.T) {
	workspace, target := newSlackWorkspace(t)
	page := messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen)
	receipt := send(t, target, page)
	for _, next := range []Message{
		page,
		messageOf(t, v1alpha1.KindUpdate, v1alpha1.StateAcknowledged),
		messageOf(t, v1alpha1.KindResolved, v1alpha1.StateResolved),
	} {
		next.Receipt = receipt
		if again := send(t, target, next); again != receipt {
			t.Errorf("the receipt changes from %s to %s", receipt, again)
		}
	}
	var texts strings.Builder
	for _, message := range workspace.Messages() {
		fmt.Fprintf(&texts, "thread %q, broadcast %t, %d edits: %s\n", message.Thread, message.Broadcast, message.Edits, message.Text)
		if message.Attachment != "" {
			fmt.Fprintln(&texts, message.Attachment)
		}
	}
	golden(t, "slack", texts.String())
}

func TestSlackGetsANewMessageForOneThatWasDeleted(t *testing.T) {
	workspace, target := newSlackWorkspace(t)
	page := messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen)
	page.Receipt = send(t, target, page)
	_, at, _ := strings.Cut(page.Receipt, ":")
	workspace.Delete(at)
	if again := send(t, target, page); again == page.Receipt || len(workspace.Messages()) != 2 {
		t.Errorf("the receipt is %s, the messages are %+v", again, workspace.Messages())
	}
}

func TestAWebhookIsSignedAndSaysItAll(t *testing.T) {
	for name, message := range kindsOf(t) {
		endpoint, target := newEndpoint(t)
		if receipt := send(t, target, message); receipt != "" {
			t.Errorf("%s has the receipt %q", name, receipt)
		}
		delivery := endpoint.Deliveries()[0]
		if delivery.ID != message.ID {
			t.Errorf("%s: the ID is %s, not %s", name, delivery.ID, message.ID)
		}
		body, err := webhookBody(message, minute(5))
		must(t, err)
		var indented any
		must(t, json.Unmarshal(body, &indented))
		text, err := json.MarshalIndent(indented, "", "  ")
		must(t, err)
		golden(t, "webhook-"+name, string(text)+"\n")
	}
}

// answering is an answer of a target, and what must become of it.
type answering struct {
	answer receivers.Answer
	want   lifecycle.Failure
}

func status(code int, header ...string) receivers.Answer {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		echo(w, r)
	}
}

// echo answers with everything that the request had in it.
func echo(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, r.URL, r.Header, r.PostForm)
}

func refusing(word string) receivers.Answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"ok":false,"error":%q}`, word)
	}
}

func hang(_ http.ResponseWriter, r *http.Request) {
	// A server sees that its client has gone only once the request is read.
	_, _ = io.Copy(io.Discard, r.Body)
	// Both ends are this test's: whoever gives up first ends it.
	select {
	case <-r.Context().Done():
	case <-time.After(time.Minute):
	}
}

// huge answers with 50 MiB, or as much of it as is read.
func huge(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprint(w, `{"ok":true,"ts":"`)
	block := strings.Repeat("x", 1<<20)
	for range 50 {
		if _, err := fmt.Fprint(w, block); err != nil {
			return
		}
	}
}

func breakOff(w http.ResponseWriter, _ *http.Request) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = connection.Close()
	}
}

// common are the answers that all targets understand alike.
func common(elsewhere string) map[string]answering {
	const (
		retryable = lifecycle.FailureRetryable
		permanent = lifecycle.FailurePermanent
	)
	redirected := lifecycle.Failure{Class: permanent, Reason: reasonRedirected}
	return map[string]answering{
		"429 with Retry-After": {
			status(429, "Retry-After", "7"),
			lifecycle.Failure{Class: retryable, Reason: reasonRateLimited, RetryAfter: 7 * time.Second},
		},
		"429 without":          {status(429), lifecycle.Failure{Class: retryable, Reason: reasonRateLimited}},
		"500":                  {status(500), lifecycle.Failure{Class: retryable, Reason: reasonUnavailable}},
		"503":                  {status(503), lifecycle.Failure{Class: retryable, Reason: reasonUnavailable}},
		"401":                  {status(401), lifecycle.Failure{Class: lifecycle.FailureUnauthorized, Reason: "Unauthorized"}},
		"403":                  {status(403), lifecycle.Failure{Class: lifecycle.FailureUnauthorized, Reason: "Unauthorized"}},
		"404":                  {status(404), lifecycle.Failure{Class: permanent, Reason: reasonRefused}},
		"a redirect elsewhere": {status(307, "Location", elsewhere), redirected},
		"a redirect to a GET":  {status(302, "Location", "/"), redirected},
		"a redirect in a ring": {status(308, "Location", "/chat.postMessage"), redirected},
		"a hang":               {hang, lifecycle.Failure{Class: retryable, Reason: reasonTimedOut, MayHaveArrived: true}},
		"a broken connection":  {breakOff, lifecycle.Failure{Class: retryable, Reason: reasonUnreachable, MayHaveArrived: true}},
	}
}

func TestSlackSaysWhatToDoAboutAFailure(t *testing.T) {
	t.Parallel()
	retryable, permanent := lifecycle.FailureRetryable, lifecycle.FailurePermanent
	unauthorized := lifecycle.Failure{Class: lifecycle.FailureUnauthorized, Reason: "Unauthorized"}
	unreadable := lifecycle.Failure{Class: retryable, Reason: reasonUnreadable, MayHaveArrived: true}
	cases := common(elsewhere(t))
	for name, c := range map[string]answering{
		"429 with a bad Retry-After": {status(429, "Retry-After", testToken), unreadable},
		"ok false, a wrong token":    {refusing("invalid_auth"), unauthorized},
		"ok false, not in channel":   {refusing("not_in_channel"), unauthorized},
		"ok false, too long":         {refusing("msg_too_long"), lifecycle.Failure{Class: permanent, Reason: reasonRefused}},
		"ok false, Slack's trouble":  {refusing("internal_error"), lifecycle.Failure{Class: retryable, Reason: reasonUnavailable}},
		"ok false, an unknown word":  {refusing(testToken), lifecycle.Failure{Class: retryable, Reason: reasonUnavailable}},
		"50 MiB":                     {huge, unreadable},
		"what is no JSON":            {echo, unreadable},
	} {
		cases[name] = c
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			workspace, target := newSlackWorkspace(t)
			workspace.Answers = func(string) receivers.Answer { return c.answer }
			checkFailure(t, target, c.want)
		})
	}
}

func TestAWebhookSaysWhatToDoAboutAFailure(t *testing.T) {
	t.Parallel()
	cases := common(elsewhere(t))
	cases["429 with a date"] = answering{
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusTooManyRequests)
		},
		lifecycle.Failure{Class: lifecycle.FailureRetryable, Reason: reasonRateLimited, RetryAfter: time.Hour},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint, target := newEndpoint(t)
			endpoint.Answers = func() receivers.Answer { return c.answer }
			checkFailure(t, target, c.want)
		})
	}
}

// elsewhere is a server that nothing may be sent to.
func elsewhere(t *testing.T) (url string) {
	t.Helper()
	return serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect is followed to another host: %s %s", r.Method, r.URL)
	}))
}

func checkFailure(t *testing.T, target Target, want lifecycle.Failure) {
	t.Helper()
	_, failure := target.Send(t.Context(), messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen))
	if failure == nil {
		t.Fatal("it counts as sent")
	}
	got := *failure
	if got.Message == "" || len(got.Message) > 256 {
		t.Errorf("the message is %q", got.Message)
	}
	for _, secret := range []string{testToken, testSecret, testRoutingKey, testPassword, "secret", "127.0.0.1", "http:"} {
		if strings.Contains(got.Message+got.Reason, secret) {
			t.Errorf("%q has %q in it", got.Message, secret)
		}
	}
	// A date is cut to the second, and some time passes until it is read.
	if within := want.RetryAfter - got.RetryAfter; within >= 0 && within < time.Minute && want.RetryAfter == time.Hour {
		got.RetryAfter = want.RetryAfter
	}
	got.Message = ""
	if got != want {
		t.Errorf("the failure is %+v, not %+v", got, want)
	}
}

func TestAWebhookWithAHugeAnswerIsSentAllTheSame(t *testing.T) {
	endpoint, target := newEndpoint(t)
	endpoint.Answers = func() receivers.Answer { return huge }
	send(t, target, messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen))
}

func TestWhatWasNotSentInTimeTimedOutWhoeverSawItFirst(t *testing.T) {
	// The dialer, the TLS handshake and the context have the same time.
	for _, cause := range []error{os.ErrDeadlineExceeded, context.DeadlineExceeded} {
		failure := failed(&url.Error{Op: "Post", Err: notSentError{cause}})
		if failure.Reason != reasonTimedOut || failure.MayHaveArrived {
			t.Errorf("%v: the failure is %+v", cause, failure)
		}
	}
}

func TestATargetThatIsNotThereSaysSo(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	gone := "http://" + listener.Addr().String()
	must(t, listener.Close())
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	for name, c := range map[string]struct{ url, want string }{
		"nobody listens":           {gone, "The target refuses the connection"},
		"a name that is none":      {"http://nowhere.invalid", "The target's host name cannot be resolved"},
		"nobody shakes hands":      {"https://" + silent.Addr().String(), "The target did not answer within 5s"},
		"an untrusted certificate": {secure.URL, "The target's TLS certificate is not trusted, or it does not speak TLS"},
	} {
		for kind, spec := range map[string]v1alpha1.NotificationChannelSpec{
			"Slack": slackSpec(), "webhook": webhookSpec(), "PagerDuty": pagerDutySpec(), "Alertmanager": alertmanagerSpec(c.url),
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				_, failure := targetOf(t, spec, c.url).Send(t.Context(), messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen))
				if failure == nil || failure.Message != c.want || failure.Class != lifecycle.FailureRetryable || failure.MayHaveArrived {
					t.Errorf("the failure is %+v", failure)
				}
			})
		}
	}
}

func TestARedirectWithinTheHostIsFollowed(t *testing.T) {
	endpoint, target := newEndpoint(t)
	first := true
	endpoint.Answers = func() receivers.Answer {
		if !first {
			return nil
		}
		first = false
		return status(307, "Location", "/elsewhere")
	}
	send(t, target, messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen))
	if len(endpoint.Deliveries()) != 1 {
		t.Error("it did not arrive")
	}
}

func TestASecretThatCannotBeRightIsNamedAndNotShown(t *testing.T) {
	good := map[v1alpha1.SecretKeyReference]string{slackRef: testToken, urlRef: "https://pager.example.com", secretRef: testSecret}
	for name, c := range map[string]struct {
		spec  v1alpha1.NotificationChannelSpec
		ref   v1alpha1.SecretKeyReference
		value string
	}{
		"an empty token":         {slackSpec(), slackRef, " \n"},
		"a token of two lines":   {slackSpec(), slackRef, "xoxb-hidden\nand more"},
		"no URL":                 {webhookSpec(), urlRef, "hidden"},
		"a URL of another kind":  {webhookSpec(), urlRef, "ftp://hidden.example.com"},
		"a URL that is broken":   {webhookSpec(), urlRef, "https://hidden:port:port"},
		"a signing secret, bare": {webhookSpec(), secretRef, "hidden!"},
		"a routing key, short":   {pagerDutySpec(), routingKeyRef, "hidden"},
	} {
		t.Run(name, func(t *testing.T) {
			values := map[v1alpha1.SecretKeyReference]string{}
			for ref, value := range good {
				values[ref] = value
			}
			values[c.ref] = c.value
			office := &Office{Client: NewClient(), SlackURL: DefaultSlackURL, Now: time.Now}
			_, err := office.Target(c.spec, values)
			if err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), c.ref.Key) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
