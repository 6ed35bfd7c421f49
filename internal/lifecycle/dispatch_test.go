package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

var (
	stormStart = time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC)
	tenAMinute = Limit{Burst: 10, Per: time.Minute}
)

// dueOf is something due, named after what it is: a kind (Page, again, Update, Resolved), a priority, and a second.
func dueOf(name, kind string, priority v1alpha1.Priority, second float64) Due {
	at := stormStart.Add(time.Duration(second * float64(time.Second)))
	due := Due{Incident: types.NamespacedName{Name: name}, Kind: v1alpha1.NotificationKind(kind), Priority: priority, At: at, Since: at}
	if kind == "again" {
		due.Kind = v1alpha1.KindPage
	} else {
		due.First = kind == "Page"
	}
	return due
}

func namesOf(dues []Due) string {
	names := make([]string, 0, len(dues))
	for _, due := range dues {
		names = append(names, due.Incident.Name)
	}
	return strings.Join(names, " ")
}

// some are so many pages of a priority that were due at a second.
func some(count int, priority v1alpha1.Priority, second float64) []Due {
	var dues []Due
	for i := range count {
		dues = append(dues, dueOf(fmt.Sprintf("%s-%02d", strings.ToLower(string(priority)), i), "Page", priority, second))
	}
	return dues
}

func TestWhatIsMostNeededIsToldFirst(t *testing.T) {
	due := []Due{
		dueOf("resolved", "Resolved", "Critical", 0), dueOf("update", "Update", "Critical", 0), dueOf("again", "again", "High", 0),
		dueOf("low", "Page", "Low", 0), dueOf("late", "Page", "High", 2), dueOf("early", "Page", "High", 1),
		dueOf("critical-again", "again", "Critical", 0), dueOf("critical", "Page", "Critical", 3),
	}
	const want = "critical critical-again early late low again resolved update"
	if got := namesOf(Dispatch(due, Limit{}, nil, stormStart).Single); got != want {
		t.Errorf("the order is %s", got)
	}
}

func TestTheLimit(t *testing.T) {
	at := func(second float64) time.Time { return stormStart.Add(time.Duration(second * float64(time.Second))) }
	single := func(seconds ...float64) (before []Dispatched) {
		for _, second := range seconds {
			before = append(before, Dispatched{At: at(second)})
		}
		return before
	}
	critical := Dispatched{At: at(0), Critical: true}
	summary := Dispatched{At: at(0), Summary: true}
	two := some(2, "Critical", 3)
	for name, c := range map[string]struct {
		due    []Due
		before []Dispatched
		now    float64
		single int
		rest   int
		again  float64
	}{
		"nothing due":                                    {nil, nil, 0, 0, 0, -1},
		"within the limit":                               {some(5, "High", 0), nil, 0, 5, 0, -1},
		"half is kept":                                   {some(6, "High", 0), nil, 0, 5, 0, 2},
		"the rest is gathered for a while":               {some(6, "High", 0)[5:], single(0, 0, 0, 0, 0), 2, 0, 1, -1},
		"all of it is for what is Critical":              {some(11, "Critical", 0), nil, 0, 10, 0, 2},
		"the other half is for what is Critical":         {some(6, "Critical", 0), single(0, 0, 0, 0, 0), 0, 5, 0, 2},
		"what is Critical leaves the others their half":  {some(5, "Low", 0), []Dispatched{critical, critical}, 0, 5, 0, -1},
		"what is Critical can use it up":                 {some(1, "Low", 0), slices.Repeat([]Dispatched{critical}, 10), 1, 0, 0, 2},
		"it counts for a time":                           {some(2, "High", 60), single(0, 30, 30, 30, 30), 60, 1, 0, 62},
		"the next summary is as far":                     {some(2, "High", 5), []Dispatched{summary}, 59, 0, 0, 60},
		"then it goes":                                   {some(2, "High", 5), append(single(30, 30, 30, 30, 30), summary), 60, 0, 2, -1},
		"one that is Critical is named earlier":          {some(1, "Critical", 3), []Dispatched{summary}, 4, 0, 0, 11},
		"with all the rest":                              {slices.Concat(some(2, "Low", 5), two), []Dispatched{summary}, 11, 0, 4, -1},
		"summaries that name are apart":                  {some(2, "Critical", 0), []Dispatched{{At: at(20), Summary: true}}, 21, 0, 0, 22},
		"it waits for no other if none went just before": {some(1, "Critical", 20), []Dispatched{summary}, 20, 1, 0, -1},
	} {
		t.Run(name, func(t *testing.T) {
			got := Dispatch(c.due, tenAMinute, c.before, at(c.now))
			again := -1.0
			if !got.Again.IsZero() {
				again = got.Again.Sub(stormStart).Seconds()
			}
			if len(got.Single) != c.single || len(got.Gathered) != c.rest || again != c.again {
				t.Errorf("%d go singly, %d are gathered, asked again at %gs; not %d, %d, %gs",
					len(got.Single), len(got.Gathered), again, c.single, c.rest, c.again)
			}
		})
	}
	if got := Dispatch(some(2, "Low", 0), Limit{Burst: 1, Per: time.Minute}, nil, stormStart); len(got.Single) != 1 {
		t.Errorf("of a limit of one, %d go singly", len(got.Single))
	}
}

