package sources

import (
	"crypto/sha256"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// Source is an AlertSource with what its Secrets hold. It is never changed once it is published.
type Source struct {
	// Object is the AlertSource as the cache holds it; it must not be changed.
	Object *v1alpha1.AlertSource
	// Name is its namespace and name.
	Name types.NamespacedName

	tokens        []digest
	clientSecrets [][]byte
	// unreadable is true while one of the client secrets is not known.
	unreadable bool
	// unread is true until each of the Secrets was read once.
	unread bool
	// problems are sentences about Secrets and keys that are missing.
	problems []string
	// secrets names the versions of all Secrets that went into this.
	secrets string
}

// Verify reports whether the signature of a body is made with one of the source's client secrets.
func (s *Source) Verify(body []byte, signature string) bool {
	return sentry.Verify(body, signature, s.clientSecrets...)
}

// IsUnreadable tells whether one of the client secrets is not known: then a mismatch proves nothing.
func (s *Source) IsUnreadable() bool { return s.unreadable }

// digest stands for a token. A digest looked up in a map tells an attacker by its timing nothing of the token.
type digest [sha256.Size]byte

func digestOf(token []byte) digest { return sha256.Sum256(token) }

// ReadSecret gives a Secret as far as it is known: nil and no error if there is none.
type ReadSecret func(name types.NamespacedName) (*corev1.Secret, error)

// Gather reads a source's Secrets.
func Gather(object *v1alpha1.AlertSource, read ReadSecret) *Source {
	source := &Source{Object: object, Name: types.NamespacedName{Namespace: object.Namespace, Name: object.Name}}
	if object.Spec.TokenRef != nil {
		if token, ok := source.value(*object.Spec.TokenRef, read); ok && v1alpha1.IsUsableToken(string(token)) {
			source.tokens = []digest{digestOf(token)}
		}
	} else {
		source.gatherWebhookSecret(read)
	}
	if object.Spec.Sentry == nil {
		return source
	}
	for _, ref := range object.Spec.Sentry.ClientSecretRefs {
		secret, ok := source.value(ref, read)
		if ok {
			source.clientSecrets = append(source.clientSecrets, secret)
		}
		source.unreadable = source.unreadable || !ok
	}
	return source
}

// gatherWebhookSecret reads the tokens that the operator made. That they are not there yet is no problem to tell of:
// the operator makes them.
func (s *Source) gatherWebhookSecret(read ReadSecret) {
	name := types.NamespacedName{Namespace: s.Name.Namespace, Name: v1alpha1.WebhookSecretName(s.Name.Name)}
	secret, err := read(name)
	s.note(name, secret, err)
	if err != nil || secret == nil || !isWebhookSecretOf(secret, s.Object) {
		return
	}
	for _, token := range []string{
		string(secret.Data[v1alpha1.SecretKeyToken]),
		string(secret.Data[v1alpha1.SecretKeyPreviousToken]),
		// It holds while the key token is removed and not yet made anew.
		v1alpha1.TokenOf(string(secret.Data[v1alpha1.SecretKeyURL])),
	} {
		if one := digestOf([]byte(token)); v1alpha1.IsUsableToken(token) && !slices.Contains(s.tokens, one) {
			s.tokens = append(s.tokens, one)
		}
	}
}

// isWebhookSecretOf tells whether the operator made a Secret for a source of this name.
func isWebhookSecretOf(secret *corev1.Secret, source *v1alpha1.AlertSource) bool {
	owner := metav1.GetControllerOf(secret)
	return owner != nil && v1alpha1.IsSourceNamed(*owner, source.Name)
}

// value is what a key of a Secret holds; where it holds nothing, that becomes one of the source's problems.
func (s *Source) value(ref v1alpha1.SecretKeyReference, read ReadSecret) ([]byte, bool) {
	name := types.NamespacedName{Namespace: s.Name.Namespace, Name: ref.Name}
	secret, err := read(name)
	s.note(name, secret, err)
	switch {
	case isUnread(err):
		return nil, false
	case err != nil:
		s.problem("Secret %s cannot be read: %v", ref.Name, err)
		return nil, false
	case secret == nil:
		s.problem("Secret %s is missing; it should hold the key %s", ref.Name, ref.Key)
		return nil, false
	}
	value, ok := secret.Data[ref.Key]
	switch {
	case !ok:
		s.problem("Secret %s lacks the key %s", ref.Name, ref.Key)
	case len(value) == 0:
		s.problem("key %s of Secret %s is empty", ref.Key, ref.Name)
	}
	return value, len(value) > 0
}

func (s *Source) problem(format string, args ...any) {
	if problem := fmt.Sprintf(format, args...); !slices.Contains(s.problems, problem) {
		s.problems = append(s.problems, problem)
	}
}

func (s *Source) note(name types.NamespacedName, secret *corev1.Secret, err error) {
	version := "none"
	switch {
	case isUnread(err):
		s.unread = true
		version = "unread"
	case err != nil:
		version = "error"
	case secret != nil:
		version = secret.ResourceVersion
	}
	s.secrets += name.Name + "=" + version + " "
}

// secretNames are the Secrets that a source needs, each once.
func secretNames(object *v1alpha1.AlertSource) []types.NamespacedName {
	names := []string{v1alpha1.WebhookSecretName(object.Name)}
	if object.Spec.TokenRef != nil {
		names = append(names, object.Spec.TokenRef.Name)
	}
	if object.Spec.Sentry != nil {
		for _, ref := range object.Spec.Sentry.ClientSecretRefs {
			names = append(names, ref.Name)
		}
	}
	slices.Sort(names)
	var unique []types.NamespacedName
	for _, name := range slices.Compact(names) {
		unique = append(unique, types.NamespacedName{Namespace: object.Namespace, Name: name})
	}
	return unique
}
