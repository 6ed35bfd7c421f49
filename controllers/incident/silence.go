package incident

import (
	"context"

	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// SilenceRecorder takes the news that nothing was heard of an alert for its source's autoResolveAfter. It judges anew,
// in one line with the webhooks, so what came in between wins. It is the intake's inbox.
type SilenceRecorder interface {
	RecordSilence(ctx context.Context, source types.NamespacedName, key v1alpha1.AlertKey) error
}
