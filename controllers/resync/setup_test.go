package resync

import (
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

func listing(projects ...string) func(*v1alpha1.AlertSource) {
	return func(source *v1alpha1.AlertSource) { source.Spec.Sentry.Projects = projects }
}

func TestOneBadSlugOfThreeIsNamedAndTheOthersGoOn(t *testing.T) {
	w := newWorld(t, listing("checkout", "gone", "ledger"))
	other, foreign := w.sentry.AddProject("ledger"), w.sentry.AddProject("foreign")
	w.pass()
	w.pass()
	mine, theirs := w.create(1)[0], w.sentry.Create(other, simulator.Issue{})
	unwanted := w.sentry.Create(foreign, simulator.Issue{})
	w.lose()
	w.pass()
	w.expectPages(mine, 1)
	w.expectPages(theirs, 1)
	w.expectStory(unwanted, "")
	w.expectCondition(v1alpha1.ConditionInSync, metav1.ConditionFalse, v1alpha1.ReasonProjectUnreachable, "gone", "others are in sync")
	if strings.Contains(w.condition(v1alpha1.ConditionInSync).Message, "ledger") {
		t.Errorf("a good one is named: %s", w.condition(v1alpha1.ConditionInSync).Message)
	}
	w.sentry.Resolve(theirs)
	w.lose()
	w.pass()
	w.expectStory(theirs, "Resolved")
	w.sentry.RenameProject(w.sentry.AddProject("new"), "gone")
	w.pass()
	w.expectCondition(v1alpha1.ConditionInSync, metav1.ConditionTrue, v1alpha1.ReasonInSync)
}

func TestSlugsThatAreRefusedBecomeIds(t *testing.T) {
	w := newWorld(t, listing("checkout", "ledger"))
	w.sentry.Have(simulator.QuirkNumericProjects, true)
	other, foreign := w.sentry.AddProject("ledger"), w.sentry.AddProject("foreign")
	w.pass()
	w.pass()
	mine, theirs := w.create(1)[0], w.sentry.Create(other, simulator.Issue{})
	unwanted := w.sentry.Create(foreign, simulator.Issue{})
	w.lose()
	for range 2 {
		w.pass()
		w.expectPages(mine, 1)
		w.expectPages(theirs, 1)
		w.expectStory(unwanted, "")
		w.expectCondition(v1alpha1.ConditionInSync, metav1.ConditionTrue, v1alpha1.ReasonInSync)
	}
	// Once the ids are known, only these are asked for.
	w.sentry.SetFault(func(_ http.ResponseWriter, r *http.Request) bool {
		if query := r.URL.Query(); query.Get("query") != "" && !strings.Contains(r.URL.RawQuery, "project="+w.project) {
			t.Errorf("asked for projects %s", query["project"])
		}
		return false
	})
	w.pass()
}

func TestAMembersTokenSeesOneProjectOfTwo(t *testing.T) {
	w := newWorld(t)
	other := w.sentry.AddProject("ledger")
	w.sentry.LeaveProject(other)
	w.pass()
	w.pass()
	mine, theirs := w.create(1)[0], w.sentry.Create(other, simulator.Issue{})
	w.lose()
	w.pass()
	w.expectPages(mine, 1)
	w.expectPages(theirs, 1)
	// One that it does not even see is no reason to resolve what webhooks told of it.
	hidden := w.sentry.AddProject("hidden")
	w.sentry.HideProject(hidden, true)
	unseen := w.sentry.Create(hidden, simulator.Issue{})
	w.deliver()
	for range 3 {
		w.clock.Move(24 * time.Hour)
		w.pass()
	}
	w.expectStory(unseen, "Open")
}

func TestWhatIsWrongWithTheSetUpIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(w *world)
		reason string
		words  string
	}{
		"a token that is none": {
			func(w *world) { w.sentry.Token = "sntryi_other" }, v1alpha1.ReasonAuthTokenInvalid, "does not know the token",
		},
		"a token that may not read": {
			func(w *world) { w.sentry.Scopes = []string{"org:read"} }, v1alpha1.ReasonScopeMissing, "event:read",
		},
		"another organization": {func(w *world) { w.sentry.Slug = "other" }, v1alpha1.ReasonOrganizationUnreachable, "acme"},
		"an API that is away":  {func(w *world) { w.sentry.SetFault(away) }, v1alpha1.ReasonSentryUnavailable, "502"},
		"a proxy that wants a login": {
			func(w *world) { w.sentry.Have(simulator.QuirkForeignRedirect, true) }, v1alpha1.ReasonSentryUnavailable, "redirected",
		},
		"a project, and it is not there": {func(w *world) { w.change(listing("gone")) }, v1alpha1.ReasonProjectUnreachable, "gone"},
		"projects of a lost organization": {func(w *world) {
			w.change(listing("gone"))
			w.sentry.Slug = "other"
		}, v1alpha1.ReasonOrganizationUnreachable, "acme"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.pass()
			c.breaks(w)
			_ = w.tryPass()
			w.expectCondition(v1alpha1.ConditionInSync, metav1.ConditionFalse, c.reason, c.words)
			if message := w.condition(v1alpha1.ConditionInSync).Message; strings.Contains(message, authToken) {
				t.Errorf("it tells the token: %s", message)
			}
			if told := strings.Join(testbed.Recorded(w.recorder), "\n"); !strings.Contains(told, "Warning "+c.reason) {
				t.Errorf("no Event tells of it: %s", told)
			}
		})
	}
}

