package alertsource

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gomodules.xyz/jsonpatch/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/controllers/loop"
	"github.com/itoc360/itoc360-operator/internal/edit"
)

// reported is what the intakes of all replicas know of a source, taken together.
type reported struct {
	lastSignalTime  *metav1.Time
	ignoredProjects []string
	signature       metav1.Condition
	recording       metav1.Condition
}

// concludeReports takes together what the replicas reported. What was concluded from reports that are gone stands, but for
// ignored projects and the number of refusals, which are of the last hour.
func concludeReports(source *v1alpha1.AlertSource, now time.Time) reported {
	concluded := reported{
		lastSignalTime: source.Status.LastSignalTime, signature: signatureCondition(source), recording: recordingCondition(source, now),
	}
	for _, report := range source.Status.Intake {
		concluded.lastSignalTime = later(concluded.lastSignalTime, report.LastSignalTime)
		for _, project := range report.IgnoredProjects {
			if !source.LetsPass(project) && !slices.Contains(concluded.ignoredProjects, project) {
				concluded.ignoredProjects = append(concluded.ignoredProjects, project)
			}
		}
	}
	slices.Sort(concluded.ignoredProjects)
	concluded.ignoredProjects = concluded.ignoredProjects[:min(len(concluded.ignoredProjects), v1alpha1.MaxIgnoredProjects)]
	return concluded
}

func later(a, b *metav1.Time) *metav1.Time {
	if a == nil || b != nil && b.After(a.Time) {
		return b
	}
	return a
}

// The forms of SignatureVerified.
var (
	noClientSecret = metav1.Condition{
		Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonNoClientSecret,
		Message: "The token alone authorizes: name the integration's Client Secret in spec.sentry.clientSecretRefs " +
			"to verify signatures",
	}
	noDelivery = metav1.Condition{
		Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonNoDelivery, Message: "No delivery was seen yet",
	}
	lastSignatures = map[v1alpha1.SignatureResult]metav1.Condition{
		v1alpha1.SignatureVerified: {
			Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonVerified, Message: "The last delivery's signature matched",
		},
		v1alpha1.SignatureRefused: {
			Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonSignatureMismatch,
			Message: "The last delivery with the source's token was refused: its signature matches no client secret; " +
				"compare them with the Client Secret of the integration in Sentry",
		},
		v1alpha1.SignatureUnreadable: {
			Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonClientSecretUnreadable,
			Message: "The last delivery could not be verified: a client secret cannot be read; see the condition Ready",
		},
	}
)

// signatureCondition is SignatureVerified: what the last delivery to any replica showed. While none reports a signature,
// it is what the last report showed, if there ever was one.
func signatureCondition(source *v1alpha1.AlertSource) metav1.Condition {
	condition := noDelivery
	last, refused := signatures(source.Status.Intake)
	switch {
	case !source.HasClientSecrets():
		condition = noClientSecret
	case last != "":
		condition = lastSignatures[last]
	default:
		was := loop.ConditionOf(source.Status.Conditions, v1alpha1.ConditionSignatureVerified)
		for _, earlier := range lastSignatures {
			if earlier.Reason == was.Reason {
				condition = earlier
			}
		}
	}
	if refused > 0 && condition.Reason != v1alpha1.ReasonNoClientSecret {
		condition.Message += fmt.Sprintf(". Refused in the last hour: %d", refused)
	}
	condition.Type = v1alpha1.ConditionSignatureVerified
	return condition
}

// recordingCondition is Recording: False while a replica says that it cannot record signals of the source. Of several, the one that has
// said so for the longest time is named.
func recordingCondition(source *v1alpha1.AlertSource, now time.Time) metav1.Condition {
	condition := metav1.Condition{
		Type: v1alpha1.ConditionRecording, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonRecording,
		Message: "What arrives is recorded",
	}
	var since time.Time
	for _, report := range source.Status.Intake {
		problem := report.NotRecording
		isPast := now.Sub(report.ReportedAt.Time) > v1alpha1.ProblemMemory
		if problem == nil || isPast || !since.IsZero() && !problem.Since.Time.Before(since) {
			continue
		}
		since = problem.Since.Time
		condition.Status, condition.Reason = metav1.ConditionFalse, problem.Reason
		condition.Message = fmt.Sprintf("Since %s replica %s cannot record signals, and tries again: %s", since.UTC().Format(time.RFC3339),
			report.Replica, problem.Message)
		if remedy := remedies[problem.Reason]; remedy != "" {
			condition.Message += ". " + remedy
		}
	}
	return condition
}

// remedies say what to do about a problem with recording.
var remedies = map[string]string{
	v1alpha1.ReasonForbidden: "Raise the quota of the namespace, or apply the operator's ClusterRole and bindings anew",
	v1alpha1.ReasonInvalid:   "See that the CRDs are those of the operator's version",
	v1alpha1.ReasonNameTaken: "Delete or rename the object that has the Incident's name",
}

// signatures are what became of the last signature, and how many were refused. Of two in the same second, the worse
// counts.
func signatures(reports []v1alpha1.IntakeReport) (last v1alpha1.SignatureResult, refused int32) {
	var at time.Time
	for _, report := range reports {
		refused += report.Refused
		if report.LastSignature == "" || report.LastSignatureTime == nil || report.LastSignatureTime.Time.Before(at) {
			continue
		}
		if report.LastSignatureTime.After(at) || last == v1alpha1.SignatureVerified {
			last, at = report.LastSignature, report.LastSignatureTime.Time
		}
	}
	return last, refused
}

// dropReports removes the reports that are an hour old: their replica is gone, or has had nothing to tell since.
func (r *Reconciler) dropReports(ctx context.Context, source *v1alpha1.AlertSource) error {
	var operations []jsonpatch.Operation
	// From the last to the first: a removal moves those behind it.
	for i, report := range slices.Backward(source.Status.Intake) {
		if r.Clock.Since(report.ReportedAt.Time) < v1alpha1.IntakeMemory {
			continue
		}
		path := fmt.Sprintf("/status/intake/%d", i)
		// Not the whole entry: it may have fields that this version does not know.
		operations = append(operations,
			edit.Test(path+"/replica", report.Replica), edit.Test(path+"/reportedAt", report.ReportedAt), edit.Remove(path))
	}
	if len(operations) == 0 {
		return nil
	}
	patch, err := edit.Encode(operations)
	if err != nil {
		return err
	}
	err = r.Client.Status().Patch(ctx, source.DeepCopy(), client.RawPatch(types.JSONPatchType, patch), fieldOwner)
	switch {
	case edit.IsFailedTest(err):
		// A replica reported anew; the next look is soon.
		return nil
	case err != nil:
		return fmt.Errorf("drop reports: %w", err)
	}
	return nil
}
