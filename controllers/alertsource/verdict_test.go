package alertsource

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

func TestWhatNeedsAHumanComesBeforeWhatHealsByItself(t *testing.T) {
	foreign := finding{reason: v1alpha1.ReasonSecretForeign, message: "foreign"}
	missing := finding{reason: v1alpha1.ReasonSecretMissing, message: "missing"}
	others := []types.NamespacedName{{Namespace: "team-b", Name: "ledger"}}
	source := &v1alpha1.AlertSource{}
	going := &v1alpha1.AlertSource{}
	going.DeletionTimestamp = &metav1.Time{}
	for name, c := range map[string]struct {
		source *v1alpha1.AlertSource
		facts  facts
		reason string
	}{
		"a deletion comes before all":        {going, facts{token: foreign}, v1alpha1.ReasonTerminating},
		"a foreign Secret before a missing":  {source, facts{token: foreign, problems: []string{"gone"}}, v1alpha1.ReasonSecretForeign},
		"a missing Secret before a shared":   {source, facts{token: missing, sharedWith: others}, v1alpha1.ReasonSecretMissing},
		"the directory's word on what lacks": {source, facts{token: missing, problems: []string{"gone"}}, v1alpha1.ReasonSecretMissing},
		"a shared token before listening":    {source, facts{sharedWith: others}, v1alpha1.ReasonTokenShared},
		"nothing wrong":                      {source, facts{first: true}, v1alpha1.ReasonListening},
	} {
		t.Run(name, func(t *testing.T) {
			if got := judge(c.source, c.facts); got.reason != c.reason {
				t.Errorf("the verdict is %s, want %s", got.reason, c.reason)
			}
		})
	}
}

func TestAMessageNamesAFewSourcesAndCountsTheRest(t *testing.T) {
	var sources []types.NamespacedName
	for i := range 12 {
		sources = append(sources, types.NamespacedName{Namespace: "team", Name: fmt.Sprintf("source-%d", i)})
	}
	if got := names(sources); !strings.HasPrefix(got, "team/source-0, ") || !strings.HasSuffix(got, "team/source-4, 7 more") {
		t.Errorf("the sources are named %q", got)
	}
}

func TestInANamespaceThatIsGoingNothingIsMade(t *testing.T) {
	test := newSourceTest(t)
	testbed.Must(t, control.Client(t).Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: test.key.Namespace}}))
	if result := test.look(); result != (ctrl.Result{}) {
		t.Errorf("gives %+v", result)
	}
}
