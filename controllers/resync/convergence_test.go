package resync

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// This test lets a random history happen in Sentry, with webhooks lost, delayed, reordered and doubled, calls that fail, limits and
// restarts, and responders in between. A few undisturbed passes later what is recorded must be what Sentry says, and people must have
// been paged of all news, of no old news, and of nothing twice.
func TestAfterWhateverWasLostUndisturbedPassesEndRight(t *testing.T) {
	for seed, changes := range []int{3000, 500, 500} {
		t.Run(fmt.Sprintf("history %d", seed), func(t *testing.T) { newHistory(t, uint64(seed)).live(changes) })
	}
}

const (
	// issues is how many issues a history has at most.
	issues = 200
	// silentFor is how long nothing must be heard of an issue until its Incident resolves.
	silentFor = 3 * time.Hour
)

// history is a world in which things happen at random.
type history struct {
	*world

	random *rand.Rand
	ids    []string
	// truth is what happened to each issue.
	truth map[string]*truth
	// delayed are webhooks under way.
	delayed []delayed
	// loss is which part of the webhooks is lost.
	loss float64
	// disturbed is true while calls to Sentry may fail.
	disturbed bool
}

type delayed struct {
	due     time.Time
	webhook simulator.Webhook
}

// truth is what really happened to an issue.
type truth struct {
	// news is how often it came up, or came back, after the first pass.
	news int
	// cameBack is when it last did; zero if never.
	cameBack time.Time
	// again is how often it may page once more for other reasons: somebody, or silence, had resolved it, or another was merged into it.
	again int
	// isAcknowledged is true if a responder has ever acknowledged it: then nobody need be paged.
	isAcknowledged bool
	// isHidden is true if it was gone and back before anybody heard of it, and lists show it as before.
	isHidden bool
}

func newHistory(t *testing.T, seed uint64) *history {
	t.Helper()
	silence := func(source *v1alpha1.AlertSource) {
		source.Spec.Incidents.AutoResolveAfter = metav1.Duration{Duration: silentFor}
	}
	h := &history{world: newWorld(t, silence), random: rand.New(rand.NewPCG(seed, 1)), truth: map[string]*truth{}, loss: 0.4}
	h.sentry.Rules = []string{"Page the on-call"}
	for range issues / 4 {
		h.ids = append(h.ids, h.create(1)...)
	}
	for i, id := range h.ids {
		h.truth[id] = &truth{}
		switch i % 4 {
		case 0:
			h.sentry.Age(id)
		case 1:
			h.sentry.Resolve(id)
		case 2:
			h.sentry.Archive(id)
		}
	}
	h.lose()
	h.sentry.SetFault(h.fault)
	return h
}

