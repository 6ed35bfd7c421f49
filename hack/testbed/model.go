package testbed

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

// Tale is what Sentry says of one issue, in the order in which it arrives, and what must come of it.
type Tale struct {
	Webhooks []simulator.Webhook
	// Ends is the story that must be left, as Source.Story tells it, without priorities.
	Ends string
	// Open tells whether the issue must be open in the end, in whatever order the webhooks arrive after the first.
	Open bool
}

// model is the least that can be said of an issue: it knows nothing of signals, effects or writes.
type model struct {
	reopenWindow  time.Duration
	opened        int
	cycles        int
	open          bool
	newestAlert   time.Time
	newestResolve time.Time
	resolvedAt    time.Time
}

func (m *model) alert(at time.Time) {
	if !m.open && !at.Before(m.newestResolve) {
		if m.opened == 0 || m.reopenWindow == 0 || m.cycles == v1alpha1.MaxCycles || at.Sub(m.resolvedAt) > m.reopenWindow {
			m.opened++
			m.cycles = 0
		}
		m.cycles++
		m.open = true
	}
	if at.After(m.newestAlert) {
		m.newestAlert = at
	}
}

func (m *model) resolve(at time.Time) {
	if m.open && !at.Before(m.newestAlert) {
		m.open = false
		m.resolvedAt = at
	}
	if at.After(m.newestResolve) {
		m.newestResolve = at
	}
}

func (m *model) ends() string {
	var told []string
	for number := 1; number <= m.opened; number++ {
		state := "Resolved"
		if m.open && number == m.opened {
			state = "Open"
		}
		told = append(told, fmt.Sprintf("%d %s", number, state))
	}
	return strings.Join(told, ", ")
}

// NewTale makes up a tale of an issue with so many webhooks, a minute apart: most in order, some late, some repeated.
func NewTale(random *rand.Rand, id string, length int, begin time.Time, reopenWindow time.Duration) Tale {
	type said struct {
		action string
		at     time.Time
	}
	var order []said
	actions := []string{"unresolved", "assigned", "ignored", "rule", "resolved", "resolved", "resolved"}
	for len(order) < length*3/4 {
		minute := time.Duration(len(order)) * time.Minute
		order = append(order, said{actions[random.IntN(len(actions))], begin.Add(minute)})
	}
	// The first is an alert: what comes before the first alert is for each replica alone to remember.
	order[0].action = "created"
	for i := 1; i+1 < len(order); i++ {
		if random.IntN(4) == 0 {
			order[i], order[i+1] = order[i+1], order[i]
		}
	}
	for len(order) < length {
		again := order[random.IntN(len(order))]
		after := 1 + random.IntN(len(order))
		order = append(order[:after:after], append([]said{again}, order[after:]...)...)
	}
	issue := simulator.Issue{ID: id, Status: "unresolved"}
	tale, model := Tale{}, &model{reopenWindow: reopenWindow}
	for _, one := range order {
		switch one.action {
		case "resolved":
			tale.Webhooks = append(tale.Webhooks, simulator.IssueWebhook(one.action, simulator.Issue{ID: id}, one.at))
			model.resolve(one.at)
		case "rule":
			tale.Webhooks = append(tale.Webhooks, simulator.EventAlert(issue, "Page the team", false, one.at))
			model.alert(one.at)
		default:
			tale.Webhooks = append(tale.Webhooks, simulator.IssueWebhook(one.action, issue, one.at))
			model.alert(one.at)
		}
	}
	tale.Ends = model.ends()
	tale.Open = model.newestAlert.After(model.newestResolve)
	return tale
}
