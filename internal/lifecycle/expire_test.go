package lifecycle

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// made is an unresolved Incident, made when the tests' day began.
func made(id string, number int32, with ...func(*v1alpha1.Incident)) v1alpha1.Incident {
	incident := v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{Generation: 2, CreationTimestamp: *secondAt(0)},
		Spec:       v1alpha1.IncidentSpec{AlertKey: v1alpha1.IssueKey(id), Number: number},
		Status:     v1alpha1.IncidentStatus{ObservedGeneration: 2, Cycles: []v1alpha1.Cycle{{OpenedAt: *microAt(0)}}},
	}
	for _, change := range with {
		change(&incident)
	}
	return incident
}

func over(minute int) func(*v1alpha1.Incident) {
	return func(i *v1alpha1.Incident) {
		i.Status.Cycles[len(i.Status.Cycles)-1].ResolvedAt = microAt(minute)
		i.Status.State = v1alpha1.StateResolved
	}
}

func aTest(i *v1alpha1.Incident) { i.Spec.Test = true }

func reopenedAt(minute int) func(*v1alpha1.Incident) {
	return func(i *v1alpha1.Incident) {
		i.Status.Cycles = append(i.Status.Cycles, v1alpha1.Cycle{OpenedAt: *microAt(minute)})
		i.Status.State = v1alpha1.StateOpen
	}
}

// untold has somebody still to be told of it.
func untold(i *v1alpha1.Incident) {
	i.Status.Notifications = []v1alpha1.Notification{{State: v1alpha1.NotificationSent}, {State: v1alpha1.NotificationPending}}
}

func notYetFolded(i *v1alpha1.Incident) { i.Generation++ }

func TestExpire(t *testing.T) {
	const many = 1000
	all := func(incidents ...v1alpha1.Incident) []v1alpha1.Incident { return incidents }
	tests := []struct {
		name        string
		incidents   []v1alpha1.Incident
		maxAge      time.Duration
		maxResolved int
		now         int
		want        []string
		next        time.Time
	}{
		{"nothing is there", nil, time.Hour, many, 0, nil, time.Time{}},
		{"an unresolved one stays for ever", all(made("1", 1)), time.Hour, 0, 100000, nil, time.Time{}},
		{"a resolved one stays for maxAge", all(made("1", 1, over(0))), 2 * time.Hour, many, 119, nil, at(120)},
		{"and goes then", all(made("1", 1, over(0))), 2 * time.Hour, many, 120, []string{"1-1"}, time.Time{}},
		{
			"not before everybody is told, nor the next of its alert",
			all(made("1", 1, over(0), untold), made("1", 2, over(0)), made("2", 1, over(0))), 2 * time.Hour, many, 120,
			[]string{"2-1"},
			time.Time{},
		},
		{"at least an hour, whatever maxAge says", all(made("1", 1, over(0))), time.Minute, many, 59, nil, at(60)},
		{"at least an hour, whatever maxResolved says", all(made("1", 1, over(0))), 24 * time.Hour, 0, 59, nil, at(60)},
		{
			"over maxResolved, the one resolved first goes", all(made("1", 1, over(9)), made("2", 1, over(5)), made("3", 1, over(7))),
			24 * time.Hour, 2, 300,
			[]string{"2-1"},
			at(24*60 + 7),
		},
		{
			"unresolved ones do not count for maxResolved", all(made("1", 1, over(0)), made("2", 1), made("3", 1)),
			24 * time.Hour, 1, 300, nil, at(24 * 60),
		},
		{"a reopened one counts as unresolved", all(made("1", 1, over(0), reopenedAt(5))), time.Hour, 0, 300, nil, time.Time{}},
		{
			"a reopened one that is over again counts from then", all(made("1", 1, over(0), reopenedAt(5), over(90))),
			time.Hour, many, 120, nil, at(150),
		},
		{
			"one whose status does not speak of its spec yet stays", all(made("1", 1, over(0), notYetFolded)),
			time.Hour, 0, 300, nil,
			time.Time{},
		},
		{
			"lowest number first", all(made("1", 2, over(20)), made("1", 1, over(10)), made("1", 3)),
			time.Hour, many, 300,
			[]string{"1-1", "1-2"},
			time.Time{},
		},
		{
			"a lower number that stays keeps the higher ones", all(made("1", 1), made("1", 2, over(0))),
			time.Hour, 0, 300, nil,
			time.Time{},
		},
		{
			"a lower number resolved later keeps the higher ones until then", all(made("1", 1, over(100)), made("1", 2, over(0))),
			time.Hour, many, 100, nil, at(160),
		},
		{"a test stays for an hour", all(made("1", 1, aTest)), 24 * time.Hour, many, 59, nil, at(60)},
		{"a test goes then, unresolved as it is", all(made("1", 1, aTest)), 24 * time.Hour, many, 60, []string{"1-1"}, time.Time{}},
		{
			"a test goes then, resolved a minute ago", all(made("1", 1, aTest, over(59))),
			24 * time.Hour, many, 60,
			[]string{"1-1"},
			time.Time{},
		},
		{
			"what will go first says when to look again", all(made("1", 1, aTest), made("2", 1, over(-30))),
			time.Hour, many, 0, nil, at(30),
		},
		{
			"a test does not count for maxResolved", all(made("1", 1, aTest, over(0)), made("2", 1, over(0))),
			24 * time.Hour, 1, 300,
			[]string{"1-1"},
			at(24 * 60),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			expired, next := Expire(keptOf(test.incidents), Retention{MaxAge: test.maxAge, MaxResolved: test.maxResolved}, at(test.now))
			if got := names(expired); !slices.Equal(got, test.want) {
				t.Errorf("expired are %v, want %v", got, test.want)
			}
			if !next.Equal(test.next) {
				t.Errorf("next is %s, want %s", next, test.next)
			}
		})
	}
}

