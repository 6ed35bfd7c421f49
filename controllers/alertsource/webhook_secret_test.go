package alertsource

import (
	"context"
	"encoding/base64"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

const ownTokenOfUser = "a-token-of-the-users-own_1.2~3"

func withTokenRef(name, key string) func(*v1alpha1.AlertSource) {
	return func(source *v1alpha1.AlertSource) {
		source.Spec.TokenRef = &v1alpha1.SecretKeyReference{Name: name, Key: key}
	}
}

// expectData fails the test unless the webhook Secret has exactly these keys, and a URL of this base and token.
func (t *sourceTest) expectData(base, token string, keys ...string) {
	t.Helper()
	data := t.secret().Data
	if len(data) != len(keys) {
		t.Errorf("the Secret has %d keys, want %q", len(data), keys)
	}
	for _, key := range keys {
		if len(data[key]) == 0 {
			t.Errorf("the Secret has no key %s", key)
		}
	}
	if got, want := string(data["url"]), base+"/functions/v1/events?token="+token; got != want {
		t.Errorf("url is %s, want %s", got, want)
	}
}

func (t *sourceTest) token() string { return string(t.secret().Data["token"]) }

func TestTheOperatorMakesAnOwnedSecretWithARandomToken(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	secret := test.secret()
	owner := metav1.GetControllerOf(secret)
	if owner == nil || owner.UID != test.source().UID || owner.Kind != "AlertSource" || owner.BlockOwnerDeletion != nil {
		t.Errorf("the Secret's owner is %+v", owner)
	}
	if secret.Labels["itoc360.io/source"] != "payments" || secret.Labels["app.kubernetes.io/managed-by"] != "itoc360-operator" {
		t.Errorf("the Secret's labels are %v", secret.Labels)
	}
	random, err := base64.RawURLEncoding.DecodeString(test.token())
	if err != nil || len(random) != 32 {
		t.Errorf("the token has %d random bytes (%v), want 32", len(random), err)
	}
	test.expectData("https://alerts.example.com", test.token(), "token", "url")
}

func TestTheURLFollowsTheFlag(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	token := test.token()
	test.reconciler.ExternalURL = "https://hooks.example.org/sentry"
	test.reconcile()
	test.expectData("https://hooks.example.org/sentry", token, "token", "url")
	test.reconciler.ExternalURL = ""
	test.reconcile()
	test.expectData("http://intake.itoc360-system.svc", token, "token", "url")
}

func TestADeletedSecretIsMadeAnewWithANewToken(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	former := test.token()
	testbed.Must(t, control.Client(t).Delete(t.Context(), test.secret()))
	test.reconcile()
	if test.token() == former {
		t.Error("the token is the former one")
	}
	test.expectData("https://alerts.example.com", test.token(), "token", "url")
}

func TestARemovedTokenIsReplacedAndTheFormerKept(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	for range 2 {
		former := test.token()
		test.updateSecret(func(secret *corev1.Secret) { delete(secret.Data, "token") })
		test.reconcile()
		if token := test.token(); token == former || token == "" {
			t.Errorf("the token was not replaced")
		}
		if got := string(test.secret().Data["previousToken"]); got != former {
			t.Errorf("previousToken is not the former token")
		}
		test.expectData("https://alerts.example.com", test.token(), "token", "previousToken", "url")
	}
}

func TestARemovedURLAndLabelAreHealed(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	token := test.token()
	test.updateSecret(func(secret *corev1.Secret) {
		delete(secret.Data, "url")
		secret.Labels = nil
	})
	test.reconcile()
	test.expectData("https://alerts.example.com", token, "token", "url")
	if test.secret().Labels["itoc360.io/source"] != "payments" {
		t.Error("the label was not healed")
	}
}

func TestAForeignSecretIsNeverTouched(t *testing.T) {
	foreign := map[string]func(*corev1.Secret){
		"nobody's": nil,
		"of another kind's object": func(secret *corev1.Secret) {
			secret.OwnerReferences = []metav1.OwnerReference{{
				APIVersion: "v1", Kind: "ConfigMap", Name: "payments", UID: "1", Controller: ptr.To(true),
			}}
		},
		"of another source": func(secret *corev1.Secret) {
			secret.OwnerReferences = []metav1.OwnerReference{{
				APIVersion: "itoc360.io/v1alpha1", Kind: "AlertSource", Name: "ledger", UID: "1", Controller: ptr.To(true),
			}}
		},
	}
	for name, change := range foreign {
		t.Run(name, func(t *testing.T) {
			test := newSourceTest(t)
			test.createSecret("payments-webhook", map[string]string{"password": "hands off"}, change)
			before := test.secret()
			test.reconcile()
			test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonSecretForeign, v1alpha1.ConditionStalled)
			testbed.ExpectEvents(t, test.recorder, "Warning SecretForeign Secret payments-webhook")
			if test.secret().ResourceVersion != before.ResourceVersion {
				t.Error("the foreign Secret was written")
			}
			if named := test.source().Status.WebhookSecret; named != "" {
				t.Errorf("status.webhookSecret names the foreign Secret %s", named)
			}
			testbed.Must(t, control.Client(t).Delete(t.Context(), before))
			test.reconcile()
			test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
		})
	}
}

func TestTheSecretOfAnEarlierSourceIsAdoptedWithItsToken(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	token := test.token()
	// There is no garbage collector here, so the Secret outlives its source, as it may for a moment elsewhere.
	test.deleteSource()
	test.createSource()
	test.reconcile()
	if owner := metav1.GetControllerOf(test.secret()); owner == nil || owner.UID != test.source().UID {
		t.Errorf("the Secret's owner is %+v", owner)
	}
	if len(test.secret().OwnerReferences) != 1 || test.token() != token {
		t.Error("the earlier owner is still there, or the token is gone")
	}
	test.updateSecret(func(secret *corev1.Secret) { secret.OwnerReferences = nil })
	test.reconcile()
	if metav1.GetControllerOf(test.secret()) == nil || test.token() != token {
		t.Error("the orphaned Secret was not adopted")
	}
}

