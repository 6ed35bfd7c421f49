package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// View is what a template sees of an Incident and of why it is told.
type View struct {
	// Kind is why: Page, Update, Resolved or Test.
	Kind string `json:"kind"`
	// Key is the Incident's, the same in all that is told of it, also after a restore from a backup.
	Key string `json:"key"`
	// Name of the Incident.
	Name string `json:"name"`
	// Namespace of the Incident.
	Namespace string `json:"namespace"`
	// Source is the name of its AlertSource.
	Source string `json:"source"`
	// Number among the Incidents of the same alert, from 1.
	Number int32 `json:"number"`
	// Cycle of the Incident, from 1.
	Cycle int32 `json:"cycle"`
	// State: Open, Acknowledged, Snoozed or Resolved.
	State string `json:"state"`
	// Priority: LOW, MEDIUM, HIGH or CRITICAL.
	Priority string `json:"priority"`
	// Title of the issue.
	Title string `json:"title"`
	// Culprit is where it happened.
	Culprit string `json:"culprit,omitempty"`
	// Level as Sentry names it.
	Level string `json:"level,omitempty"`
	// Project is the slug of the Sentry project.
	Project string `json:"project,omitempty"`
	// ShortID is the issue's short name.
	ShortID string `json:"shortID,omitempty"`
	// Assignee in Sentry.
	Assignee string `json:"assignee,omitempty"`
	// URL of the issue in Sentry.
	URL string `json:"url,omitempty"`
	// Signals is how many signals were heard.
	Signals int64 `json:"signals"`
	// OpenedAt is when the cycle began, in UTC, such as 2026-01-31T03:04:05Z.
	OpenedAt string `json:"openedAt"`
	// Age of the cycle, or how long it lasted, such as 5m or 2h10m.
	Age string `json:"age"`
	// Step of the policy that pages.
	Step string `json:"step,omitempty"`
	// Round of the steps that pages, from 1.
	Round int32 `json:"round,omitempty"`
	// AnsweredBy is who acknowledged or snoozed.
	AnsweredBy string `json:"answeredBy,omitempty"`
	// SnoozedUntil is when the snooze ends, in UTC.
	SnoozedUntil string `json:"snoozedUntil,omitempty"`
	// ResolvedBy is who resolved: Sentry, Operator (after silence), a responder, or the deletion of the Incident, its source or
	// the channel.
	ResolvedBy string `json:"resolvedBy,omitempty"`
	// Command acknowledges the Incident.
	Command string `json:"command,omitempty"`
	// StartedAt is when the cycle began by Sentry's clock and by the operator's, whichever says earlier; never after now.
	StartedAt time.Time `json:"-"`
}

// deletion is what ends the messages about an Incident that is unresolved.
const deletion = "deletion"

// KeyOf is the key by which targets know an Incident. It rests on facts that a restore from a backup keeps.
func KeyOf(incident *v1alpha1.Incident) string {
	return fmt.Sprintf("%s/%s/%d", incident.Namespace, incident.Name, incident.Spec.Signals[0].ReceivedAt.UnixMilli())
}

// IDOf is the ID of one notification of an Incident: its key, and the notification's own.
func IDOf(incident *v1alpha1.Incident, entry v1alpha1.Notification) string {
	own := fmt.Sprintf("%d-%d-%s-%d", entry.Run, entry.Loop, entry.Kind, entry.Sequence)
	if entry.Step != "" {
		own += "-" + entry.Step
	}
	// The signature joins the ID to what follows by a dot.
	return KeyOf(incident) + "/" + own + "/" + strings.ReplaceAll(entry.Channel, ".", "_")
}

