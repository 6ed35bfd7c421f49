package resync

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// missesAllowed is how many changes of the last three passes may have come without a webhook.
const missesAllowed = 3

// evidence is what Delivering rests on.
type evidence struct {
	// was is the condition as it is.
	was metav1.Condition
	// passes are the last full ones, the newest last.
	passes []v1alpha1.ResyncPass
	// lastSignal is when a webhook was last recorded; zero: never.
	lastSignal time.Time
	// refused is how many deliveries of the last hour bore a wrong signature, strangers how many an unknown token.
	refused, strangers int
	// ignored are projects that the allow-list turned away.
	ignored []string
}

// delivering is Delivering, without times. It is False when three changes of the last three passes came without a webhook, if fewer
// than half of all such changes were told by one, and True after a pass without one that was missed, and a webhook that was heard.
func delivering(e evidence) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionDelivering, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonTooEarly}
	if len(e.passes) < 2 {
		condition.Message = "Two passes over Sentry's issues have to end before it can be told whether webhooks arrive"
		return condition
	}
	var missed, told int32
	for _, pass := range e.passes {
		missed += pass.MissedOpenings + pass.MissedResolves
		told += pass.Told
	}
	last := e.passes[len(e.passes)-1]
	hasHeard := !e.lastSignal.IsZero()
	if e.was.Status == metav1.ConditionFalse {
		hasHeard = !e.lastSignal.Before(e.was.LastTransitionTime.Time)
	}
	switch {
	case missed >= missesAllowed && told < missed:
		condition.Status, condition.Reason = metav1.ConditionFalse, v1alpha1.ReasonWebhooksMissing
		condition.Message = fmt.Sprintf("Of %d changes in the last %d passes %d came without a webhook, found by Sentry's API. %s",
			missed+told, len(e.passes), missed, e.cause())
	case last.MissedOpenings+last.MissedResolves == 0 && hasHeard:
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonDelivering
		condition.Message = "Sentry's webhooks arrive"
	case e.was.Status == metav1.ConditionTrue || e.was.Status == metav1.ConditionFalse:
		condition.Status, condition.Reason, condition.Message = e.was.Status, e.was.Reason, e.was.Message
	default:
		condition.Message = "No webhook of this source was heard yet, and none was missed"
	}
	return condition
}

// cause is the likely one of webhooks that did not come, by what the intake saw.
func (e evidence) cause() string {
	switch {
	case e.refused > 0:
		return fmt.Sprintf("Deliveries with a wrong signature came in the last hour (%d): compare clientSecretRefs with the Client "+
			"Secret of the integration", e.refused)
	case e.strangers > 0:
		return fmt.Sprintf("Requests with a token that is no source's came in the last hour (%d): compare the Webhook URL of the "+
			"integration with the key url of the webhook Secret", e.strangers)
	case len(e.ignored) > 0:
		return "Webhooks of other projects arrive: " + strings.Join(e.ignored, ", ")
	case e.lastSignal.IsZero():
		return "No webhook ever came: see that the integration's Webhook URL is that of the webhook Secret, that Sentry reaches it, and " +
			"that the webhook issue is ticked"
	default:
		return "The last webhook came at " + e.lastSignal.UTC().Format(time.RFC3339) + ": see that the integration is still active, that " +
			"the webhook issue is ticked, and that Sentry reaches the URL"
	}
}
