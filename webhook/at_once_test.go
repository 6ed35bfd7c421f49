package webhook_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

func TestManyDeliveriesOfANewIssueAtOnceAreOneIncident(t *testing.T) {
	const deliveries = 64
	served := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, served.client)
	served.knows(t, source)
	sentry, webhook := source.Sentry(served.url), issue("created", 1)
	answers := make([]simulator.Answer, deliveries)
	errs := make([]error, deliveries)
	begin := make(chan struct{})
	var sending sync.WaitGroup
	for i := range deliveries {
		sending.Go(func() {
			<-begin
			answers[i], errs[i] = sentry.Post(t.Context(), webhook)
		})
	}
	close(begin)
	sending.Wait()
	results := map[string]int{}
	for i := range deliveries {
		if errs[i] != nil || answers[i].Status != http.StatusOK {
			t.Errorf("delivery %d: answered %d %s, %v", i, answers[i].Status, answers[i].Body, errs[i])
		}
		results[answers[i].Result]++
	}
	if results["opened"] != 1 || results["updated"] != deliveries-1 {
		t.Errorf("answered %v, want one opened and the others updated", results)
	}
	if incidents := source.Incidents(t); len(incidents) != 1 || incidents[0].Spec.SignalCount != deliveries {
		t.Errorf("want one Incident with signalCount %d, got %+v", deliveries, incidents)
	}
}

func TestTwoAlertRulesAndTheCreatedOfOneIssueAreOneIncidentInAnyOrder(t *testing.T) {
	served := startIntake(t, cluster(t).Config)
	told := []simulator.Webhook{
		issue("created", 1),
		simulator.EventAlert(simulator.Issue{ID: "42"}, "Page the on-call", false, at(1)),
		simulator.EventAlert(simulator.Issue{ID: "42"}, "Tell the channel", false, at(2)),
	}
	for name, order := range map[string][3]int{
		"created, one, two": {0, 1, 2}, "created, two, one": {0, 2, 1}, "one, created, two": {1, 0, 2},
		"two, created, one": {2, 0, 1}, "one, two, created": {1, 2, 0}, "two, one, created": {2, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			source := testbed.NewSource(t, served.client)
			served.knows(t, source)
			for _, i := range order {
				if answer := served.post(t, source, told[i]); answer.Status != http.StatusOK {
					t.Errorf("answered %d: %s", answer.Status, answer.Body)
				}
			}
			if got := source.Story(t); got != "1 Open High" {
				t.Errorf("ended as %q, want one open Incident", got)
			}
		})
	}
}