// storm plays a storm: what comes, in the order of time, is told by Dispatch, and never fails. It gives the messages, and how
// long each that is Critical waited until it was named.
func storm(comes []Due, limit Limit) (messages []Dispatched, waits []time.Duration, told int) {
	var waiting []Due
	for now := stormStart; told < len(comes); now = now.Add(100 * time.Millisecond) {
		for len(comes) > told+len(waiting) && !comes[told+len(waiting)].At.After(now) {
			waiting = append(waiting, comes[told+len(waiting)])
		}
		next := Dispatch(waiting, limit, messages, now)
		for _, due := range next.Single {
			messages = append(messages, Dispatched{At: now, Critical: IsCriticalPage(due)})
		}
		if len(next.Gathered) > 0 {
			messages = append(messages, Dispatched{At: now, Summary: true})
		}
		for _, due := range slices.Concat(next.Single, next.Gathered) {
			told++
			if IsCriticalPage(due) {
				waits = append(waits, now.Sub(due.At))
			}
			waiting = slices.DeleteFunc(waiting, func(other Due) bool { return other.Incident == due.Incident })
		}
	}
	return messages, waits, told
}

func TestEveryStormIsToldInFewMessagesAndWhatIsCriticalSoon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var comes []Due
		at := 0.0
		for i := range rapid.IntRange(1, 300).Draw(t, "count") {
			at += rapid.Float64Range(0, 1).Draw(t, "pause")
			priority := rapid.SampledFrom([]v1alpha1.Priority{"Low", "Medium", "High", "High", "Critical"}).Draw(t, "priority")
			kind := rapid.SampledFrom([]string{"Page", "Page", "again", "Update", "Resolved"}).Draw(t, "kind")
			comes = append(comes, dueOf(fmt.Sprintf("i%d", i), kind, priority, at))
		}
		limit := Limit{Burst: rapid.IntRange(1, 20).Draw(t, "burst"), Per: time.Minute}
		messages, waits, told := storm(comes, limit)
		if told != len(comes) {
			t.Fatalf("%d of %d are told", told, len(comes))
		}
		for _, wait := range waits {
			if wait > nameWithin+gatherFor {
				t.Fatalf("one that is Critical waits for %s", wait)
			}
		}
		for _, first := range messages {
			within, singles := 0, 0
			for _, message := range messages {
				if d := message.At.Sub(first.At); d >= 0 && d < limit.Per {
					within++
					if !message.Summary {
						singles++
					}
				}
			}
			most := limit.Burst + int(limit.Per/nameWithin) + 2
			if within > most || singles > limit.Burst {
				t.Fatalf("%d messages within %s, %d of them single; the burst is %d", within, limit.Per, singles, limit.Burst)
			}
		}
	})
}

