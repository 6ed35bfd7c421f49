package alertsource

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
)

// finding is what a look at a source's token found. Without a reason, nothing is wrong.
type finding struct {
	reason  string
	message string
	// changed is true if the webhook Secret was written in this look.
	changed bool
}

// facts are all that a source's verdict rests on.
type facts struct {
	token       finding
	problems    []string
	known       bool
	sharedWith  []types.NamespacedName
	first       bool
	hasExternal bool
	// unpaged says why nobody is paged; empty if people are.
	unpaged string
}

// unsettled tells whether it is too early for a verdict: the directory has not read the Secrets yet, or not what was
// just written. A source that is called ready too early would refuse its first deliveries.
func (f facts) unsettled() bool { return f.token.changed || f.token.reason == "" && !f.known }

// verdict is what a source's Ready condition, and with it Reconciling and Stalled, say.
type verdict struct {
	ready   metav1.ConditionStatus
	reason  string
	message string
	// unpaged is the part of the message that says why nobody is paged, if nobody is.
	unpaged string
}

// judge decides whether a source listens. What needs a human comes before what heals by itself.
func judge(source *v1alpha1.AlertSource, f facts) verdict {
	switch {
	case source.DeletionTimestamp != nil:
		return refuse(v1alpha1.ReasonTerminating, "The source is being deleted; nothing is opened any more. "+
			"It stays for ten seconds, until every replica has heard of it")
	case f.token.reason != "" && f.token.reason != v1alpha1.ReasonSecretMissing:
		return refuse(f.token.reason, f.token.message)
	case len(f.problems) > 0:
		return refuse(v1alpha1.ReasonSecretMissing, strings.Join(f.problems, "; "))
	case f.token.reason != "":
		return refuse(f.token.reason, f.token.message)
	case len(f.sharedWith) > 0 && !f.first:
		return refuse(v1alpha1.ReasonTokenShared, fmt.Sprintf(
			"The same token is used by %s, which is older and gets the deliveries; give this source a token of its own",
			names(f.sharedWith)))
	default:
		return accept(source, f)
	}
}

func refuse(reason, message string) verdict {
	return verdict{ready: metav1.ConditionFalse, reason: reason, message: message}
}

// accept is the verdict on a source that listens, with all that its owner should know.
func accept(source *v1alpha1.AlertSource, f facts) verdict {
	v := verdict{ready: metav1.ConditionTrue, reason: v1alpha1.ReasonListening, unpaged: f.unpaged}
	sentences := []string{fmt.Sprintf("Paste the URL in key %s of Secret %s into Sentry",
		v1alpha1.SecretKeyURL, v1alpha1.WebhookSecretName(source.Name))}
	if !f.hasExternal {
		sentences = append(sentences, "Sentry cannot reach that URL, it is the cluster's own: start the operator with --external-url")
	}
	if f.unpaged != "" {
		sentences = append(sentences, f.unpaged)
	}
	if source.Spec.Suspend {
		v.reason = v1alpha1.ReasonSuspended
		sentences = append([]string{"Suspended: webhooks are answered, but nothing is opened or refreshed"}, sentences...)
	}
	if len(f.sharedWith) > 0 {
		v.reason = v1alpha1.ReasonTokenShared
		sentences = append([]string{fmt.Sprintf(
			"The same token is used by %s; this source is the oldest and gets the deliveries", names(f.sharedWith))}, sentences...)
	}
	v.message = strings.Join(sentences, ". ")
	return v
}

// heals tells whether a refused source is expected to become ready without its spec being changed.
func (v verdict) heals() bool { return v.ready != metav1.ConditionTrue && loop.Heals(v.reason) }

// condition is Ready, without times.
func (v verdict) condition() metav1.Condition {
	return metav1.Condition{Type: v1alpha1.ConditionReady, Status: v.ready, Reason: v.reason, Message: v.message}
}

// namesShown bounds how many sources a message names.
const namesShown = 5

func names(sources []types.NamespacedName) string {
	shown := make([]string, 0, namesShown+1)
	for i, source := range sources {
		if i == namesShown {
			shown = append(shown, fmt.Sprintf("%d more", len(sources)-namesShown))
			break
		}
		shown = append(shown, source.String())
	}
	return strings.Join(shown, ", ")
}