func TestASecretThatIsGoingIsWaitedFor(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	token := test.token()
	test.updateSecret(func(secret *corev1.Secret) { secret.Finalizers = []string{"example.com/wait"} })
	testbed.Must(t, control.Client(t).Delete(t.Context(), test.secret()))
	test.reconcile()
	test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonSecretMissing, v1alpha1.ConditionReconciling)
	test.updateSecret(func(secret *corev1.Secret) { secret.Finalizers = nil })
	test.reconcile()
	test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
	if test.token() == token {
		t.Error("the token is that of the deleted Secret")
	}
}

func TestASourceWithItsOwnTokenGetsItsURL(t *testing.T) {
	test := newSourceTest(t, withTokenRef("my-token", "sentry"))
	test.createSecret("my-token", map[string]string{"sentry": ownTokenOfUser}, nil)
	test.reconcile()
	test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
	test.expectData("https://alerts.example.com", ownTokenOfUser, "url")
}

func TestAReferencedTokenMayComeLater(t *testing.T) {
	test := newSourceTest(t, withTokenRef("my-token", "sentry"))
	test.reconcile()
	test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonSecretMissing, v1alpha1.ConditionReconciling)
	test.expectMessage("Secret my-token, which tokenRef names, is not there")
	testbed.ExpectEvents(t, test.recorder, "Warning SecretMissing")
	test.createSecret("my-token", map[string]string{"other": ownTokenOfUser}, nil)
	test.reconcile()
	test.expectMessage("Secret my-token has no key sentry")
	gone := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: test.key.Namespace, Name: "my-token"}}
	testbed.Must(t, control.Client(t).Delete(t.Context(), gone))
	test.createSecret("my-token", map[string]string{"sentry": ownTokenOfUser}, nil)
	test.reconcile()
	test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
}

func TestAnInvalidTokenStallsTheSource(t *testing.T) {
	for name, token := range map[string]string{
		"shorter than 16 characters":             "fifteen-letters",
		"with a line break at its end":           ownTokenOfUser + "\n",
		"with a character that a URL would bend": "sixteen characters&more",
	} {
		t.Run(name, func(t *testing.T) {
			test := newSourceTest(t, withTokenRef("my-token", "sentry"))
			test.createSecret("my-token", map[string]string{"sentry": token}, nil)
			test.reconcile()
			test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonTokenInvalid, v1alpha1.ConditionStalled)
			testbed.ExpectEvents(t, test.recorder, "Warning TokenInvalid The token in key sentry of Secret my-token")
		})
	}
	t.Run("in the operator's own Secret", func(t *testing.T) {
		test := newSourceTest(t)
		test.reconcile()
		former := test.token()
		test.updateSecret(func(secret *corev1.Secret) { secret.Data["token"] = []byte("short") })
		test.reconcile()
		test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonTokenInvalid, v1alpha1.ConditionStalled)
		test.expectMessage("remove that key")
		test.updateSecret(func(secret *corev1.Secret) { delete(secret.Data, "token") })
		test.reconcile()
		test.expectReady(metav1.ConditionTrue, v1alpha1.ReasonListening, "")
		if got := string(test.secret().Data["previousToken"]); got != former {
			t.Error("the last valid token is not honoured any more")
		}
	})
}

func TestATokenRefMayNotNameTheOperatorsOwnSecret(t *testing.T) {
	test := newSourceTest(t, withTokenRef("payments-webhook", "token"))
	test.reconcile()
	test.expectReady(metav1.ConditionFalse, v1alpha1.ReasonTokenInvalid, v1alpha1.ConditionStalled)
	test.expectMessage("leave tokenRef out")
}

func TestASourceMayChangeBetweenItsOwnTokenAndTheOperators(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	test.createSecret("my-token", map[string]string{"sentry": ownTokenOfUser}, nil)
	test.updateSource(withTokenRef("my-token", "sentry"))
	test.reconcile()
	test.expectData("https://alerts.example.com", ownTokenOfUser, "url")
	test.updateSource(func(source *v1alpha1.AlertSource) { source.Spec.TokenRef = nil })
	test.reconcile()
	test.expectData("https://alerts.example.com", test.token(), "token", "previousToken", "url")
	if got := string(test.secret().Data["previousToken"]); got != ownTokenOfUser {
		t.Error("the user's token is not honoured any more")
	}
}

// The cache has not heard of the deletion when the garbage collector has orphaned the Secret already.
func TestAnOrphanedSecretIsNotAdoptedByASourceThatIsGoing(t *testing.T) {
	test := newSourceTest(t)
	test.reconcile()
	stale := test.source()
	testbed.Must(t, control.Client(t).Delete(t.Context(), test.source(), client.PropagationPolicy(metav1.DeletePropagationOrphan)))
	test.updateSecret(func(secret *corev1.Secret) { secret.OwnerReferences = nil })
	test.reconciler.Client = interceptor.NewClient(control.Client(t), interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
			if source, ok := object.(*v1alpha1.AlertSource); ok {
				stale.DeepCopyInto(source)
				return nil
			}
			return c.Get(ctx, key, object)
		},
	})
	if result := test.look(); result.RequeueAfter != loop.Soon {
		t.Errorf("a source whose deletion is not heard of yet gives %+v", result)
	}
	if owners := test.secret().OwnerReferences; len(owners) > 0 {
		t.Errorf("the Secret is owned by %v", owners)
	}
}
