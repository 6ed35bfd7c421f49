package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
	"github.com/itoc360/itoc360-operator/internal/sentry"
	"github.com/itoc360/itoc360-operator/webhook"
)

// request is a delivery that a test bends out of shape.
type request struct {
	method, path, token, bearer string
	header                      http.Header
	body                        []byte
}

// delivery is a request as Sentry makes it.
func delivery(source *testbed.Source, posted simulator.Webhook) *request {
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set(sentry.HeaderResource, posted.Resource)
	header.Set(sentry.HeaderTimestamp, strconv.FormatInt(posted.Time.Unix(), 10))
	header.Set(sentry.HeaderSignature, sentry.Sign([]byte(source.ClientSecret), posted.Body))
	return &request{method: http.MethodPost, path: v1alpha1.IntakePath, token: source.Token, header: header, body: posted.Body}
}

// reply is what a request is answered with.
type reply struct {
	status int
	header http.Header
	// closes is true if the connection ends with it.
	closes bool
}

// send sends a request exactly as it is, and follows no redirect.
func (r *request) send(t *testing.T, served *intake) (answered reply, body string) {
	t.Helper()
	return r.sendTo(t, served.url)
}

func (r *request) sendTo(t *testing.T, address string) (answered reply, body string) {
	t.Helper()
	sent, err := http.NewRequestWithContext(t.Context(), r.method, address, bytes.NewReader(r.body))
	testbed.Must(t, err)
	sent.URL.Opaque = "//" + sent.URL.Host + r.path
	if r.token != "" {
		sent.URL.RawQuery = "token=" + r.token
	}
	sent.Header = r.header.Clone()
	if r.bearer != "" {
		sent.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	noRedirects := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := noRedirects.Do(sent)
	testbed.Must(t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	testbed.Must(t, err)
	if told := fmt.Sprint(response.Header, string(content)); r.token != "" && strings.Contains(told, r.token) {
		t.Errorf("the answer tells the token: %s", told)
	}
	return reply{response.StatusCode, response.Header, response.Close}, string(content)
}

func TestAnswers(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	for _, test := range []struct {
		name string
		bend func(*request)
		want int
		says string
	}{
		{"an authentic delivery is recorded", func(*request) {}, 200, `"result":"opened"`},
		{"one trailing slash is served", func(r *request) { r.path += "/" }, 200, `"result":`},
		{"a bearer token serves as well", func(r *request) { r.bearer, r.token = r.token, "" }, 200, `"result":`},
		{"a charset in the content type is no matter", func(r *request) {
			r.header.Set("Content-Type", "application/json; charset=utf-8")
		}, 200, `"result":`},
		{"the settings form of an alert rule is ignored", func(r *request) { r.asForm(source) }, 200, `{"result":"ignored"}`},
		{"a settings form that somebody else signed", func(r *request) {
			r.asForm(source)
			r.body = append(r.body, ' ')
		}, 401, "signature matches no client secret"},
		{"the legacy plugin's body", func(r *request) { r.asLegacy() }, 400, "set up an internal integration instead"},
		{"the legacy plugin's body with a signature that is none", func(r *request) {
			r.asLegacy()
			r.header.Set(sentry.HeaderSignature, strings.Repeat("0", 64))
		}, 401, "signature matches no client secret"},
		{"the legacy plugin's body with an unknown token", func(r *request) {
			r.asLegacy()
			r.token = strings.Repeat("x", 40)
		}, 401, "no AlertSource has this token"},
		{"a resource that nobody knows", func(r *request) {
			r.header.Set(sentry.HeaderResource, "preprod_artifact")
			r.sign(source, []byte(`{"action": "size_analysis_completed", "data": {}}`))
		}, 200, `{"result":"ignored"}`},
		{"an action that nobody knows", func(r *request) {
			r.sign(source, []byte(`{"action": "merged", "data": {"issue": {"id": "42"}}}`))
		}, 200, `{"result":"ignored"}`},
		{"an orphan resolve is ignored", func(r *request) {
			r.sign(source, []byte(`{"action": "resolved", "data": {"issue": {"id": "43"}}}`))
		}, 200, `{"result":"ignored"}`},
		{"a body that is not JSON", func(r *request) { r.sign(source, []byte("token")) }, 400, "not a Sentry webhook"},
		{"an empty body", func(r *request) { r.sign(source, nil) }, 400, "not a Sentry webhook"},
		{"JSON that is no webhook", func(r *request) { r.sign(source, []byte(`{"hello": "world"}`)) }, 400, "action is missing"},
		{"an issue webhook without an issue", func(r *request) {
			r.sign(source, []byte(`{"action": "created", "data": {}}`))
		}, 400, "data.issue is missing"},
		{"no token", func(r *request) { r.token = "" }, 401, "lacks its query parameter token"},
		{"an unknown token", func(r *request) { r.token = strings.Repeat("x", 40) }, 401, "no AlertSource has this token"},
		{"no signature", func(r *request) { r.header.Del(sentry.HeaderSignature) }, 401, "signature matches no client secret"},
		{"a signature of another body", func(r *request) { r.body = append(r.body, ' ') }, 401, "signature matches no client secret"},
		{"a signature in capitals", func(r *request) {
			r.header.Set(sentry.HeaderSignature, strings.ToUpper(r.header.Get(sentry.HeaderSignature)))
		}, 401, "signature matches no client secret"},
		{"another path", func(r *request) { r.path = "/functions/v1/other" }, 404, "there is nothing here"},
		{"another method", func(r *request) { r.method = http.MethodGet }, 405, "webhooks are posted"},
		{"a body too large", func(r *request) { r.sign(source, bytes.Repeat([]byte(" "), 8<<20+1)) }, 413, "8 MiB"},
		{"another content type", func(r *request) { r.header.Set("Content-Type", "text/plain") }, 415, "application/json"},
		{"no content type", func(r *request) { r.header.Del("Content-Type") }, 415, "application/json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			sent := delivery(source, issue("created", 1))
			test.bend(sent)
			response, body := sent.send(t, served)
			if response.status != test.want || !strings.Contains(body, test.says) {
				t.Errorf("answered %d %s, want %d and %q", response.status, body, test.want, test.says)
			}
			if got := response.header.Get("Content-Type"); got != "application/json" {
				t.Errorf("the answer is %s", got)
			}
		})
	}
	if got := source.Story(t); got != "1 Open High" {
		t.Errorf("ended as %q, want one Incident", got)
	}
}

// asForm makes of a delivery what Sentry posts while an alert rule with a settings form is saved.
func (r *request) asForm(source *testbed.Source) {
	r.body = []byte(`{"fields":[{"name":"channel","value":"#on-call"}],"installationId":"7a485448-a9e2-4c85-8a3c-4f44175783c9"}`)
	r.header = http.Header{}
	r.header.Set("Content-Type", "application/json")
	r.header.Set(sentry.HeaderAppSignature, sentry.Sign([]byte(source.ClientSecret), r.body))
}

// asLegacy makes of a delivery what the legacy plugin posts.
func (r *request) asLegacy() {
	r.body = []byte(`{"id":"42","project_slug":"checkout","level":"error","message":"","url":"https://acme.sentry.io/issues/42/",` +
		`"event":{"event_id":"a1"},"triggering_rules":["Page us"]}`)
	r.header = http.Header{}
	r.header.Set("Content-Type", "application/json")
}

// sign gives a request another body and the signature for it.
func (r *request) sign(source *testbed.Source, body []byte) {
	r.body = body
	r.header.Set(sentry.HeaderSignature, sentry.Sign([]byte(source.ClientSecret), body))
}

func TestNothingIsEverRedirected(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"}
	paths := []string{
		"/functions/v1/events", "/functions/v1/events/", "//functions/v1/events", "/functions/v1/events//", "/functions//v1/events",
		"/functions/v1/../v1/events", "/functions/v1/./events", "/functions/v1/events/..", "/functions/v1", "/functions/v1/",
		"/", "//", "/.", "/..",
		"/functions/v1/events%2f", "/functions%2fv1/events", "/FUNCTIONS/v1/events", "/index.html", "/functions/v1/events/index.html",
		"/functions/v1/events;a=b",
	}
	for _, method := range methods {
		for _, path := range paths {
			sent := delivery(source, issue("created", 1))
			sent.method, sent.path = method, path
			response, body := sent.send(t, served)
			if response.status < 200 || (response.status >= 300 && response.status < 400) {
				t.Errorf("%s %s is answered %d: %s", method, path, response.status, body)
			}
		}
	}
}

func TestOnlyFailedAuthenticationsAreEverLimited(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	codes := map[int]int{}
	for range 60 {
		stranger := delivery(source, issue("created", 1))
		stranger.token = strings.Repeat("y", 40)
		response, _ := stranger.send(t, served)
		codes[response.status]++
		forged := delivery(source, issue("created", 1))
		forged.header.Set(sentry.HeaderSignature, strings.Repeat("0", 64))
		response, _ = forged.send(t, served)
		codes[response.status]++
		if response, body := delivery(source, issue("created", 1)).send(t, served); response.status != 200 {
			t.Fatalf("an authentic delivery was answered %d: %s", response.status, body)
		}
	}
	if codes[401] < 20 || codes[429] == 0 || codes[401]+codes[429] != 120 {
		t.Errorf("strangers were answered %v, want 20 or a few more times 401, then 429", codes)
	}
}

func TestARepeatedDeliveryIsRecordedOnce(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	named := issue("created", 1)
	named.IdempotencyKey = "7c5e9d1f3b2a4c6e8f0a1b2c3d4e5f60"
	for range 3 {
		if answer := served.post(t, source, named); answer.Result != "opened" {
			t.Errorf("answered %s, want what the first was answered", answer.Result)
		}
	}
	if count := source.Incidents(t)[0].Spec.SignalCount; count != 1 {
		t.Errorf("%d signals recorded, want 1", count)
	}
	unnamed := issue("assigned", 2)
	served.post(t, source, unnamed)
	served.post(t, source, unnamed)
	if count := source.Incidents(t)[0].Spec.SignalCount; count != 3 {
		t.Errorf("%d signals recorded, want 3: a delivery without a name is always new", count)
	}
}

func TestAClientSecretCanBeRotatedWithoutLoss(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	served.post(t, source, issue("created", 1))
	source.ClientSecret = strings.Repeat("7", 64)
	setSecret(t, source, "clientSecret", source.ClientSecret)
	// At once, whether or not the watch has told of it, and again within the interval of reading anew.
	for minute := range 3 {
		if response, body := delivery(source, issue("assigned", 2+minute)).send(t, served); response.status != 200 {
			t.Errorf("delivery %d after the rotation was answered %d: %s", minute+1, response.status, body)
		}
	}
}

func setSecret(t *testing.T, source *testbed.Source, key, value string) {
	t.Helper()
	if value == "" {
		setSecretTo(t, source, key, nil)
		return
	}
	setSecretTo(t, source, key, []byte(value))
}

// setSecretTo changes one key of a source's Secret; nil removes it.
func setSecretTo(t *testing.T, source *testbed.Source, key string, value []byte) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: source.Name.Namespace, Name: testbed.SecretName}}
	testbed.Must(t, source.Client.Get(t.Context(), client.ObjectKeyFromObject(secret), secret))
	before := secret.DeepCopy()
	if value == nil {
		delete(secret.Data, key)
	} else {
		secret.Data[key] = value
	}
	testbed.Must(t, source.Client.Patch(t.Context(), secret, client.MergeFrom(before)))
}