// keptOf is what retention knows of Incidents, of which every other one is a stub where it can be.
func keptOf(incidents []v1alpha1.Incident) []Kept {
	var kept []Kept
	for i := range incidents {
		incident := &incidents[i]
		if i%2 == 0 {
			incident = Stub(incident)
		}
		kept = append(kept, KeptOf(incident))
	}
	return kept
}

func names(incidents []*Kept) []string {
	var names []string
	for _, incident := range incidents {
		names = append(names, fmt.Sprintf("%s-%d", incident.AlertKey[len("issue/"):], incident.Number))
	}
	return names
}

func TestWhateverExpiresTheRestHasNoGapsAndNobodyIsEarly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var incidents []v1alpha1.Incident
		for key := range rapid.IntRange(1, 4).Draw(t, "keys") {
			for number := range rapid.IntRange(1, 5).Draw(t, "numbers") {
				incident := made(fmt.Sprint(key), int32(number+1))
				if rapid.IntRange(0, 5).Draw(t, "resolved") > 0 {
					over(rapid.IntRange(0, 300).Draw(t, "resolvedAt"))(&incident)
				}
				incidents = append(incidents, incident)
			}
		}
		incidents = rapid.Permutation(incidents).Draw(t, "order")
		maxAge := time.Duration(rapid.IntRange(0, 300).Draw(t, "maxAge")) * time.Minute
		maxResolved := rapid.IntRange(0, 10).Draw(t, "maxResolved")
		now := at(rapid.IntRange(0, 400).Draw(t, "now"))

		expired, next := Expire(keptOf(incidents), Retention{MaxAge: maxAge, MaxResolved: maxResolved}, now)
		lowest := map[v1alpha1.AlertKey]int32{}
		for _, incident := range expired {
			if number := incident.Number; number != lowest[incident.AlertKey]+1 {
				t.Fatalf("%v leaves a gap", names(expired))
			}
			lowest[incident.AlertKey]++
			if incident.Resolved == nil || now.Sub(incident.Resolved.Time) < MinRetention {
				t.Fatalf("%v are expired too early", names(expired))
			}
		}
		if !next.IsZero() && !next.After(now) {
			t.Fatalf("next is %s, which is over at %s", next, now)
		}
		shuffled := rapid.Permutation(incidents).Draw(t, "another order")
		again, _ := Expire(keptOf(shuffled), Retention{MaxAge: maxAge, MaxResolved: maxResolved}, now)
		if !slices.Equal(names(again), names(expired)) {
			t.Fatalf("expired are %v, and in another order %v", names(expired), names(again))
		}
	})
}
