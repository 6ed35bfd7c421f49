package alertsource

import (
	"context"
	"errors"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// webhookSecret reconciles the Secret <source>-webhook and says what keeps the source from listening, if anything. It
// reads live: the shared cache holds no Secrets.
func (r *Reconciler) webhookSecret(ctx context.Context, source *v1alpha1.AlertSource) (finding, error) {
	name := v1alpha1.WebhookSecretName(source.Name)
	if ref := source.Spec.TokenRef; ref != nil && ref.Name == name {
		return finding{reason: v1alpha1.ReasonTokenInvalid, message: fmt.Sprintf(
			"tokenRef names Secret %s, which the operator keeps itself; name another Secret, or leave tokenRef out", name)}, nil
	}
	secret, err := r.readSecret(ctx, source.Namespace, name)
	if err != nil {
		return finding{}, err
	}
	if obstacle := obstacleTo(secret, source); obstacle.reason != "" {
		return obstacle, nil
	}
	if err := r.mayOwn(ctx, source, secret); err != nil {
		return finding{}, err
	}
	data, problem, err := r.desiredData(ctx, source, secret)
	if err != nil || problem.reason != "" {
		return problem, err
	}
	changed, err := r.writeSecret(ctx, source, secret, data)
	return finding{changed: changed}, err
}

// mayOwn is an error unless a source may own a Secret. One that it does not own may have been orphaned by a deletion that the cache has
// not heard of, and would be collected if it were adopted now; so the source is read live, after the Secret.
func (r *Reconciler) mayOwn(ctx context.Context, source *v1alpha1.AlertSource, secret *corev1.Secret) error {
	if secret != nil && ownershipOf(secret, source) == ownedBySource {
		return nil
	}
	live := &v1alpha1.AlertSource{}
	if err := r.APIReader.Get(ctx, client.ObjectKeyFromObject(source), live); err != nil {
		return fmt.Errorf("get source %s: %w", source.Name, err)
	}
	if live.UID != source.UID || live.DeletionTimestamp != nil {
		resource := v1alpha1.GroupVersion.WithResource("alertsources").GroupResource()
		return apierrors.NewConflict(resource, source.Name, errors.New("it is being deleted, or was made again"))
	}
	return nil
}

// readSecret reads a Secret live, nil if it is not there.
func (r *Reconciler) readSecret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := r.APIReader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get secret %s: %w", name, err)
	}
	return secret, nil
}

// obstacleTo says why a Secret that is there cannot serve the source.
func obstacleTo(secret *corev1.Secret, source *v1alpha1.AlertSource) finding {
	switch {
	case secret == nil:
		return finding{}
	case ownershipOf(secret, source) == ownedByOther:
		return finding{reason: v1alpha1.ReasonSecretForeign, message: fmt.Sprintf(
			"Secret %s is there and does not belong to this source, so it is left alone; delete or rename it, "+
				"or name this source differently", secret.Name)}
	case secret.DeletionTimestamp != nil:
		return finding{reason: v1alpha1.ReasonSecretMissing, message: fmt.Sprintf(
			"Secret %s is being deleted; it is made anew once it is gone", secret.Name)}
	default:
		return finding{}
	}
}

// desiredData is what the webhook Secret should hold, given what it holds now.
func (r *Reconciler) desiredData(
	ctx context.Context, source *v1alpha1.AlertSource, secret *corev1.Secret,
) (map[string][]byte, finding, error) {
	if source.Spec.TokenRef == nil {
		data, problem := ownToken(secret, v1alpha1.WebhookSecretName(source.Name))
		if problem.reason == "" {
			data[v1alpha1.SecretKeyURL] = []byte(v1alpha1.WebhookURL(r.baseURL(), string(data[v1alpha1.SecretKeyToken])))
		}
		return data, problem, nil
	}
	token, problem, err := r.userToken(ctx, source)
	if err != nil || problem.reason != "" {
		return nil, problem, err
	}
	data := dataOf(secret)
	delete(data, v1alpha1.SecretKeyToken)
	delete(data, v1alpha1.SecretKeyPreviousToken)
	data[v1alpha1.SecretKeyURL] = []byte(v1alpha1.WebhookURL(r.baseURL(), token))
	return data, finding{}, nil
}

// ownToken keeps the operator's own token, or makes one. Where only the token was removed, the former one, which the
// URL still tells, goes on being honoured, so that Sentry can be given the new URL without losing a delivery.
func ownToken(secret *corev1.Secret, name string) (map[string][]byte, finding) {
	data := dataOf(secret)
	token := string(data[v1alpha1.SecretKeyToken])
	if token == "" {
		if former := v1alpha1.TokenOf(string(data[v1alpha1.SecretKeyURL])); former != "" {
			data[v1alpha1.SecretKeyPreviousToken] = []byte(former)
		}
		token = newToken()
		data[v1alpha1.SecretKeyToken] = []byte(token)
	}
	if !v1alpha1.IsUsableToken(token) {
		return nil, invalidToken(name, v1alpha1.SecretKeyToken, "; remove that key, and the operator makes a token")
	}
	return data, finding{}
}

// userToken is the token of a source that brings its own.
func (r *Reconciler) userToken(ctx context.Context, source *v1alpha1.AlertSource) (string, finding, error) {
	ref := *source.Spec.TokenRef
	secret, err := r.readSecret(ctx, source.Namespace, ref.Name)
	if err != nil {
		return "", finding{}, err
	}
	if secret == nil {
		return "", finding{reason: v1alpha1.ReasonSecretMissing, message: fmt.Sprintf(
			"Secret %s, which tokenRef names, is not there", ref.Name)}, nil
	}
	token := string(secret.Data[ref.Key])
	switch {
	case token == "":
		return "", finding{reason: v1alpha1.ReasonSecretMissing, message: fmt.Sprintf(
			"Secret %s has no key %s, which tokenRef names", ref.Name, ref.Key)}, nil
	case !v1alpha1.IsUsableToken(token):
		return "", invalidToken(ref.Name, ref.Key, ""), nil
	default:
		return token, finding{}, nil
	}
}

func invalidToken(secret, key, remedy string) finding {
	return finding{reason: v1alpha1.ReasonTokenInvalid, message: fmt.Sprintf(
		"The token in key %s of Secret %s must be at least %d letters, digits and -._~, without a line break at its end%s",
		key, secret, v1alpha1.MinTokenLength, remedy)}
}

// dataOf is a copy of a Secret's data, never nil.
func dataOf(secret *corev1.Secret) map[string][]byte {
	data := map[string][]byte{}
	if secret != nil {
		maps.Copy(data, secret.Data)
	}
	return data
}

// writeSecret creates or patches the webhook Secret, if need be. The lock on its resourceVersion lets somebody else's
// change, and the garbage collector, come first.
func (r *Reconciler) writeSecret(
	ctx context.Context, source *v1alpha1.AlertSource, secret *corev1.Secret, data map[string][]byte,
) (changed bool, err error) {
	name := v1alpha1.WebhookSecretName(source.Name)
	if secret == nil {
		secret = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: source.Namespace, Name: name}, Data: data}
		own(secret, source)
		if err := r.Client.Create(ctx, secret); err != nil {
			return false, fmt.Errorf("create secret %s: %w", name, err)
		}
		return true, nil
	}
	before := secret.DeepCopy()
	secret.Data = data
	own(secret, source)
	if equality.Semantic.DeepEqual(before, secret) {
		return false, nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, secret, patch); err != nil {
		return false, fmt.Errorf("patch secret %s: %w", name, err)
	}
	return true, nil
}
