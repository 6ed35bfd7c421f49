package sources

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// patience is how long these tests wait for what must come.
const patience = 30 * time.Second

// knownAs is a source as a directory knows it.
func knownAs(name string, changes ...func(*Source)) *Source {
	source := &Source{
		Object: &v1alpha1.AlertSource{ObjectMeta: metav1.ObjectMeta{
			Namespace: "team", Name: name, UID: types.UID(name), Generation: 1,
		}},
		Name:    types.NamespacedName{Namespace: "team", Name: name},
		tokens:  []digest{digestOf([]byte(name))},
		secrets: "payments=1 ",
	}
	for _, change := range changes {
		change(source)
	}
	return source
}

func snapshotOf(sources ...*Source) *snapshot {
	made := &snapshot{byName: map[types.NamespacedName]*Source{}, byToken: map[digest][]*Source{}}
	for _, source := range sources {
		made.byName[source.Name] = source
		for _, token := range source.tokens {
			made.byToken[token] = append(made.byToken[token], source)
		}
	}
	return made
}

func sharing(with string) func(*Source) {
	return func(s *Source) { s.tokens = []digest{digestOf([]byte(with))} }
}

// told are the names of so many sources that a subscriber is told of, sorted.
func told(t *testing.T, changes <-chan sourceEvent, count int) []string {
	t.Helper()
	deadline := time.After(patience)
	var names []string
	for range count {
		select {
		case change := <-changes:
			names = append(names, change.Object.Name)
		case <-deadline:
			t.Fatalf("told of %v, want %d sources", names, count)
		}
	}
	slices.Sort(names)
	return names
}

func TestSubscribersAreToldInWhatTwoSnapshotsDiffer(t *testing.T) {
	for _, test := range []struct {
		name       string
		last, next *snapshot
		want       []string
	}{
		{"the first snapshot", &snapshot{}, snapshotOf(knownAs("a"), knownAs("b")), []string{"a", "b"}},
		{"a new source", snapshotOf(knownAs("a")), snapshotOf(knownAs("a"), knownAs("b")), []string{"b"}},
		{"a source that is gone", snapshotOf(knownAs("a"), knownAs("b")), snapshotOf(knownAs("a")), nil},
		{
			"another version of a Secret", snapshotOf(knownAs("a"), knownAs("b")),
			snapshotOf(knownAs("a", func(s *Source) { s.secrets = "payments=2 " }), knownAs("b")),
			[]string{"a"},
		},
		{
			"a spec that names another key of the same Secret", snapshotOf(knownAs("a")),
			snapshotOf(knownAs("a", func(s *Source) { s.Object.Generation = 2 })),
			[]string{"a"},
		},
		{
			"a source made again under its name", snapshotOf(knownAs("a")),
			snapshotOf(knownAs("a", func(s *Source) { s.Object.UID = "later" })),
			[]string{"a"},
		},
		{
			"a status that was written", snapshotOf(knownAs("a")),
			snapshotOf(knownAs("a", func(s *Source) { s.Object.ResourceVersion = "2" })),
			nil,
		},
		{
			"a token that two share now", snapshotOf(knownAs("a"), knownAs("b")),
			snapshotOf(knownAs("a"), knownAs("b", sharing("a"))),
			[]string{"a", "b"},
		},
		{
			"one of two that shared a token is gone", snapshotOf(knownAs("a"), knownAs("b", sharing("a"))), snapshotOf(knownAs("a")),
			[]string{"a"},
		},
		{
			"a token that is shared with another now",
			snapshotOf(knownAs("a"), knownAs("b", sharing("a")), knownAs("c")),
			snapshotOf(knownAs("a"), knownAs("b"), knownAs("c", sharing("a"))),
			[]string{"a", "b", "c"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			directory := NewDirectory(nil, nil, clock.RealClock{})
			changes := directory.Subscribe(t.Context())
			directory.publish(test.last, test.next)
			// What is published next is told of last or at any time, but nothing else may come besides.
			directory.publish(&snapshot{}, snapshotOf(knownAs("marker")))
			if got := told(t, changes, len(test.want)+1); !slices.Equal(got, append(test.want, "marker")) {
				t.Errorf("told of %v, want %v and the marker", got, test.want)
			}
		})
	}
}

// The directory goes on, other subscribers are told, and the one that slept hears of each source once, as it is then.
func TestASubscriberThatDoesNotReadHoldsUpNobody(t *testing.T) {
	directory := NewDirectory(nil, nil, clock.RealClock{})
	asleep := directory.Subscribe(t.Context())
	awake := directory.Subscribe(t.Context())
	const count, rounds = 300, 5
	last := &snapshot{}
	for round := range rounds {
		var sources []*Source
		for i := range count {
			sources = append(sources, knownAs(strconv.Itoa(i), func(s *Source) { s.Object.Generation = int64(round + 1) }))
		}
		next := snapshotOf(sources...)
		directory.publish(last, next)
		last = next
		told(t, awake, count)
	}
	names := told(t, asleep, count)
	if unique := slices.Compact(names); len(unique) < count-1 {
		t.Errorf("told of %d sources, want each of %d", len(unique), count)
	}
	waiting := 0
	for subscriber := range directory.subscribers {
		subscriber.mu.Lock()
		waiting += len(subscriber.waiting)
		subscriber.mu.Unlock()
	}
	// At most the one source that was on its way when it changed again.
	if waiting > 1 {
		t.Errorf("%d sources still wait, want each to wait once", waiting)
	}
}

func TestASubscriptionEndsWithItsContext(t *testing.T) {
	directory := NewDirectory(nil, nil, clock.RealClock{})
	for name, reads := range map[string]bool{"one that reads": true, "one that does not": false} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			changes := directory.Subscribe(ctx)
			directory.publish(&snapshot{}, snapshotOf(knownAs("a"), knownAs("b")))
			if reads {
				told(t, changes, 2)
			}
			cancel()
			deadline := time.After(patience)
			for {
				directory.subscribersLock.Lock()
				left := len(directory.subscribers)
				directory.subscribersLock.Unlock()
				if left == 0 {
					return
				}
				select {
				case <-deadline:
					t.Fatal("the directory still keeps the subscriber")
				case <-time.After(time.Millisecond):
				}
			}
		})
	}
}