func (h *history) fault(w http.ResponseWriter, _ *http.Request) bool {
	if !h.disturbed {
		return false
	}
	switch h.random.IntN(40) {
	case 0:
		http.Error(w, "upstream", http.StatusBadGateway)
	case 1:
		h.sentry.Limit(w, h.clock.Now())
	case 2:
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	return true
}

func (h *history) live(changes int) {
	h.pass()
	h.pass()
	h.disturbed = true
	for change := range changes {
		h.clock.Move(time.Duration(2+h.random.IntN(60)) * time.Second)
		h.happen()
		h.send()
		h.arrive()
		h.fallSilent()
		if change%20 == 19 {
			// One that fails is begun anew by the next.
			_ = h.tryPass()
		}
		if change%157 == 156 {
			h.restart()
		}
	}
	h.disturbed = false
	h.clock.Move(time.Hour)
	h.arrive()
	for range 3 {
		h.pass()
	}
	h.judge()
}

// happen lets something happen.
func (h *history) happen() {
	if len(h.ids) < issues && h.random.IntN(10) < 3 {
		id := h.create(1)[0]
		h.ids = append(h.ids, id)
		h.truth[id] = &truth{news: 1, cameBack: h.clock.Now()}
		return
	}
	id := h.ids[h.random.IntN(len(h.ids))]
	status, _, _, found := h.sentry.State(id)
	if !found {
		return
	}
	truth := h.truth[id]
	switch status {
	case "resolved":
		h.happenToResolved(id, truth)
	case "ignored":
		h.happenToArchived(id, truth)
	default:
		h.happenToOpen(id, truth)
	}
}

func (h *history) happenToResolved(id string, truth *truth) {
	latest := h.incident(id)
	isHidden := func(substatus string) bool {
		return latest != nil && isOpen(latest, h.clock.Now()) && latest.Spec.Issue.Substatus == substatus
	}
	switch h.random.IntN(3) {
	case 0:
		h.sentry.Regress(id)
		truth.isHidden = isHidden("regressed")
	case 1:
		h.sentry.Unresolve(id)
		truth.isHidden = isHidden("ongoing")
	default:
		h.sentry.Assign(id, h.person())
		return
	}
	truth.news++
	truth.cameBack = h.clock.Now()
}

func (h *history) happenToArchived(id string, truth *truth) {
	switch h.random.IntN(3) {
	case 0:
		h.sentry.Escalate(id)
	case 1:
		h.sentry.Unarchive(id)
	default:
		h.sentry.Resolve(id)
		return
	}
	truth.news++
	truth.cameBack = h.clock.Now()
}

func (h *history) happenToOpen(id string, truth *truth) {
	switch h.random.IntN(13) {
	case 0, 1, 2:
		h.sentry.Resolve(id)
	case 3:
		h.sentry.Archive(id)
	case 4:
		h.sentry.Assign(id, h.person())
	case 5:
		h.sentry.Unassign(id)
	case 6:
		h.sentry.Prioritize(id, []string{"low", "medium", "high"}[h.random.IntN(3)])
	case 7:
		h.sentry.Age(id)
	case 8:
		h.sentry.Event(id)
	case 9:
		if h.random.IntN(4) == 0 {
			h.sentry.Delete(id)
		}
	case 12:
		if into := h.ids[h.random.IntN(len(h.ids))]; into != id && h.random.IntN(4) == 0 {
			h.sentry.BeginMerge(id)
			h.sentry.EndMerge(id, into)
			h.truth[into].again++
		}
	case 10:
		if latest := h.incident(id); latest != nil && isOpen(latest, h.clock.Now()) {
			truth.again++
			h.respond(id, resolveByHand)
		}
	case 11:
		if latest := h.incident(id); latest != nil && isOpen(latest, h.clock.Now()) {
			truth.isAcknowledged = true
			h.respond(id, acknowledgeByHand)
		}
	}
}

func (h *history) person() string {
	return []string{"Jane Doe", "John Roe", "Max Muster"}[h.random.IntN(3)]
}

// send loses some webhooks, and lets others go on their way, some of them twice.
func (h *history) send() {
	for _, webhook := range h.outbox.Take() {
		if h.random.Float64() < h.loss {
			continue
		}
		for range 1 + h.random.IntN(20)/19 {
			delay := time.Duration(0)
			if h.random.IntN(3) == 0 {
				delay = time.Duration(h.random.IntN(600)) * time.Second
			}
			h.delayed = append(h.delayed, delayed{h.clock.Now().Add(delay), webhook})
		}
	}
}

// arrive delivers what is due.
func (h *history) arrive() {
	slices.SortStableFunc(h.delayed, func(a, b delayed) int { return a.due.Compare(b.due) })
	for len(h.delayed) > 0 && !h.delayed[0].due.After(h.clock.Now()) {
		webhook := h.delayed[0].webhook
		h.delayed = h.delayed[1:]
		h.post(webhook)
	}
}

// fallSilent lets Incidents resolve of which nothing was heard for long.
func (h *history) fallSilent() {
	h.Helper()
	for _, known := range h.mirror.Incidents() {
		if lifecycle.IsStub(known) {
			continue
		}
		if due := lifecycle.SilentAt(&known.Spec, silentFor); !due.IsZero() && due.Add(time.Minute).Before(h.clock.Now()) {
			h.look(known)
			if truth := h.truth[known.Spec.Issue.ID]; truth != nil {
				truth.again++
			}
		}
	}
	h.conclude()
}

// judge compares what is recorded with the truth.
func (h *history) judge() {
	h.Helper()
	paged, open := 0, 0
	for _, id := range h.ids {
		truth := h.truth[id]
		latest := h.incident(id)
		isOpenHere := latest != nil && isOpen(latest, h.clock.Now())
		status, priority, assignee, found := h.sentry.State(id)
		if isOpenHere {
			open++
		}
		if !h.mayBe(isOpenHere, latest, truth, status, found) {
			h.Errorf("issue %s is %q in Sentry, and its Incident is open: %t\ntruth: %+v\nincident: %s",
				id, status, isOpenHere, truth, describe(latest))
		}
		if isOpenHere && found {
			if got := latest.Spec.Issue.Assignee; got != assignee {
				h.Errorf("issue %s is assigned to %q, and its Incident to %q", id, assignee, got)
			}
			if got := strings.ToLower(string(latest.Spec.Priority)); got != priority {
				h.Errorf("issue %s has priority %s, and its Incident %s", id, priority, got)
			}
			if latest.Spec.Issue.Status != status {
				h.Errorf("issue %s is %s, and its Incident calls it %s", id, status, latest.Spec.Issue.Status)
			}
		}
		pages := h.pages(id)
		if pages > 0 {
			paged++
		}
		if pages > truth.news+truth.again {
			h.Errorf("issue %s paged %d times, and came up %d times, and may have paged %d times more: %v\nincident: %s",
				id, pages, truth.news, truth.again, h.paged[v1alpha1.IssueKey(id)], describe(latest))
		}
		// What is open now, and came up or back since the first pass, was seen by a pass at the latest.
		if isOpenHere && status == lifecycle.StatusUnresolved && truth.news > 0 && pages == 0 && !truth.isHidden && !truth.isAcknowledged {
			h.Errorf("issue %s came up %d times, and paged nobody\nincident: %s", id, truth.news, describe(latest))
		}
	}
	h.Logf("%d issues, %d open, %d paged", len(h.ids), open, paged)
}

// mayBe tells whether an Incident may be open, or over, as the issue is. What is archived stays as it was, of which not all is known to
// anybody. What others than Sentry resolved stays so until it comes back.
func (h *history) mayBe(isOpenHere bool, latest *v1alpha1.Incident, truth *truth, status string, found bool) bool {
	switch {
	case !found, status == lifecycle.StatusResolved:
		return !isOpenHere
	case status == lifecycle.StatusArchived, isOpenHere:
		return true
	default:
		return latest != nil && isEndedByOthers(latest) && !truth.cameBack.After(endedAt(latest))
	}
}

func endedAt(incident *v1alpha1.Incident) time.Time {
	if response := incident.Spec.Response; response != nil && response.ResolvedAt != nil {
		return response.ResolvedAt.Time
	}
	return endOf(incident)
}

func describe(incident *v1alpha1.Incident) string {
	if incident == nil {
		return "none"
	}
	text := incident.Name
	for _, signal := range incident.Spec.Signals {
		text += fmt.Sprintf("\n  %s (%s) %s %s %s by %s quiet %t",
			signal.Time.Format(time.TimeOnly), signal.ReceivedAt.Format(time.TimeOnly), signal.Event, signal.Action, signal.Effect,
			signal.By, signal.Quiet)
	}
	return text + fmt.Sprintf("\n  response %+v", incident.Spec.Response)
}
