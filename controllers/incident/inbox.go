package incident

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// Inbox takes what time alone has brought about. It judges anew, in one line with the webhooks, so what came in between
// wins. It is the intake's.
type Inbox interface {
	// RecordSilence takes that nothing was heard of an alert for its source's autoResolveAfter.
	RecordSilence(ctx context.Context, source types.NamespacedName, key v1alpha1.AlertKey) error
	// RecordAcknowledgementTimeout takes that the acknowledgement which bears that time in the spec is older than the policy's
	// ackTimeout.
	RecordAcknowledgementTimeout(
		ctx context.Context, source types.NamespacedName, key v1alpha1.AlertKey, acknowledged time.Time,
	) error
}
