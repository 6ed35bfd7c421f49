// Package testbed gives tests a source with its Secret in a namespace of its own, posts to it as Sentry does, and reads
// back what became of it.
package testbed

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// Patience is how long a test waits for what must happen. It bounds a failure, it measures nothing.
const Patience = 60 * time.Second

// Names inside each namespace of the testbed.
const (
	SourceName = "payments"
	SecretName = "payments-sentry"
)

// Source is an AlertSource with a token and a client secret, in a namespace of its own.
type Source struct {
	// Name is its namespace and name.
	Name types.NamespacedName
	// Token authorizes, ClientSecret signs.
	Token, ClientSecret string
	// Client reads and writes as an administrator, without a cache.
	Client client.Client
}

// Scheme knows Kubernetes' own kinds and this project's.
func Scheme(t testing.TB) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	Must(t, clientgoscheme.AddToScheme(scheme))
	Must(t, v1alpha1.AddToScheme(scheme))
	return scheme
}

// NewClient makes a client without a cache.
func NewClient(t testing.TB, config *rest.Config) client.WithWatch {
	t.Helper()
	made, err := client.NewWithWatch(config, client.Options{Scheme: Scheme(t)})
	Must(t, err)
	return made
}

// Must ends the test if there is an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Namespace makes a namespace with a name of its own.
func Namespace(t testing.TB, c client.Client) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "team-"}}
	Must(t, c.Create(t.Context(), namespace))
	return namespace.Name
}

// NewSource makes a source with its Secret, changed as wanted before it is created.
func NewSource(t testing.TB, c client.Client, changes ...func(*v1alpha1.AlertSource)) *Source {
	t.Helper()
	source := &Source{
		Name:         types.NamespacedName{Namespace: Namespace(t, c), Name: SourceName},
		Token:        random(),
		ClientSecret: random(),
		Client:       c,
	}
	Must(t, c.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: source.Name.Namespace, Name: SecretName},
		StringData: map[string]string{"token": source.Token, "clientSecret": source.ClientSecret},
	}))
	source.Create(t, changes...)
	return source
}

// Create makes the AlertSource, for the first time or anew.
func (s *Source) Create(t testing.TB, changes ...func(*v1alpha1.AlertSource)) {
	t.Helper()
	Must(t, s.TryCreate(t.Context(), changes...))
}

// TryCreate makes the AlertSource, if there is none of the name.
func (s *Source) TryCreate(ctx context.Context, changes ...func(*v1alpha1.AlertSource)) error {
	withToken := func(source *v1alpha1.AlertSource) {
		source.Spec.TokenRef = &v1alpha1.SecretKeyReference{Name: SecretName, Key: "token"}
	}
	return s.Client.Create(ctx, NewAlertSource(s.Name, append([]func(*v1alpha1.AlertSource){withToken}, changes...)...))
}

// Update changes the AlertSource.
func (s *Source) Update(t testing.TB, change func(*v1alpha1.AlertSource)) {
	t.Helper()
	object := s.Get(t)
	before := object.DeepCopy()
	change(object)
	Must(t, s.Client.Patch(t.Context(), object, client.MergeFrom(before)))
}

// Get reads the AlertSource.
func (s *Source) Get(t testing.TB) *v1alpha1.AlertSource {
	t.Helper()
	object := &v1alpha1.AlertSource{}
	Must(t, s.Client.Get(t.Context(), s.Name, object))
	return object
}

// Sentry plays the integration that posts to an intake.
func (s *Source) Sentry(intake string) simulator.Client {
	return simulator.Client{
		URL:    intake + v1alpha1.IntakePath + "?token=" + s.Token,
		Secret: s.ClientSecret,
		HTTP:   &http.Client{Timeout: Patience},
	}
}

// Incidents reads all Incidents of the namespace, sorted by alert key and number.
func (s *Source) Incidents(t testing.TB) []v1alpha1.Incident {
	t.Helper()
	var list v1alpha1.IncidentList
	Must(t, s.Client.List(t.Context(), &list, client.InNamespace(s.Name.Namespace)))
	slices.SortFunc(list.Items, func(a, b v1alpha1.Incident) int {
		return cmp.Or(cmp.Compare(a.Spec.AlertKey, b.Spec.AlertKey), cmp.Compare(a.Spec.Number, b.Spec.Number))
	})
	return list.Items
}

// Story is the state and priority of each Incident, by number: "1 Resolved High, 2 Open High". It is concluded from
// spec, so that it waits for no controller.
func (s *Source) Story(t testing.TB) string {
	t.Helper()
	var told []string
	incidents := s.Incidents(t)
	for i := range incidents {
		spec := &incidents[i].Spec
		status, _ := lifecycle.Fold(spec, time.Now())
		told = append(told, fmt.Sprintf("%d %s %s", spec.Number, status.State, spec.Priority))
	}
	return strings.Join(told, ", ")
}

// Eventually waits until a condition holds, and ends the test if that takes too long.
func Eventually(t testing.TB, what string, holds func(ctx context.Context) bool) {
	t.Helper()
	eventually(t, what, Patience, 10*time.Millisecond, holds)
}

// EventuallyWithin waits for what takes its time, and is costly to ask for.
func EventuallyWithin(t testing.TB, patience time.Duration, what string, holds func(ctx context.Context) bool) {
	t.Helper()
	eventually(t, what, patience, time.Second, holds)
}

func eventually(t testing.TB, what string, patience, pause time.Duration, holds func(ctx context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for !holds(ctx) {
		select {
		case <-ctx.Done():
			t.Fatalf("gave up waiting: %s", what)
		case <-ticker.C:
		}
	}
}

func random() string {
	bytes := make([]byte, 32)
	// Read never fails, as its documentation says.
	_, _ = rand.Read(bytes)
	return hex.EncodeToString(bytes)
}
