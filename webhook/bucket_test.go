package webhook_test

import (
	"strconv"
	"testing"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/hack/testbed"
)

// neighbours are two issues that share a bucket of 2^20, and so of each smaller power of two.
func neighbours() (one, other string) {
	seen := map[int]string{}
	for number := 1; ; number++ {
		id := strconv.Itoa(number)
		bucket := v1alpha1.IssueKey(id).Bucket(1 << 20)
		if neighbour, ok := seen[bucket]; ok {
			return neighbour, id
		}
		seen[bucket] = id
	}
}

func TestAlertsThatShareABucketAreToldApart(t *testing.T) {
	first := startIntake(t, cluster(t).Config)
	source := testbed.NewSource(t, first.client)
	first.knows(t, source)
	one, other := neighbours()
	is := func(id string) func(*simulator.Issue) { return func(issue *simulator.Issue) { issue.ID = id } }
	first.post(t, source, issue("created", 1, is(one)))
	first.post(t, source, issue("created", 1, is(other)))
	// It remembers nothing, and finds them in its cache.
	second := startIntake(t, cluster(t).Config)
	second.knows(t, source)
	for id, want := range map[string]string{one: "updated", other: "resolved"} {
		action := map[string]string{"updated": "assigned", "resolved": "resolved"}[want]
		if answer := second.post(t, source, issue(action, 2, is(id))); answer.Result != want {
			t.Errorf("%s of issue %s: answered %s, want %s", action, id, answer.Result, want)
		}
	}
	for _, incident := range source.Incidents(t) {
		if incident.Spec.SignalCount != 2 {
			t.Errorf("%s has %d signals, want 2", incident.Name, incident.Spec.SignalCount)
		}
	}
	if count := len(source.Incidents(t)); count != 2 {
		t.Errorf("%d Incidents, want 2", count)
	}
}
