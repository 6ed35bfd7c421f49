package testbed

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// NewAlertSource is a source whose deliveries are signed with the key clientSecret of Secret payments-sentry, changed as
// wanted.
func NewAlertSource(name types.NamespacedName, changes ...func(*v1alpha1.AlertSource)) *v1alpha1.AlertSource {
	source := &v1alpha1.AlertSource{
		ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name},
		Spec: v1alpha1.AlertSourceSpec{
			Type: v1alpha1.SourceTypeSentry,
			Sentry: &v1alpha1.SentrySource{
				ClientSecretRefs: []v1alpha1.SecretKeyReference{{Name: SecretName, Key: "clientSecret"}},
			},
		},
	}
	for _, change := range changes {
		change(source)
	}
	return source
}

// NewIncident is an Incident of a source as the intake creates it, but for its owner: without status.
func NewIncident(source types.NamespacedName, key v1alpha1.AlertKey, number int32, signals ...v1alpha1.Signal) *v1alpha1.Incident {
	return &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: source.Namespace,
			Name:      v1alpha1.IncidentName(source.Name, key, number),
			Labels:    map[string]string{v1alpha1.LabelSource: source.Name, v1alpha1.LabelAlert: key.Label()},
		},
		Spec: v1alpha1.IncidentSpec{
			SourceRef: v1alpha1.SourceReference{Name: source.Name}, AlertKey: key, Number: number,
			Priority: v1alpha1.PriorityHigh, Signals: signals, SignalCount: int64(len(signals)),
		},
	}
}

// SignalAt is a signal of Sentry's some time after Start.
func SignalAt(after time.Duration, event v1alpha1.SignalEvent, effect v1alpha1.SignalEffect) v1alpha1.Signal {
	return v1alpha1.Signal{Time: MicroAt(after), ReceivedAt: MicroAt(after), Event: event, Effect: effect, By: v1alpha1.BySentry}
}
