package notify

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// manyMessages are so many pages of each priority, and some ends and answers.
func manyMessages(t *testing.T) []Message {
	t.Helper()
	var messages []Message
	add := func(kind v1alpha1.NotificationKind, state v1alpha1.IncidentState, priority v1alpha1.Priority, count int) {
		for range count {
			incident := incidentIn(state)
			incident.Name = fmt.Sprintf("payments-%d-1", len(messages)+1)
			incident.Spec.Priority = priority
			if len(messages)%2 == 1 {
				incident.Spec.SourceRef.Name = "orders"
			}
			view := ViewOf(incident, entryOf(kind), minute(5))
			messages = append(messages, Message{View: view, Text: defaults.Render(view), ID: IDOf(incident, entryOf(kind))})
		}
	}
	add(v1alpha1.KindPage, v1alpha1.StateOpen, v1alpha1.PriorityCritical, 2)
	add(v1alpha1.KindPage, v1alpha1.StateOpen, v1alpha1.PriorityHigh, 5)
	add(v1alpha1.KindPage, v1alpha1.StateOpen, v1alpha1.PriorityLow, 1)
	add(v1alpha1.KindResolved, v1alpha1.StateResolved, v1alpha1.PriorityCritical, 4)
	add(v1alpha1.KindUpdate, v1alpha1.StateAcknowledged, v1alpha1.PriorityHigh, 1)
	return messages
}

func TestASummaryCountsAndNames(t *testing.T) {
	messages := manyMessages(t)
	summary := Summarize("team-payments/slack", messages, minute(5))
	golden(t, "summary", summary.Text.Title+"\n---\n"+summary.Text.Body+"\n")
	ends := Summarize("team-payments/slack", messages[8:12], minute(5))
	golden(t, "summary-resolved", ends.Text.Title+"\n---\n"+ends.Text.Body+"\n")
	body, err := webhookBody(summary, minute(5))
	must(t, err)
	var indented any
	must(t, json.Unmarshal(body, &indented))
	text, err := json.MarshalIndent(indented, "", "  ")
	must(t, err)
	golden(t, "webhook-summary", string(text)+"\n")
	workspace, target := newSlackWorkspace(t)
	send(t, target, summary)
	message := workspace.Messages()[0]
	golden(t, "slack-summary", message.Text+"\n"+message.Attachment+"\n")
	server, mailbox := mailTest(t, v1alpha1.SMTPNone)
	send(t, mailbox, summary)
	mail := server.Mails()[0]
	golden(t, "mail-summary", mail.Header.Get("Message-Id")+"\n"+mail.Subject+"\n---\n"+mail.Text+"---\n"+mail.HTML)
}

func TestASummaryBringsSlacksMessagesUpToDateInSilence(t *testing.T) {
	workspace, target := newSlackWorkspace(t)
	page := messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen)
	resolved := messageOf(t, v1alpha1.KindResolved, v1alpha1.StateResolved)
	resolved.Receipt = send(t, target, page)
	send(t, target, Summarize("team/slack", []Message{resolved, manyMessages(t)[0]}, minute(5)))
	messages := workspace.Messages()
	if len(messages) != 2 || messages[0].Edits != 1 || !strings.HasPrefix(messages[0].Text, "Resolved: ") || messages[1].Thread != "" {
		t.Errorf("Slack has %+v", messages)
	}
}

func TestASummaryOfTheSameHasTheSameID(t *testing.T) {
	messages := manyMessages(t)
	one, again := Summarize("team/a.b", messages[:2], minute(5)), Summarize("team/a.b", []Message{messages[1], messages[0]}, minute(6))
	other := Summarize("team/a.b", messages[:3], minute(5))
	if one.ID != again.ID || one.ID == other.ID || strings.Contains(one.ID, ".") {
		t.Errorf("the IDs are %s, %s and %s", one.ID, again.ID, other.ID)
	}
}

func TestASummaryNamesEveryOneThatIsCriticalHoweverMany(t *testing.T) {
	var messages []Message
	for i := range 300 {
		incident := incidentIn(v1alpha1.StateOpen)
		incident.Name, incident.Spec.Priority = fmt.Sprintf("payments-%d-1", i), v1alpha1.PriorityCritical
		view := ViewOf(incident, entryOf(v1alpha1.KindPage), minute(5))
		messages = append(messages, Message{View: view, ID: fmt.Sprint(i)})
	}
	body := Summarize("team/slack", messages, minute(5)).Text.Body
	for i := range messages {
		if !strings.Contains(body, fmt.Sprintf("(payments-%d-1)", i)) {
			t.Fatalf("payments-%d-1 is not named", i)
		}
	}
}