func TestAStormOfFiveHundredIsToldInTwelveMessages(t *testing.T) {
	var comes []Due
	for i := range 500 {
		priority := v1alpha1.PriorityHigh
		if i%25 == 12 {
			priority = v1alpha1.PriorityCritical
		}
		comes = append(comes, dueOf(fmt.Sprintf("i%d", i), "Page", priority, float64(i)*0.1))
	}
	messages, waits, _ := storm(comes, tenAMinute)
	within := 0
	for _, message := range messages {
		if message.At.Before(stormStart.Add(time.Minute)) {
			within++
		}
	}
	if within > 12 || len(waits) != 20 || slices.Max(waits) > nameWithin {
		t.Errorf("%d messages in the first minute; of %d that are Critical one waits for %s", within, len(waits), slices.Max(waits))
	}
}

// ledgerOf is an Incident with a ledger.
func ledgerOf(entries ...v1alpha1.Notification) *v1alpha1.Incident {
	incident := &v1alpha1.Incident{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "payments-1-1"}}
	incident.Spec.Priority, incident.Status.Notifications = v1alpha1.PriorityCritical, entries
	return incident
}

func TestWhatIsDueNext(t *testing.T) {
	at := func(second int) metav1.MicroTime {
		return metav1.NewMicroTime(stormStart.Add(time.Duration(second) * time.Second))
	}
	entry := func(channel string, state v1alpha1.NotificationState, change ...func(*v1alpha1.Notification)) v1alpha1.Notification {
		n := v1alpha1.Notification{Channel: channel, Kind: v1alpha1.KindPage, State: state, DueAt: at(-5), Priority: "High"}
		for _, apply := range change {
			apply(&n)
		}
		return n
	}
	sent := entry("a", v1alpha1.NotificationSent)
	for name, c := range map[string]struct {
		ledger []v1alpha1.Notification
		first  bool
		in     time.Duration
	}{
		"a first page":    {[]v1alpha1.Notification{entry("b", "Pending"), entry("a", "Pending")}, true, 0},
		"a repeated page": {[]v1alpha1.Notification{sent, entry("a", "Pending")}, false, 0},
		"one that was tried": {
			[]v1alpha1.Notification{entry("a", "Pending", func(n *v1alpha1.Notification) { n.NextAttempt = ptr.To(at(7)) })},
			true, 7 * time.Second,
		},
		"one that is claimed": {
			[]v1alpha1.Notification{entry("a", "Pending", func(n *v1alpha1.Notification) { n.SendBefore = ptr.To(at(3)) })},
			true, 8 * time.Second,
		},
		"one that may have arrived": {
			[]v1alpha1.Notification{entry("a", "Pending", func(n *v1alpha1.Notification) { n.MayHaveArrived = true })},
			false, 0,
		},
		"nothing": {[]v1alpha1.Notification{sent, entry("b", "Pending")}, false, -1},
	} {
		t.Run(name, func(t *testing.T) {
			due, when, has := NextDue(ledgerOf(c.ledger...), "a", stormStart)
			if has != (c.in >= 0) {
				t.Fatalf("it has something: %t", has)
			}
			if has && (when.Sub(stormStart) != c.in || due.First != c.first || due.Priority != "Critical" || !due.At.Equal(at(-5).Time)) {
				t.Errorf("%+v is due at %s", due, when)
			}
		})
	}
}

func TestWhatWasToldBeforeIsReadFromTheLedgers(t *testing.T) {
	at := func(second int) *metav1.MicroTime {
		return ptr.To(metav1.NewMicroTime(stormStart.Add(time.Duration(second) * time.Second)))
	}
	sent := v1alpha1.Notification{Channel: "a", Kind: v1alpha1.KindPage, State: "Sent", Priority: "Critical", ClosedAt: at(1)}
	gathered, early, other, failed, update := sent, sent, sent, sent, sent
	gathered.Gathered, gathered.ClosedAt, gathered.Priority = true, at(2), "Low"
	early.ClosedAt, other.Channel, failed.State, update.Kind = at(0), "b", "Failed", v1alpha1.KindUpdate
	incidents := []v1alpha1.Incident{*ledgerOf(sent, gathered, early), *ledgerOf(gathered, other, failed, update)}
	want := []Dispatched{{At: at(1).Time, Critical: true}, {At: at(2).Time, Summary: true}, {At: at(1).Time}}
	if got := History(incidents, "a", stormStart); !slices.Equal(got, want) {
		t.Errorf("the history is %+v", got)
	}
}