func TestAnUnreadableClientSecretIsNeverTheSendersFault(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	setSecret(t, source, "clientSecret", "")
	testbed.Eventually(t, "a delivery is answered 503", func(context.Context) bool {
		response, _ := delivery(source, issue("created", 1)).send(t, served)
		if response.status == 401 {
			t.Fatal("a delivery that could not be verified was answered 401")
		}
		return response.status == 503
	})
	setSecret(t, source, "clientSecret", source.ClientSecret)
	testbed.Eventually(t, "a delivery is answered 200 once the key is back", func(context.Context) bool {
		response, _ := delivery(source, issue("created", 1)).send(t, served)
		return response.status == 200
	})
}

func TestEitherOfTwoClientSecretsMaySign(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client, func(s *v1alpha1.AlertSource) {
		next := v1alpha1.SecretKeyReference{Name: testbed.SecretName, Key: "next"}
		s.Spec.Sentry.ClientSecretRefs = append(s.Spec.Sentry.ClientSecretRefs, next)
	})
	served.knows(t, source)
	// The second key is not there yet: what the first one signs is authentic all the same.
	if response, body := delivery(source, issue("created", 1)).send(t, served); response.status != 200 {
		t.Fatalf("answered %d: %s", response.status, body)
	}
	next := strings.Repeat("ab", 32)
	setSecret(t, source, "next", next)
	second := *source
	second.ClientSecret = next
	testbed.Eventually(t, "the second secret signs", func(context.Context) bool {
		response, _ := delivery(&second, issue("assigned", 2)).send(t, served)
		return response.status == 200
	})
	if response, _ := delivery(source, issue("assigned", 3)).send(t, served); response.status != 200 {
		t.Errorf("the first secret signs no longer: %d", response.status)
	}
}