func away(w http.ResponseWriter, _ *http.Request) bool {
	http.Error(w, "upstream", http.StatusBadGateway)
	return true
}

// reconcile lets the controller look at the source.
func (w *world) reconcile() ctrl.Result {
	w.Helper()
	w.mirror.Forget()
	result, err := w.resync.Reconcile(w.Context(), ctrl.Request{NamespacedName: w.source.Name})
	testbed.Must(w.TB, err)
	return result
}

func TestWhatTheSourceRefersToIsReadAndSaidWhereItIsWrong(t *testing.T) {
	secret := func(values map[string]string) func(w *world) {
		return func(w *world) {
			kept := &corev1.Secret{}
			name := client.ObjectKey{Namespace: w.source.Name.Namespace, Name: testbed.SecretName}
			testbed.Must(t, control.Client(t).Get(t.Context(), name, kept))
			kept.StringData = values
			testbed.Must(t, control.Client(t).Update(t.Context(), kept))
		}
	}
	withCA := func(w *world) {
		w.source.Update(t, func(source *v1alpha1.AlertSource) {
			source.Spec.Sentry.CARef = &v1alpha1.SecretKeyReference{Name: testbed.SecretName, Key: "ca"}
		})
	}
	for name, c := range map[string]struct {
		breaks func(w *world)
		reason string
		words  string
	}{
		"an organization token": {
			secret(map[string]string{"authToken": "sntrys_abc"}), v1alpha1.ReasonAuthTokenInvalid, "internal integration (sntryi_",
		},
		"an empty key":          {secret(map[string]string{"authToken": " \n"}), v1alpha1.ReasonSecretMissing, "key authToken"},
		"a key that is missing": {withCA, v1alpha1.ReasonSecretMissing, "key ca"},
		"no certificates": {func(w *world) {
			secret(map[string]string{"ca": "none"})(w)
			withCA(w)
		}, v1alpha1.ReasonCertificateInvalid, "PEM"},
		"no Secret": {func(w *world) {
			w.source.Update(t, func(source *v1alpha1.AlertSource) { source.Spec.Sentry.AuthTokenRef.Name = "elsewhere" })
		}, v1alpha1.ReasonSecretMissing, "elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.breaks(w)
			if result := w.reconcile(); result.RequeueAfter != secretsHealing {
				t.Errorf("it looks again in %s", result.RequeueAfter)
			}
			w.expectCondition(v1alpha1.ConditionInSync, metav1.ConditionFalse, c.reason, c.words)
			if w.resync.feedOf(w.source.Name) != nil {
				t.Error("the feed goes on")
			}
		})
	}
}

func TestASourceWithoutATokenSaysSo(t *testing.T) {
	w := newWorld(t)
	w.pass()
	w.source.Update(t, func(source *v1alpha1.AlertSource) { source.Spec.Sentry.AuthTokenRef = nil })
	w.reconcile()
	for _, kind := range []string{v1alpha1.ConditionInSync, v1alpha1.ConditionDelivering} {
		w.expectCondition(kind, metav1.ConditionUnknown, v1alpha1.ReasonNoToken, "authTokenRef")
	}
	if status := w.source.Get(t).Status.Resync; status != nil {
		t.Errorf("it remembers %+v", status)
	}
	if w.resync.feedOf(w.source.Name) != nil {
		t.Error("the feed goes on")
	}
}

func TestAFeedIsMadeAnewForAnotherToken(t *testing.T) {
	w := newWorld(t)
	w.reconcile()
	first := w.resync.feedOf(w.source.Name)
	w.reconcile()
	if w.resync.feedOf(w.source.Name) != first {
		t.Error("it is made anew for nothing")
	}
	w.sentry.Slug = "acme-2"
	w.source.Update(t, func(source *v1alpha1.AlertSource) { source.Spec.Sentry.Organization = "acme-2" })
	w.reconcile()
	if second := w.resync.feedOf(w.source.Name); second == nil || second == first {
		t.Error("it is not made anew for another organization")
	}
	testbed.Must(t, control.Client(t).Delete(t.Context(), w.source.Get(t)))
	w.reconcile()
	if w.resync.feedOf(w.source.Name) != nil {
		t.Error("it goes on without its source")
	}
	w.resync.end()
	w.resync.group.Wait()
}

