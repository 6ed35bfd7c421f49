package v1alpha1_test

import (
	"math"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// The longest that the CRDs allow.
var (
	longestSource = strings.Repeat("a", 40)
	longestID     = strings.Repeat("9", 33)
)

func TestAnIncidentIsNamedForItsSourceItsAlertAndItsNumber(t *testing.T) {
	for name, got := range map[string]string{
		"payments-1170820242-1":  v1alpha1.IncidentName("payments", v1alpha1.IssueKey("1170820242"), 1),
		"payments-1170820242-20": v1alpha1.IncidentName("payments", v1alpha1.IssueKey("1170820242"), 20),
		"payments-m1234-2":       v1alpha1.IncidentName("payments", v1alpha1.MetricKey("1234"), 2),
		"payments-2-1170820-1":   v1alpha1.IncidentName("payments-2", v1alpha1.IssueKey("1170820"), 1),
	} {
		if got != name {
			t.Errorf("the name is %s, not %s", got, name)
		}
	}
}

func TestNoTwoIncidentsHaveOneName(t *testing.T) {
	type identity struct {
		source string
		key    v1alpha1.AlertKey
		number int32
	}
	named := map[string]identity{}
	for _, source := range []string{"a", "a-1", "a-m1", "a-1-1", "a-m1-1", "a1", "m1", "1", "1-1"} {
		for _, id := range []string{"1", "11", "111", "0"} {
			for _, key := range []v1alpha1.AlertKey{v1alpha1.IssueKey(id), v1alpha1.MetricKey(id)} {
				for _, number := range []int32{1, 11, 111} {
					name := v1alpha1.IncidentName(source, key, number)
					this := identity{source, key, number}
					if other, taken := named[name]; taken {
						t.Errorf("%v and %v are both named %s", this, other, name)
					}
					named[name] = this
				}
			}
		}
	}
}

func TestTheLongestNamesAreValid(t *testing.T) {
	for _, key := range []v1alpha1.AlertKey{v1alpha1.IssueKey(longestID), v1alpha1.MetricKey(longestID)} {
		name := v1alpha1.IncidentName(longestSource, key, math.MaxInt32)
		if complaints := validation.IsDNS1123Subdomain(name); complaints != nil {
			t.Errorf("an Incident cannot be named %s: %v", name, complaints)
		}
		if complaints := validation.IsValidLabelValue(key.Label()); complaints != nil {
			t.Errorf("a label cannot be %s: %v", key.Label(), complaints)
		}
	}
	secret := v1alpha1.WebhookSecretName(longestSource)
	if complaints := validation.IsDNS1123Subdomain(secret); complaints != nil {
		t.Errorf("a Secret cannot be named %s: %v", secret, complaints)
	}
	if complaints := validation.IsValidLabelValue(longestSource); complaints != nil {
		t.Errorf("a label cannot be %s: %v", longestSource, complaints)
	}
}

func TestTheLabelOfAnAlertKeyHasADashForItsSlash(t *testing.T) {
	for label, key := range map[string]v1alpha1.AlertKey{
		"issue-1170820242": v1alpha1.IssueKey("1170820242"),
		"metric-1234":      v1alpha1.MetricKey("1234"),
	} {
		if key.Label() != label {
			t.Errorf("the label of %s is %s, not %s", key, key.Label(), label)
		}
	}
}

func TestTheKeysOfLabelsAreValid(t *testing.T) {
	for _, key := range []string{v1alpha1.LabelSource, v1alpha1.LabelAlert} {
		if complaints := validation.IsQualifiedName(key); complaints != nil {
			t.Errorf("a label cannot have the key %s: %v", key, complaints)
		}
	}
}
