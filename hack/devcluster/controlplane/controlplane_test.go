package controlplane

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestKubectlSeesTheProjectsKinds(t *testing.T) {
	for _, kind := range []string{"alertsources", "incidents"} {
		if output := kubectl(t, "get", kind, "-A"); output != "" {
			t.Errorf("%s: %q", kind, output)
		}
	}
	if output := kubectl(t, "version", "-o", "json"); !strings.Contains(output, `"major": "1"`) {
		t.Errorf("version: %s", output)
	}
}

func TestKubectlsComplaintIsInTheError(t *testing.T) {
	_, err := shared.Kubectl(t.Context(), "get", "unicorns")
	if err == nil || !strings.Contains(err.Error(), "kubectl get") || !strings.Contains(err.Error(), "unicorns") {
		t.Errorf("error: %v", err)
	}
}

func TestWhatBelongsToOthersIsCollected(t *testing.T) {
	configMaps := clientsFor(t, shared.Config).CoreV1().ConfigMaps(newNamespace(t))
	owner, err := configMaps.Create(t.Context(), configMap("owner"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	owned := configMap("owned")
	owned.OwnerReferences = []metav1.OwnerReference{
		{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID},
	}
	if _, err := configMaps.Create(t.Context(), owned, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := configMaps.Delete(t.Context(), owner.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the owned ConfigMap is collected", func(ctx context.Context) bool {
		_, err := configMaps.Get(ctx, owned.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

func TestIncidentsOfADeletedSourceAreCollectedAndNamespacesEnd(t *testing.T) {
	if err := shared.Apply(t.Context(), ownedIncidents); err != nil {
		t.Fatal(err)
	}
	uid := kubectl(t, "get", "alertsource", "payments", "-n", "collected", "-o", "jsonpath={.metadata.uid}")
	kubectl(t, "patch", "incident", "payments-1-1", "-n", "collected", "--type=merge", "-p", `{"metadata":{"ownerReferences":[`+
		`{"apiVersion":"itoc360.io/v1alpha1","kind":"AlertSource","name":"payments","uid":"`+uid+`"}]}}`)
	kubectl(t, "delete", "alertsource", "payments", "-n", "collected")
	kubectl(t, "wait", "--for=delete", "incident/payments-1-1", "-n", "collected", "--timeout=60s")
	kubectl(t, "delete", "namespace", "collected", "--timeout=60s")
}

func TestAServiceAccountMayDoWhatRBACAllowsItAndNoMore(t *testing.T) {
	namespace := newNamespace(t)
	kubectl(t, "create", "-n", namespace, "serviceaccount", "reader")
	kubectl(t, "create", "-n", namespace, "role", "reader", "--verb=list", "--resource=configmaps")
	kubectl(t, "create", "-n", namespace, "rolebinding", "reader", "--role=reader", "--serviceaccount="+namespace+":reader")
	config, err := shared.ServiceAccount(t.Context(), namespace, "reader")
	if err != nil {
		t.Fatal(err)
	}
	reader := clientsFor(t, config).CoreV1()
	if _, err := reader.ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("list ConfigMaps: %v", err)
	}
	_, err = reader.Secrets(namespace).List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "system:serviceaccount:"+namespace+":reader") {
		t.Errorf("list Secrets: %v", err)
	}
	if _, err := shared.ServiceAccount(t.Context(), namespace, "nobody"); !apierrors.IsNotFound(err) {
		t.Errorf("token of a ServiceAccount that is not there: %v", err)
	}
}

func TestAKubeconfigSaysTheSameAsItsConfig(t *testing.T) {
	config, err := shared.ServiceAccount(t.Context(), "default", "default")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := WriteKubeconfig(path, config); err != nil {
		t.Fatal(err)
	}
	got := kubectl(t, "--kubeconfig="+path, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
	if got != "system:serviceaccount:default:default" {
		t.Errorf("user: %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: %v, %v", info.Mode(), err)
	}
}

func TestAStoppedControlPlaneLeavesNothing(t *testing.T) {
	second, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Hang(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(second.Stop(), second.Stop()); err != nil {
		t.Error(err)
	}
	for _, child := range []<-chan struct{}{second.etcd.Done(), second.apiServer.Done()} {
		select {
		case <-child:
		default:
			t.Error("a process is still running")
		}
	}
	if _, err := os.Stat(second.Folder()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder: %v", err)
	}
}

func TestAStartThatIsCancelledLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	if _, err := Start(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error: %v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

const ownedIncidents = `
apiVersion: v1
kind: Namespace
metadata: {name: collected}
---
apiVersion: itoc360.io/v1alpha1
kind: AlertSource
metadata: {name: payments, namespace: collected}
spec: {type: Sentry, sentry: {}}
---
apiVersion: itoc360.io/v1alpha1
kind: Incident
metadata: {name: payments-1-1, namespace: collected}
spec:
  sourceRef: {name: payments}
  alertKey: issue/1
  number: 1
  priority: High
  signalCount: 1
  signals:
  - {time: "2026-01-31T03:04:05.000000Z", receivedAt: "2026-01-31T03:04:05.000000Z", event: Alert, effect: Opened}
`