func TestWithoutAClientSecretTheTokenAloneAuthorizes(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client, func(s *v1alpha1.AlertSource) { s.Spec.Sentry.ClientSecretRefs = nil })
	served.knows(t, source)
	unsigned := delivery(source, issue("created", 1))
	unsigned.header.Del(sentry.HeaderSignature)
	if response, body := unsigned.send(t, served); response.status != 200 {
		t.Errorf("answered %d: %s", response.status, body)
	}
}

func TestTheOlderOfTwoSourcesWithOneTokenGetsTheDeliveries(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	older := testbed.NewSource(t, served.client)
	younger := &testbed.Source{Name: older.Name, Token: older.Token, ClientSecret: older.ClientSecret, Client: older.Client}
	younger.Name.Name = "younger"
	testbed.Eventually(t, "a second has passed, so that creation times differ", func(context.Context) bool {
		return now().After(older.Get(t).CreationTimestamp.Time)
	})
	younger.Create(t)
	served.knows(t, older)
	served.knows(t, younger)
	testbed.Eventually(t, "the directory sees the sharing", func(context.Context) bool {
		others, _ := served.Directory.SharedWith(older.Name)
		return len(others) == 1
	})
	if _, first := served.Directory.SharedWith(younger.Name); first {
		t.Error("the younger source says that it comes first")
	}
	answer := served.post(t, older, issue("created", 1))
	if want := older.Name.Namespace + "/payments-42-1"; answer.Incident != want {
		t.Errorf("recorded in %s, want %s", answer.Incident, want)
	}
}

