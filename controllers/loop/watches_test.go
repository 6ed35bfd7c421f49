package loop

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestAnIncidentsStandingWakesItsSource(t *testing.T) {
	open := &v1alpha1.Incident{}
	resolved := &v1alpha1.Incident{Status: v1alpha1.IncidentStatus{State: v1alpha1.StateResolved}}
	test := &v1alpha1.Incident{Spec: v1alpha1.IncidentSpec{Test: true}}
	for name, c := range map[string]struct {
		before, after client.Object
		want          bool
	}{
		"resolved":                {open, resolved, true},
		"reopened":                {resolved, open, true},
		"recognized as a test":    {open, test, true},
		"a status like before":    {open, open, false},
		"something quite another": {&corev1.Secret{}, open, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := changedStanding(c.before, c.after); got != c.want {
				t.Errorf("wakes its source: %t, want %t", got, c.want)
			}
		})
	}
}
