package webhook_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// ownToken makes a source leave its token to the operator.
func ownToken(s *v1alpha1.AlertSource) { s.Spec.TokenRef = nil }

// webhookSecret makes the Secret that the operator would make for a source.
func webhookSecret(t *testing.T, source *testbed.Source, owner types.UID, data map[string]string) {
	t.Helper()
	isController := true
	testbed.Must(t, source.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: source.Name.Namespace,
			Name:      v1alpha1.WebhookSecretName(source.Name.Name),
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion.String(), Kind: "AlertSource", Name: string(owner), UID: owner, Controller: &isController,
			}},
		},
		StringData: data,
	}))
}

func (i *intake) problems(source *testbed.Source) string {
	problems, known := i.Directory.Problems(source.Name)
	if !known {
		return "not known"
	}
	return strings.Join(problems, "; ")
}

func TestTheDirectorySaysWhatIsMissing(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	client := func(name, key string) func(*v1alpha1.AlertSource) {
		return func(s *v1alpha1.AlertSource) {
			s.Spec.Sentry.ClientSecretRefs = []v1alpha1.SecretKeyReference{{Name: name, Key: key}}
		}
	}
	for name, test := range map[string]struct {
		change func(*v1alpha1.AlertSource)
		want   string
	}{
		"nothing":          {func(*v1alpha1.AlertSource) {}, ""},
		"a Secret":         {client("absent", "clientSecret"), "Secret absent is missing; it should hold the key clientSecret"},
		"a key":            {client(testbed.SecretName, "absent"), "Secret payments-sentry lacks the key absent"},
		"what a key holds": {client(testbed.SecretName, "empty"), "key empty of Secret payments-sentry is empty"},
		"the key of the token": {
			func(s *v1alpha1.AlertSource) { s.Spec.TokenRef.Key = "absent" },
			"Secret payments-sentry lacks the key absent",
		},
	} {
		t.Run(name, func(t *testing.T) {
			source := testbed.NewSource(t, served.client, test.change)
			setSecretTo(t, source, "empty", []byte{})
			testbed.Eventually(t, "the directory says "+test.want, func(context.Context) bool {
				return served.problems(source) == test.want
			})
		})
	}
}

func TestASecretThatAppearsLaterHealsItsSource(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client, func(s *v1alpha1.AlertSource) {
		s.Spec.Sentry.ClientSecretRefs = []v1alpha1.SecretKeyReference{{Name: "later", Key: "clientSecret"}}
	})
	testbed.Eventually(t, "the Secret is missed", func(context.Context) bool {
		return strings.Contains(served.problems(source), "missing")
	})
	changes := served.Directory.Subscribe(t.Context())
	testbed.Must(t, served.client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: source.Name.Namespace, Name: "later"},
		StringData: map[string]string{"clientSecret": source.ClientSecret},
	}))
	testbed.Eventually(t, "the Secret is missed no longer", func(context.Context) bool { return served.problems(source) == "" })
	testbed.Eventually(t, "subscribers are told", func(ctx context.Context) bool {
		select {
		case change := <-changes:
			return change.Object.Namespace == source.Name.Namespace
		case <-ctx.Done():
			return false
		}
	})
	if answer := served.post(t, source, issue("created", 1)); answer.Status != 200 {
		t.Errorf("answered %d: %s", answer.Status, answer.Body)
	}
}

func TestWhichTokensAreHonoured(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	token := func(letter string) string { return strings.Repeat(letter, 43) }
	handedOut := "https://alerts.example.com" + v1alpha1.IntakePath + "?token="
	for name, test := range map[string]struct {
		owner    types.UID
		data     map[string]string
		honoured []string
		refused  []string
	}{
		"the token, and the one before": {
			testbed.SourceName,
			map[string]string{"token": token("a"), "previousToken": token("b"), "url": handedOut + token("a")},
			[]string{token("a"), token("b")},
			[]string{token("c")},
		},
		"the token in the URL while the key is removed": {
			testbed.SourceName, map[string]string{"url": handedOut + token("d")}, []string{token("d")}, nil,
		},
		"none that is too short": {
			testbed.SourceName,
			map[string]string{"token": token("e"), "previousToken": "fifteen-letters"},
			[]string{token("e")},
			[]string{"fifteen-letters"},
		},
		"none that a URL cannot carry": {
			testbed.SourceName,
			map[string]string{"token": token("f"), "previousToken": token("g") + "\n"},
			[]string{token("f")},
			[]string{token("g")},
		},
		"none of somebody else's Secret": {"another", map[string]string{"token": token("h")}, nil, []string{token("h")}},
	} {
		t.Run(name, func(t *testing.T) {
			source := testbed.NewSource(t, served.client, ownToken)
			webhookSecret(t, source, test.owner, test.data)
			marker := slices.Concat(test.honoured, []string{""})[0]
			testbed.Eventually(t, "the Secret is read", func(context.Context) bool {
				known := served.Directory.ByName(source.Name)
				_, isRead := served.Directory.Problems(source.Name)
				return known != nil && isRead && (marker == "" || served.Directory.ByToken(marker) != nil)
			})
			for _, honoured := range test.honoured {
				if found := served.Directory.ByToken(honoured); found == nil || found.Name != source.Name {
					t.Errorf("%s is not honoured", honoured)
				}
			}
			for _, refused := range test.refused {
				if served.Directory.ByToken(refused) != nil {
					t.Errorf("%s is honoured", refused)
				}
			}
		})
	}
}

func TestATokenIsUnknownOnceItsSourceIsDeleted(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	testbed.Must(t, served.client.Delete(t.Context(), source.Get(t)))
	testbed.Eventually(t, "the token is unknown", func(context.Context) bool { return served.Directory.ByToken(source.Token) == nil })
}

func TestAFreshReplicaIsReadyOnceItKnowsEachSource(t *testing.T) {
	first := startIntake(t, cluster(t).Config)
	var sources []*testbed.Source
	for range 40 {
		sources = append(sources, testbed.NewSource(t, first.client))
	}
	served := startIntake(t, cluster(t).Config)
	for _, source := range sources {
		if served.Directory.ByToken(source.Token) == nil {
			t.Errorf("ready without the token of %s", source.Name)
		}
	}
}

// A ServiceAccount that may read everything but Secrets: the source is told, and the replica is not held up.
func TestASecretThatMayNotBeReadIsAProblemAndNoHang(t *testing.T) {
	control := cluster(t)
	c := testbed.NewClient(t, control.Config)
	source := testbed.NewSource(t, c)
	testbed.Must(t, control.Apply(t.Context(), fmt.Sprintf(withoutSecrets, source.Name.Namespace)))
	limited, err := control.ServiceAccount(t.Context(), source.Name.Namespace, "limited")
	testbed.Must(t, err)
	served := startIntake(t, limited)
	testbed.Eventually(t, "the directory says that it may not read", func(context.Context) bool {
		return strings.Contains(served.problems(source), "Secret payments-sentry cannot be read: ")
	})
}

const withoutSecrets = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: limited, namespace: %[1]s}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: without-secrets}
rules:
- {apiGroups: [itoc360.io], resources: ["*"], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: without-secrets}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: without-secrets}
subjects: [{kind: ServiceAccount, name: limited, namespace: %[1]s}]
`