func TestTimesThatAreUnusableGiveWayToTheArrival(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	for name, header := range map[string]string{
		"absent":             "",
		"unreadable":         "yesterday",
		"negative":           "-5",
		"ten minutes ahead":  strconv.FormatInt(now().Unix()+600, 10),
		"not a number":       "NaN",
		"beyond every clock": "99999999999999999999",
	} {
		t.Run(name, func(t *testing.T) {
			source := testbed.NewSource(t, served.client)
			served.knows(t, source)
			served.post(t, source, issue("created", 1))
			resolve := delivery(source, issue("resolved", 2))
			resolve.header.Set(sentry.HeaderTimestamp, header)
			if header == "" {
				resolve.header.Del(sentry.HeaderTimestamp)
			}
			if response, body := resolve.send(t, served); response.status != 200 {
				t.Fatalf("answered %d: %s", response.status, body)
			}
			signals := source.Incidents(t)[0].Spec.Signals
			last := signals[len(signals)-1]
			if last.Effect != v1alpha1.EffectResolved || !last.Time.Equal(&last.ReceivedAt) {
				t.Errorf("the resolve is %+v, want it to resolve at its arrival", last)
			}
		})
	}
	t.Run("never earlier than what is known", func(t *testing.T) {
		source := testbed.NewSource(t, served.client)
		served.knows(t, source)
		ahead := simulator.IssueWebhook("created", simulator.Issue{ID: "42"}, now().Add(4*time.Minute))
		served.post(t, source, ahead)
		resolve := delivery(source, issue("resolved", 2))
		resolve.header.Del(sentry.HeaderTimestamp)
		resolve.send(t, served)
		if got := source.Story(t); got != "1 Resolved High" {
			t.Errorf("got %q: a resolve without a time was older than an alert from a clock ahead of ours", got)
		}
	})
}

func TestAStoppingIntakeFinishesWhatItAccepted(t *testing.T) {
	served := startIntake(t, cluster(t).Config, func(o *webhook.Options) { o.ShutdownDelay = 0 })
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	const posts = 40
	answers := make(chan simulator.Answer, posts)
	for i := range posts {
		go func() {
			posted := simulator.IssueWebhook("created", simulator.Issue{ID: strconv.Itoa(1000 + i)}, at(1))
			answer, _ := source.Sentry(served.url).Post(t.Context(), posted)
			answers <- answer
		}()
	}
	first := <-answers
	served.stop()
	recorded := map[string]bool{}
	for _, incident := range source.Incidents(t) {
		recorded[incident.Namespace+"/"+incident.Name] = true
	}
	for _, answer := range append([]simulator.Answer{first}, drain(answers, posts-1)...) {
		if answer.Status == 200 && !recorded[answer.Incident] {
			t.Errorf("%s was answered 200 and is not recorded", answer.Incident)
		}
	}
}

func drain(answers <-chan simulator.Answer, count int) []simulator.Answer {
	var drained []simulator.Answer
	for range count {
		drained = append(drained, <-answers)
	}
	return drained
}

func TestServingGoesOnForTheShutdownDelay(t *testing.T) {
	served := startIntake(t, cluster(t).Config, func(o *webhook.Options) { o.ShutdownDelay = 3 * time.Second })
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		served.stop()
	}()
	testbed.Eventually(t, "readiness fails", func(context.Context) bool { return served.Server.Ready(nil) != nil })
	response, body := delivery(source, issue("created", 1)).send(t, served)
	if response.status != 200 || !response.closes {
		t.Errorf("answered %d %s, close %t; want 200 and Connection: close", response.status, body, response.closes)
	}
	<-stopped
}
