package notify

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// kinds are all kinds of messages.
func kindsOf(t *testing.T) map[string]Message {
	t.Helper()
	channel := &v1alpha1.NotificationChannel{ObjectMeta: metav1.ObjectMeta{Namespace: "team-payments", Name: "payments-slack"}}
	test := Message{View: TestView(channel, minute(5)), ID: "test"}
	test.Text = defaults.Render(test.View)
	bare := incidentIn(v1alpha1.StateOpen)
	bare.Spec.Issue, bare.Spec.SignalCount, bare.Spec.Priority = v1alpha1.Issue{}, 1, v1alpha1.PriorityCritical
	view := ViewOf(bare, entryOf(v1alpha1.KindPage), minute(0))
	return map[string]Message{
		"page":         messageOf(t, v1alpha1.KindPage, v1alpha1.StateOpen),
		"page-bare":    {View: view, Text: defaults.Render(view), ID: "bare"},
		"acknowledged": messageOf(t, v1alpha1.KindUpdate, v1alpha1.StateAcknowledged),
		"snoozed":      messageOf(t, v1alpha1.KindUpdate, v1alpha1.StateSnoozed),
		"resolved":     messageOf(t, v1alpha1.KindResolved, v1alpha1.StateResolved),
		"test":         test,
	}
}

func TestEveryKindOfMessageReadsAsWritten(t *testing.T) {
	for name, message := range kindsOf(t) {
		golden(t, name, message.Text.Title+"\n---\n"+message.Text.Body+"\n")
	}
}

func TestALockedPhoneShowsPriorityProjectAndTitle(t *testing.T) {
	for name, message := range kindsOf(t) {
		shown := cut(80, message.Text.Title)
		view := message.View
		for _, part := range []string{view.Priority, view.Project, string([]rune(view.Title)[:12])} {
			if !strings.Contains(shown, part) {
				t.Errorf("%s: %q does not name %q", name, shown, part)
			}
		}
	}
	long := incidentIn(v1alpha1.StateAcknowledged)
	long.Spec.Priority = v1alpha1.PriorityCritical
	long.Spec.Issue.Project, long.Spec.Issue.Title = strings.Repeat("project-", 16), strings.Repeat("Ünglück ", 32)
	shown := cut(80, defaults.Render(ViewOf(long, entryOf(v1alpha1.KindUpdate), minute(5))).Title)
	for _, part := range []string{"CRITICAL", "project-project-", "Ünglück"} {
		if !strings.Contains(shown, part) {
			t.Errorf("%q does not name %q", shown, part)
		}
	}
}

func TestATitleIsOneLineWhateverSentrySays(t *testing.T) {
	incident := incidentIn(v1alpha1.StateOpen)
	incident.Spec.Issue.Title = "a\r\nb\x1b[31m\u202ec\u2028 d"
	if got := defaults.Render(ViewOf(incident, entryOf(v1alpha1.KindPage), minute(5))).Title; got != "[HIGH] checkout: a b [31m c d" {
		t.Errorf("the title is %q", got)
	}
}

func TestATemplateOfOnesOwn(t *testing.T) {
	view := ViewOf(incidentIn(v1alpha1.StateOpen), entryOf(v1alpha1.KindPage), minute(5))
	usual := defaults.Render(view)
	for name, c := range map[string]struct {
		title   string
		want    string
		problem string
	}{
		"its own title":        {"{{.Priority}} {{cut 5 .Title}} {{.Round}} {{printf \"%03d\" .Signals}}", "HIGH Type… 1 007", ""},
		"conditions":           {`{{if eq .Kind "Page"}}{{with .Step}}{{upper .}}{{end}}{{end}}`, "TEAM", ""},
		"one that is unclosed": {"{{.Priority", usual.Title, "unclosed action"},
		"a field there is not": {"{{.Prioritaet}}", usual.Title, "can't evaluate field Prioritaet"},
		"a loop":               {"{{range 1000000000}}{{end}}", usual.Title, "range is not available"},
		"a loop in a condition": {
			"{{if .URL}}{{else}}{{with .URL}}{{range 9}}{{end}}{{end}}{{end}}",
			usual.Title, "range is not available",
		},
		"a template":       {`{{template "title"}}`, usual.Title, "template is not available"},
		"a definition":     {`{{define "x"}}{{end}}`, usual.Title, "define and block are not available"},
		"a huge width":     {`{{printf "%9999d" 1}}`, usual.Title, "printf takes no width beyond 999"},
		"a given width":    {`{{printf "%*d" 9 1}}`, usual.Title, "printf takes no width beyond 999"},
		"a part of a text": {"{{slice .Title 0 4}}", "Type", ""},
		"nothing at all":   {"{{if .Culprit}}{{else}}x{{end}}", usual.Title, ""},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := Compile(v1alpha1.MessageTemplate{Title: c.title})
			if (err == nil) != (c.problem == "") || (err != nil && !strings.Contains(err.Error(), c.problem)) {
				t.Errorf("it compiles with %v", err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "template.title: ") {
				t.Errorf("%q does not say which template", err)
			}
			if got := template.Render(view); got.Title != c.want || got.Body != usual.Body {
				t.Errorf("it reads %q", got)
			}
		})
	}
}

func TestTextsAreBounded(t *testing.T) {
	template, err := Compile(v1alpha1.MessageTemplate{Title: strings.Repeat("t", 1024), Body: strings.Repeat("b", 8192)})
	must(t, err)
	text := template.Render(View{})
	if len([]rune(text.Title)) != maxTitle || len([]rune(text.Body)) != maxBody {
		t.Errorf("the title has %d characters, the body %d", len([]rune(text.Title)), len([]rune(text.Body)))
	}
}

func TestAMessagesIDIsItsNotificationsOwn(t *testing.T) {
	incident := incidentIn(v1alpha1.StateOpen)
	page, repeated, told := entryOf(v1alpha1.KindPage), entryOf(v1alpha1.KindPage), entryOf(v1alpha1.KindResolved)
	repeated.Loop = 1
	ids := map[string]bool{}
	for _, entry := range []v1alpha1.Notification{page, page, repeated, told} {
		ids[IDOf(incident, entry)] = true
	}
	if len(ids) != 3 {
		t.Errorf("the IDs are %v", ids)
	}
	if got := IDOf(incident, page); got != "team-payments/payments-42-2/1769828400000/1-0-Page-0-team/payments_slack" {
		t.Errorf("an ID is %s", got)
	}
}

func TestWhatIsClosedThoughUnresolvedSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		test bool
		want string
	}{
		"it is deleted":              {false, "Resolved by deletion after 5m"},
		"it turned out to be a test": {true, "Resolved by Operator after 5m"},
	} {
		incident := incidentIn(v1alpha1.StateOpen)
		incident.Spec.Test = c.test
		view := ViewOf(incident, entryOf(v1alpha1.KindResolved), minute(5))
		if text := defaults.Render(view); !strings.HasPrefix(text.Body, c.want) || view.State != "Resolved" || view.Command != "" {
			t.Errorf("%s: it reads %q", name, text.Body)
		}
	}
}
