package channel

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/notify"
)

// Target makes the target of a channel, of the Secrets in its own namespace, which are read live. A failure says what is
// missing or wrong there.
func Target(
	ctx context.Context, live client.Reader, office *notify.Office, channel *v1alpha1.NotificationChannel,
) (notify.Target, *lifecycle.Failure, error) {
	values := map[v1alpha1.SecretKeyReference]string{}
	for _, ref := range notify.Secrets(channel.Spec) {
		secret := &corev1.Secret{}
		err := live.Get(ctx, client.ObjectKey{Namespace: channel.Namespace, Name: ref.Name}, secret)
		switch value, has := secret.Data[ref.Key]; {
		case apierrors.IsNotFound(err):
			return nil, broken(v1alpha1.ReasonSecretMissing, fmt.Sprintf("Secret %s is not there", ref.Name)), nil
		case err != nil:
			return nil, nil, fmt.Errorf("get secret %s: %w", ref.Name, err)
		case !has:
			return nil, broken(v1alpha1.ReasonSecretMissing, fmt.Sprintf("Secret %s has no key %s", ref.Name, ref.Key)), nil
		default:
			values[ref] = string(value)
		}
	}
	target, err := office.Target(channel.Spec, values)
	var invalid *notify.InvalidError
	if errors.As(err, &invalid) {
		return nil, broken(invalid.Reason, invalid.Message), nil
	}
	return target, nil, err
}

func broken(reason, message string) *lifecycle.Failure {
	return &lifecycle.Failure{Class: lifecycle.FailureUnauthorized, Reason: reason, Message: bounded(message, maxError)}
}

// maxError bounds what the ledger says of a failure; names of Secrets can be long.
const maxError = 256

// bounded is a text of at most so many characters.
func bounded(text string, most int) string {
	letters := []rune(text)
	return string(letters[:min(len(letters), most)])
}
