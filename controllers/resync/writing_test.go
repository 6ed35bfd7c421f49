package resync

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// What counts as the time of a resolve that a responder's clock, which may be ahead, dated.
func TestAResolveIsComparedByWhenItWasMade(t *testing.T) {
	const ago, written, dropped = -time.Minute, v1alpha1.OutcomeWritten, v1alpha1.OutcomeDropped
	for name, c := range map[string]struct {
		// resolved, looked and worsened are relative to now; looked is 0 before the first look at the resolve.
		resolved, looked, worsened time.Duration
		want                       v1alpha1.WriteOutcome
	}{
		"made after it came back":                        {resolved: ago, looked: ago, worsened: 2 * ago, want: written},
		"made before it came back":                       {resolved: 2 * ago, looked: 2 * ago, worsened: ago, want: dropped},
		"dated ahead, and not looked at yet":             {resolved: time.Minute, worsened: ago, want: written},
		"dated ahead, and looked at after it came back":  {resolved: time.Hour, looked: ago, worsened: 2 * ago, want: written},
		"dated ahead, and looked at before it came back": {resolved: time.Hour, looked: 2 * ago, worsened: ago, want: dropped},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 1, 31, 3, 4, 5, 0, time.UTC)
			incident := &v1alpha1.Incident{}
			incident.Spec.AlertKey = v1alpha1.IssueKey("42")
			// Sentry had resolved it before.
			incident.Status.Cycles = []v1alpha1.Cycle{{
				ResolvedBy: v1alpha1.BySentry, ResolvedAt: &metav1.MicroTime{Time: now.Add(-time.Hour)},
			}}
			if c.looked != 0 {
				incident.Status.Cycles = []v1alpha1.Cycle{{ResolvedBy: "alice", ResolvedAt: &metav1.MicroTime{Time: now.Add(c.looked)}}}
			}
			detail := sentry.Detail{Activity: []sentry.Activity{{Type: sentry.ActivityRegression, At: now.Add(c.worsened)}}}
			detail.ID, detail.Status.Value = "42", lifecycle.StatusUnresolved
			view := writeView{incident: incident, latest: incident, detail: detail, now: now}
			writing := lifecycle.Writing{Kind: v1alpha1.WriteResolve, By: "alice", At: metav1.NewTime(now.Add(c.resolved))}
			if outcome, why := view.judge(writing); outcome != c.want {
				t.Errorf("it is %s: %s", outcome, why)
			}
		})
	}
}