// ViewOf is the view of an Incident, as its spec says that it stands. The status may speak of an earlier spec.
func ViewOf(incident *v1alpha1.Incident, entry v1alpha1.Notification, now time.Time) View {
	issue := incident.Spec.Issue
	status, answer, _ := lifecycle.FoldAnswer(&incident.Spec, now)
	view := View{
		Kind: string(entry.Kind), Key: KeyOf(incident), Name: incident.Name, Namespace: incident.Namespace,
		Source: incident.Spec.SourceRef.Name, Number: incident.Spec.Number, Cycle: entry.Cycle,
		State: string(status.State), Priority: strings.ToUpper(string(incident.Spec.Priority)),
		Title: oneLine(issue.Title), Culprit: oneLine(issue.Culprit), Level: oneLine(issue.Level),
		Project: oneLine(issue.Project), ShortID: oneLine(issue.ShortID), Assignee: oneLine(issue.Assignee),
		URL: oneLine(issue.URL), Signals: incident.Spec.SignalCount,
	}
	if view.Title == "" {
		view.Title = incident.Name
	}
	if entry.Kind == v1alpha1.KindPage {
		view.Step, view.Round = entry.Step, entry.Loop+1
	}
	if place := int(entry.Cycle) - 1; place >= 0 && place < len(status.Cycles) {
		view.tellCycle(status.Cycles[place], incident.Spec.Test, now)
		view.StartedAt = lifecycle.StartOf(&incident.Spec, entry.Cycle).UTC()
		if view.StartedAt.After(now) {
			view.StartedAt = now.UTC()
		}
	}
	if entry.Kind == v1alpha1.KindResolved {
		view.State = string(v1alpha1.StateResolved)
		return view
	}
	if status.State != v1alpha1.StateResolved {
		view.Command = acknowledgeCommand(incident)
	}
	view.AnsweredBy = answer.By
	if !answer.SnoozedUntil.IsZero() {
		view.SnoozedUntil = answer.SnoozedUntil.UTC().Format(time.RFC3339)
	}
	return view
}

func (v *View) tellCycle(cycle v1alpha1.Cycle, isTest bool, now time.Time) {
	v.OpenedAt = cycle.OpenedAt.UTC().Format(time.RFC3339)
	end := now
	switch {
	case cycle.ResolvedAt != nil:
		end, v.ResolvedBy = cycle.ResolvedAt.Time, cycle.ResolvedBy
	case v.Kind == string(v1alpha1.KindResolved) && isTest:
		v.ResolvedBy = v1alpha1.ByOperator
	case v.Kind == string(v1alpha1.KindResolved):
		v.ResolvedBy = deletion
	}
	v.Age = age(end.Sub(cycle.OpenedAt.Time))
}

// TestView is the view of a test message.
func TestView(channel *v1alpha1.NotificationChannel, now time.Time) View {
	return View{
		Kind: KindTest, Key: channel.Namespace + "/" + channel.Name + "/test", Name: "test", Namespace: channel.Namespace,
		Source: "test", Number: 1, Cycle: 1, State: string(v1alpha1.StateOpen), Priority: "LOW", Project: channel.Name,
		Title: "A test message, nothing has happened", Signals: 1, OpenedAt: now.UTC().Format(time.RFC3339), Age: age(0),
		StartedAt: now.UTC(),
	}
}

// acknowledgeCommand acknowledges in the name of whoever runs it.
func acknowledgeCommand(incident *v1alpha1.Incident) string {
	return fmt.Sprintf(`kubectl -n %s patch incident %s --type merge -p "{\"spec\":{\"response\":{`+
		`\"acknowledgedBy\":\"$(kubectl auth whoami -o jsonpath={.status.userInfo.username})\",`+
		`\"acknowledgedAt\":\"$(date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ)\"}}}"`, incident.Namespace, incident.Name)
}

// age is a duration as people say it: 40s, 5m, 2h10m, 3d4h.
func age(d time.Duration) string {
	d = max(d, 0)
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm", minutes)
	default:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
}

// oneLine is a text without line breaks and what else a terminal or a chat might take for a command.
func oneLine(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(clean), " ")
}
