package alertsource

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
)

// fieldOwner applies the controller's part of a source's status, which is all but what the intakes and resync report.
const fieldOwner = client.FieldOwner("itoc360-operator")

// writeStatus applies the controller's part of the status, if it differs from what is there. The resourceVersion makes
// it a conflict if the source has changed since it was judged.
func (r *Reconciler) writeStatus(ctx context.Context, source *v1alpha1.AlertSource, judged verdict, open int32) error {
	now := r.Clock.Now()
	reported := concludeReports(source, now)
	loop.Stamp(&reported.signature, source.Status.Conditions, source.Generation, now)
	loop.Stamp(&reported.recording, source.Status.Conditions, source.Generation, now)
	conditions := loop.Conditions(source.Status.Conditions, judged.condition(), source.Generation, now)
	want := v1alpha1.AlertSourceStatus{
		ObservedGeneration: source.Generation,
		Conditions:         append(conditions, reported.signature, reported.recording),
		WebhookSecret:      v1alpha1.WebhookSecretName(source.Name),
		OpenIncidents:      &open,
		LastSignalTime:     reported.lastSignalTime,
		IgnoredProjects:    reported.ignoredProjects,
	}
	if judged.reason == v1alpha1.ReasonSecretForeign {
		want.WebhookSecret = ""
	}
	if isStatus(source.Status, want) {
		return nil
	}
	object, err := source.StatusToApply(want)
	if err != nil {
		return err
	}
	object.SetResourceVersion(source.ResourceVersion)
	applied := client.ApplyConfigurationFromUnstructured(object)
	if err := r.Client.Status().Apply(ctx, applied, fieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("apply status: %w", err)
	}
	eventRecording(r.Recorder, source, loop.ConditionOf(source.Status.Conditions, v1alpha1.ConditionRecording), reported.recording)
	return nil
}

// isStatus tells whether a status says, apart from what intakes and resync report, exactly this. The order of conditions is no
// matter.
func isStatus(is, want v1alpha1.AlertSourceStatus) bool {
	byType := func(a, b metav1.Condition) int { return cmp.Compare(a.Type, b.Type) }
	is.Conditions = slices.DeleteFunc(slices.SortedFunc(slices.Values(is.Conditions), byType), v1alpha1.IsResyncCondition)
	want.Conditions = slices.SortedFunc(slices.Values(want.Conditions), byType)
	is.Intake, is.Resync = nil, nil
	return equality.Semantic.DeepEqual(is, want)
}
