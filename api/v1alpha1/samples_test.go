package v1alpha1_test

import (
	"strings"
	"testing"
)

func TestTheSamplesApplyAsTheyAre(t *testing.T) {
	// A second time changes nothing, and is not refused either.
	for range 2 {
		kubectl(t, "apply", "--server-side", "-k", "config/samples")
	}
	kubectl(t, "apply", "--dry-run=server", "-k", "config/samples")
	sources := strings.Fields(kubectl(t, "get", "alertsources", "--namespace=team-payments", "--output=name"))
	want := "alertsource.itoc360.io/payments alertsource.itoc360.io/sandbox"
	if got := strings.Join(sources, " "); got != want {
		t.Errorf("the samples' sources are %s, not %s", got, want)
	}
}

func TestAMisspeltFieldOfASampleIsNotOverlooked(t *testing.T) {
	misspelt := strings.Replace(goodAlertSource, "clientSecretRefs", "clientSecrets", 1)
	err := cluster(t).Apply(t.Context(), strings.Replace(misspelt, "payments}", "payments, namespace: default}", 1))
	if err == nil || !strings.Contains(err.Error(), `unknown field "spec.sentry.clientSecrets"`) {
		t.Errorf("applying it ends with %v", err)
	}
}
