package controllers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// fieldOwner applies the controller's part of a source's status; the intake of each replica applies its own.
const fieldOwner = client.FieldOwner("itoc360-operator")

// sourceStatus is the controller's part of a source's status.
type sourceStatus struct {
	observedGeneration int64
	conditions         []metav1.Condition
	webhookSecret      string
	openIncidents      int32
}

// writeStatus applies the controller's part of the status, if it differs from what is there. The resourceVersion makes
// it a conflict if the intake spoke meanwhile, so that the intake's word is never overwritten unseen.
func (r *AlertSourceReconciler) writeStatus(ctx context.Context, source *v1alpha1.AlertSource, judged verdict, open int32) error {
	want := sourceStatus{
		observedGeneration: source.Generation,
		conditions:         append(judged.conditions(), signatureCondition(source)...),
		webhookSecret:      v1alpha1.WebhookSecretName(source.Name),
		openIncidents:      open,
	}
	if judged.reason == v1alpha1.ReasonSecretForeign {
		want.webhookSecret = ""
	}
	stamp(want.conditions, source, r.Clock.Now())
	if want.isIn(&source.Status) {
		return nil
	}
	applied := client.ApplyConfigurationFromUnstructured(want.applyTo(source))
	if err := r.Client.Status().Apply(ctx, applied, fieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("apply status: %w", err)
	}
	return nil
}

// signatureCondition is SignatureVerified as long as it is the controller's to say: before the first delivery, and
// where there is no client secret. Afterwards it is the intake's; what is left out here is left to it.
func signatureCondition(source *v1alpha1.AlertSource) []metav1.Condition {
	if source.Spec.Sentry == nil || len(source.Spec.Sentry.ClientSecretRefs) == 0 {
		return []metav1.Condition{{
			Type: v1alpha1.ConditionSignatureVerified, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonNoClientSecret,
			Message: "The token alone authorizes: name the integration's Client Secret in spec.sentry.clientSecretRefs " +
				"to verify signatures",
		}}
	}
	switch conditionOf(source.Status.Conditions, v1alpha1.ConditionSignatureVerified).Reason {
	case "", v1alpha1.ReasonNoClientSecret, v1alpha1.ReasonNoDelivery:
		return []metav1.Condition{{
			Type: v1alpha1.ConditionSignatureVerified, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonNoDelivery,
			Message: "No delivery was seen yet",
		}}
	default:
		return nil
	}
}

// stamp completes conditions with the generation they speak of and the time since when they hold.
func stamp(conditions []metav1.Condition, source *v1alpha1.AlertSource, now time.Time) {
	for i := range conditions {
		condition := &conditions[i]
		condition.ObservedGeneration = source.Generation
		condition.LastTransitionTime = metav1.NewTime(now).Rfc3339Copy()
		if was := conditionOf(source.Status.Conditions, condition.Type); was.Status == condition.Status {
			condition.LastTransitionTime = was.LastTransitionTime
		}
	}
}

// isIn tells whether a status says all of this already, and none of what it no longer says.
func (s sourceStatus) isIn(status *v1alpha1.AlertSourceStatus) bool {
	if status.ObservedGeneration != s.observedGeneration || status.WebhookSecret != s.webhookSecret ||
		status.OpenIncidents == nil || *status.OpenIncidents != s.openIncidents {
		return false
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		if conditionOf(s.conditions, kind).Type == "" && conditionOf(status.Conditions, kind).Type != "" {
			return false
		}
	}
	return !slices.ContainsFunc(s.conditions, func(c metav1.Condition) bool {
		return !equality.Semantic.DeepEqual(conditionOf(status.Conditions, c.Type), c)
	})
}

// applyTo is the object to apply: exactly the fields that are the controller's.
func (s sourceStatus) applyTo(source *v1alpha1.AlertSource) *unstructured.Unstructured {
	conditions := make([]any, 0, len(s.conditions))
	for _, condition := range s.conditions {
		conditions = append(conditions, map[string]any{
			"type":               condition.Type,
			"status":             string(condition.Status),
			"observedGeneration": condition.ObservedGeneration,
			"lastTransitionTime": condition.LastTransitionTime.UTC().Format(time.RFC3339),
			"reason":             condition.Reason,
			"message":            condition.Message,
		})
	}
	status := map[string]any{
		"observedGeneration": s.observedGeneration,
		"conditions":         conditions,
		"openIncidents":      int64(s.openIncidents),
	}
	if s.webhookSecret != "" {
		status["webhookSecret"] = s.webhookSecret
	}
	object := &unstructured.Unstructured{Object: map[string]any{"status": status}}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.KindAlertSource))
	object.SetNamespace(source.Namespace)
	object.SetName(source.Name)
	object.SetUID(source.UID)
	object.SetResourceVersion(source.ResourceVersion)
	return object
}

// conditionOf is the condition of a type, zero if there is none.
func conditionOf(conditions []metav1.Condition, kind string) metav1.Condition {
	if condition := meta.FindStatusCondition(conditions, kind); condition != nil {
		return *condition
	}
	return metav1.Condition{}
}
