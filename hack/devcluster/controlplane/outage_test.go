package controlplane

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// hungFor is how long a request must stay without an answer to count as hung.
const hungFor = 500 * time.Millisecond

func TestTheAPIServerHangsAndGoesOn(t *testing.T) {
	clients := clientsFor(t, shared.Config)
	expectAnswer(t, clients)
	if err := shared.Hang(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shared.Resume() })
	expectNoAnswer(t, clients)
	if err := shared.Resume(); err != nil {
		t.Fatal(err)
	}
	expectAnswer(t, clients)
}

func TestTheAPIServerIsKilledAndComesBackWithWhatItKnew(t *testing.T) {
	configMaps := clientsFor(t, shared.Config).CoreV1().ConfigMaps(newNamespace(t))
	before, err := configMaps.Create(t.Context(), configMap("kept"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := shared.KillAPIServer(); err != nil {
		t.Fatal(err)
	}
	if _, err := configMaps.Get(t.Context(), "kept", metav1.GetOptions{}); err == nil {
		t.Error("a dead API server answered")
	}
	if err := shared.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := configMaps.Get(t.Context(), "kept", metav1.GetOptions{})
	if err != nil || after.UID != before.UID {
		t.Errorf("after: %v, %v", after.UID, err)
	}
}

func TestAProxyHangsForItsOwnClientsOnly(t *testing.T) {
	proxy := newProxy(t)
	through, direct := clientsFor(t, proxy.Config()), clientsFor(t, shared.Config)
	expectAnswer(t, through)
	proxy.Hang()
	proxy.Hang()
	expectNoAnswer(t, through)
	expectNoAnswer(t, clientsFor(t, newConnections(proxy.Config())))
	expectAnswer(t, direct)
	proxy.Resume()
	expectAnswer(t, through)
}

func TestARequestThatAProxyHeldBackIsAnsweredLater(t *testing.T) {
	proxy := newProxy(t)
	through := clientsFor(t, proxy.Config())
	expectAnswer(t, through)
	proxy.Hang()
	answered := make(chan error, 1)
	go func() {
		_, err := through.CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{})
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("answered although hung: %v", err)
	case <-time.After(hungFor):
	}
	proxy.Resume()
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func TestAProxyBreaksConnectionsAndTakesNewOnes(t *testing.T) {
	proxy := newProxy(t)
	through := clientsFor(t, proxy.Config())
	watch, err := through.CoreV1().ConfigMaps("default").Watch(t.Context(), metav1.ListOptions{LabelSelector: "no=such"})
	if err != nil {
		t.Fatal(err)
	}
	proxy.Drop()
	for range watch.ResultChan() { // ends with the connection
	}
	eventually(t, "a new connection is answered", func(ctx context.Context) bool { return answers(ctx, through) })
}

func TestAClosedProxyAnswersNobodyEvenIfItHung(t *testing.T) {
	proxy := newProxy(t)
	through := clientsFor(t, proxy.Config())
	expectAnswer(t, through)
	proxy.Hang()
	if err := errors.Join(proxy.Close(), proxy.Close()); err != nil {
		t.Error(err)
	}
	proxy.Resume()
	if answers(t.Context(), through) {
		t.Error("answered")
	}
}

func newProxy(t *testing.T) *Proxy {
	t.Helper()
	proxy, err := shared.Proxy()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	return proxy
}

// newConnections keeps client-go from sharing connections with others of the same Config.
func newConnections(config *rest.Config) *rest.Config {
	config.ServerName = "localhost"
	return config
}

func answers(ctx context.Context, clients *kubernetes.Clientset) bool {
	_, err := clients.CoreV1().Namespaces().Get(ctx, "default", metav1.GetOptions{})
	return err == nil
}

func expectAnswer(t *testing.T, clients *kubernetes.Clientset) {
	t.Helper()
	eventually(t, "the API server answers", func(ctx context.Context) bool { return answers(ctx, clients) })
}

func expectNoAnswer(t *testing.T, clients *kubernetes.Clientset) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hungFor)
	defer cancel()
	if answers(ctx, clients) {
		t.Error("answered")
	}
}
