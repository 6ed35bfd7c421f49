package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// KindSummary is the kind of a summary, which is of several notifications.
const KindSummary = "Summary"

const (
	// mostOthers is how many Incidents a summary names besides those that are Critical.
	mostOthers = 3
	// maxName is how long a summary's line about an Incident is at most, in characters.
	maxName = 160
)

// Summarize makes one message of several, of which those to be named come first. The channel is its namespace and name.
func Summarize(channel string, messages []Message, now time.Time) Message {
	summary := Message{ID: summaryID(channel, messages), Gathered: messages}
	views := make([]View, 0, len(messages))
	for _, message := range messages {
		views = append(views, message.View)
	}
	first := views[0]
	summary.View = View{
		Kind: KindSummary, Key: summary.ID, Name: "summary", Namespace: first.Namespace,
		Source: strings.Join(sourcesOf(views), ", "),
		State:  stateOf(views), Priority: worst(views), OpenedAt: now.UTC().Format(time.RFC3339),
	}
	summary.Text = Text{Title: cut(maxTitle, summaryTitle(views)), Body: summaryBody(summary.View, views)}
	return summary
}

// summaryID is the same for the same notifications.
func summaryID(channel string, messages []Message) string {
	ids := make([]string, 0, len(messages))
	for _, message := range messages {
		ids = append(ids, message.ID)
	}
	slices.Sort(ids)
	hash := sha256.Sum256([]byte(strings.Join(ids, "\n")))
	return strings.ReplaceAll(channel, ".", "_") + "/summary/" + hex.EncodeToString(hash[:16])
}

// priorities are those that Incidents have, the worst first.
var priorities = []string{"CRITICAL", "HIGH", "MEDIUM", "LOW"}

// summaryTitle counts: 12 incidents: 2 CRITICAL, 10 HIGH; 3 resolved; 1 answered.
func summaryTitle(views []View) string {
	pages := ofKind(views, v1alpha1.KindPage)
	var parts []string
	if len(pages) > 0 {
		var counts []string
		for _, priority := range priorities {
			if count := len(withPriority(pages, priority)); count > 0 {
				counts = append(counts, fmt.Sprintf("%d %s", count, priority))
			}
		}
		parts = append(parts, plural(len(pages))+": "+strings.Join(counts, ", "))
	}
	for _, kind := range []struct {
		kind v1alpha1.NotificationKind
		word string
	}{{v1alpha1.KindResolved, "resolved"}, {v1alpha1.KindUpdate, "answered"}} {
		switch count := len(ofKind(views, kind.kind)); {
		case count == 0:
		case len(parts) == 0:
			parts = append(parts, plural(count)+" "+kind.word)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", count, kind.word))
		}
	}
	return strings.Join(parts, "; ")
}

func plural(count int) string {
	if count == 1 {
		return "1 incident"
	}
	return fmt.Sprintf("%d incidents", count)
}

// summaryBody names what must be named, and says how to see the rest.
func summaryBody(summary View, views []View) string {
	var body strings.Builder
	fmt.Fprintf(&body, "From %s in %s\n", summary.Source, summary.Namespace)
	for _, part := range []struct {
		kind v1alpha1.NotificationKind
		head string
	}{{v1alpha1.KindPage, ""}, {v1alpha1.KindResolved, "Resolved:\n"}, {v1alpha1.KindUpdate, "Answered:\n"}} {
		if some := ofKind(views, part.kind); len(some) > 0 {
			body.WriteString(part.head)
			name(&body, some, part.kind)
		}
	}
	fmt.Fprintf(&body, "See all: kubectl -n %s get incidents", summary.Namespace)
	if summary.State == string(v1alpha1.StateOpen) {
		body.WriteString(" --field-selector status.state=Open")
	}
	return body.String()
}

// name names every page that is Critical, and some others.
func name(body *strings.Builder, views []View, kind v1alpha1.NotificationKind) {
	others := 0
	for _, view := range views {
		if kind != v1alpha1.KindPage || view.Priority != priorities[0] {
			others++
			if others > mostOthers {
				continue
			}
		}
		line := fmt.Sprintf("[%s] ", view.Priority)
		if view.Project != "" {
			line += cut(30, view.Project) + ": "
		}
		fmt.Fprintf(body, "%s (%s)\n", cut(maxName, line+view.Title), view.Name)
	}
	if others > mostOthers {
		fmt.Fprintf(body, "and %d more\n", others-mostOthers)
	}
}

func ofKind(views []View, kind v1alpha1.NotificationKind) []View {
	return slices.DeleteFunc(slices.Clone(views), func(view View) bool { return view.Kind != string(kind) })
}

func withPriority(views []View, priority string) []View {
	return slices.DeleteFunc(slices.Clone(views), func(view View) bool { return view.Priority != priority })
}

func sourcesOf(views []View) []string {
	var sources []string
	for _, view := range views {
		if !slices.Contains(sources, view.Source) {
			sources = append(sources, view.Source)
		}
	}
	slices.Sort(sources)
	return sources
}

// stateOf is Open if a page is among them.
func stateOf(views []View) string {
	switch {
	case len(ofKind(views, v1alpha1.KindPage)) > 0:
		return string(v1alpha1.StateOpen)
	case len(ofKind(views, v1alpha1.KindUpdate)) > 0:
		return string(v1alpha1.StateAcknowledged)
	default:
		return string(v1alpha1.StateResolved)
	}
}

// worst is the highest priority among them, of the pages if there are any.
func worst(views []View) string {
	if pages := ofKind(views, v1alpha1.KindPage); len(pages) > 0 {
		views = pages
	}
	place := len(priorities) - 1
	for _, view := range views {
		if rank := slices.Index(priorities, view.Priority); rank >= 0 {
			place = min(place, rank)
		}
	}
	return priorities[place]
}
