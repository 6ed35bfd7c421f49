package resync

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestWhetherWebhooksArriveFollowsFromWhatWasMissedAndTold(t *testing.T) {
	at := time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC)
	pass := func(missed, told int32) v1alpha1.ResyncPass {
		return v1alpha1.ResyncPass{MissedOpenings: missed / 2, MissedResolves: missed - missed/2, Told: told}
	}
	was := func(status metav1.ConditionStatus) metav1.Condition {
		return metav1.Condition{Status: status, Reason: "Was", Message: "as it was", LastTransitionTime: metav1.NewTime(at)}
	}
	for name, c := range map[string]struct {
		evidence evidence
		want     metav1.ConditionStatus
		words    string
	}{
		"one pass": {evidence{passes: []v1alpha1.ResyncPass{pass(0, 5)}, lastSignal: at}, "Unknown", "Two passes"},
		"nothing heard, nothing missed": {
			evidence{passes: []v1alpha1.ResyncPass{pass(0, 0), pass(0, 0)}}, "Unknown", "none was missed",
		},
		"heard, nothing missed": {
			evidence{passes: []v1alpha1.ResyncPass{pass(0, 0), pass(0, 0)}, lastSignal: at}, "True", "arrive",
		},
		"two missed": {
			evidence{passes: []v1alpha1.ResyncPass{pass(1, 0), pass(1, 0)}, was: was("True"), lastSignal: at}, "True", "as it was",
		},
		"three missed, three told": {
			evidence{passes: []v1alpha1.ResyncPass{pass(1, 2), pass(2, 1)}, was: was("True"), lastSignal: at}, "True", "as it was",
		},
		"three missed, two told": {
			evidence{passes: []v1alpha1.ResyncPass{pass(1, 2), pass(2, 0)}, lastSignal: at}, "False", "Of 5 changes in the last 2 passes 3",
		},
		"nothing missed since, and nothing heard": {
			evidence{passes: []v1alpha1.ResyncPass{pass(0, 0), pass(0, 0)}, was: was("False"), lastSignal: at.Add(-time.Second)},
			"False", "as it was",
		},
		"nothing missed since, and heard": {
			evidence{passes: []v1alpha1.ResyncPass{pass(0, 0), pass(0, 0)}, was: was("False"), lastSignal: at}, "True", "arrive",
		},
	} {
		if got := delivering(c.evidence); got.Status != c.want || !strings.Contains(got.Message, c.words) {
			t.Errorf("%s: %s: %s", name, got.Status, got.Message)
		}
	}
}

func TestTheLikelyCauseIsWhatTheIntakeSaw(t *testing.T) {
	at := time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC)
	for want, e := range map[string]evidence{
		"wrong signature":          {refused: 2, strangers: 1, lastSignal: at},
		"that is no source's":      {strangers: 1, ignored: []string{"ledger"}, lastSignal: at},
		"other projects":           {ignored: []string{"ledger"}, lastSignal: at},
		"No webhook ever came":     {},
		"came at 2026-01-31T03:00": {lastSignal: at},
	} {
		if got := e.cause(); !strings.Contains(got, want) {
			t.Errorf("%q is said, not %q", got, want)
		}
	}
}