// lostFeed lets changes happen of which no webhook comes, and makes a pass.
func (w *world) lostPass(changes int) []string {
	w.Helper()
	w.clock.Move(time.Minute)
	ids := w.create(changes)
	w.lose()
	w.pass()
	return ids
}

func TestWebhooksThatDoNotArriveAreNoticed(t *testing.T) {
	w := newWorld(t, func(source *v1alpha1.AlertSource) { source.Spec.Sentry.NotifyWhenNotDelivering = true })
	w.pass()
	w.expectCondition(v1alpha1.ConditionDelivering, metav1.ConditionUnknown, v1alpha1.ReasonTooEarly)
	w.create(1)
	w.deliver()
	w.pass()
	w.expectCondition(v1alpha1.ConditionDelivering, metav1.ConditionTrue, v1alpha1.ReasonDelivering)
	w.lostPass(3)
	w.expectCondition(v1alpha1.ConditionDelivering, metav1.ConditionTrue, v1alpha1.ReasonDelivering)
	w.pass()
	w.expectCondition(v1alpha1.ConditionDelivering, metav1.ConditionFalse, v1alpha1.ReasonWebhooksMissing,
		"3 came without a webhook", "last webhook came at")
	alarm := func() (states []string) {
		for _, one := range w.source.Incidents(t) {
			if one.Spec.AlertKey == v1alpha1.DeliveringKey {
				states = append(states, one.Name+" "+map[bool]string{true: "open", false: "over"}[isOpen(&one, w.clock.Now())])
			}
		}
		return states
	}
	w.conclude()
	if got := alarm(); len(got) != 1 || got[0] != "payments-delivering-1 open" || len(w.paged[v1alpha1.DeliveringKey]) != 1 {
		t.Errorf("the alarm is %s, paged %d", got, len(w.paged[v1alpha1.DeliveringKey]))
	}
	w.pass()
	if got := alarm(); len(got) != 1 {
		t.Errorf("the alarm is %s", got)
	}
	for range 3 {
		w.create(2)
		w.deliver()
		w.pass()
	}
	w.expectCondition(v1alpha1.ConditionDelivering, metav1.ConditionTrue, v1alpha1.ReasonDelivering)
	if got := alarm(); len(got) != 1 || got[0] != "payments-delivering-1 over" {
		t.Errorf("the alarm is %s", got)
	}
}

func TestTheAlarmThatSomebodyResolvedStaysSilentUntilWebhooksArriveAgain(t *testing.T) {
	w := newWorld(t, func(source *v1alpha1.AlertSource) { source.Spec.Sentry.NotifyWhenNotDelivering = true })
	w.pass()
	w.lostPass(5)
	w.pass()
	w.expectCondition(v1alpha1.ConditionDelivering, metav1.ConditionFalse, v1alpha1.ReasonWebhooksMissing, "No webhook ever came")
	w.clock.Move(time.Minute)
	w.respondTo(v1alpha1.DeliveringKey, resolveByHand)
	for range 3 {
		w.lostPass(4)
	}
	w.expectCondition(v1alpha1.ConditionDelivering, metav1.ConditionFalse, v1alpha1.ReasonWebhooksMissing)
	if pages := len(w.paged[v1alpha1.DeliveringKey]); pages != 1 {
		t.Errorf("it paged %d times", pages)
	}
}

func TestWebhooksThatComeLateAreNoMisses(t *testing.T) {
	w := newWorld(t)
	w.pass()
	w.pass()
	for range 3 {
		w.clock.Move(time.Minute)
		ids := w.create(4)
		late := w.outbox.Take()
		w.pass()
		w.clock.Move(time.Minute)
		for _, webhook := range late {
			w.post(webhook)
		}
		for _, id := range ids {
			w.sentry.Resolve(id)
		}
		late = w.outbox.Take()
		w.pass()
		for _, webhook := range late {
			w.post(webhook)
		}
	}
	w.pass()
	w.expectCondition(v1alpha1.ConditionDelivering, metav1.ConditionTrue, v1alpha1.ReasonDelivering)
	for _, pass := range w.source.Get(t).Status.Resync.Passes {
		if pass.MissedOpenings+pass.MissedResolves > 0 {
			t.Errorf("something was missed: %+v", pass)
		}
	}
}
