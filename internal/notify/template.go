package notify

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// The bounds of a message, in characters.
const (
	maxTitle = 200
	maxBody  = 3000
)

// defaultTitle names priority, project and title within what a locked phone shows, 80 characters.
const defaultTitle = `
{{- if eq .Kind "Resolved"}}Resolved: {{else if eq .Kind "Test"}}Test: {{else if eq .Kind "Update"}}{{.State}}: {{end -}}
[{{.Priority}}] {{with .Project}}{{cut 30 .}}: {{end}}{{.Title}}`

const defaultBody = `
{{- if eq .Kind "Test"}}If you can read this, the NotificationChannel {{.Project}} in {{.Namespace}} works.
{{- else -}}
{{- if eq .Kind "Resolved"}}Resolved by {{.ResolvedBy}} after {{.Age}}
{{- else if eq .State "Acknowledged"}}Acknowledged by {{.AnsweredBy}}, open for {{.Age}}
{{- else if eq .State "Snoozed"}}Snoozed by {{.AnsweredBy}} until {{.SnoozedUntil}}, open for {{.Age}}
{{- else}}Open for {{.Age}}
{{- end}}, {{.Signals}} {{if eq .Signals 1}}signal{{else}}signals{{end}}, assigned to {{or .Assignee "nobody"}}
{{with .Culprit}}{{.}}
{{end}}{{if or .ShortID .URL}}{{with .ShortID}}{{.}} {{end}}{{.URL}}
{{end}}Incident {{.Name}} in {{.Namespace}}
{{- if and .Command (eq .State "Open")}}
Acknowledge: {{.Command}}
{{- end}}
{{- end}}`

// Text is how a message reads.
type Text struct {
	// Title is one line.
	Title string
	// Body is what follows.
	Body string
}

// Template makes texts of views.
type Template struct {
	title, body *template.Template
}

// defaults are the templates of whoever has none.
var defaults = Template{
	title: template.Must(compile("title", defaultTitle)),
	body:  template.Must(compile("body", defaultBody)),
}

// example is a view with something in every field, which every sensible template can make a text of.
var example = View{
	Kind: string(v1alpha1.KindPage), Key: "team-payments/payments-42-1/1769828400000", Name: "payments-42-1",
	Namespace: "team-payments", Source: "payments", Number: 1, Cycle: 1, State: string(v1alpha1.StateOpen), Priority: "HIGH",
	Title: "TypeError: cannot read the currency of an order that was never paid", Culprit: "checkout.charge(card)",
	Level: "error", Project: "checkout", ShortID: "CHECKOUT-1A", Assignee: "Ada Lovelace",
	URL: "https://acme.sentry.io/issues/42/", Signals: 7, OpenedAt: "2026-01-31T03:00:00Z", Age: "5m", Step: "team", Round: 1,
	AnsweredBy: "alice@example.com", SnoozedUntil: "2026-01-31T07:00:00Z", ResolvedBy: v1alpha1.BySentry, Command: "kubectl",
}

// Compile compiles a channel's template. What does not compile has the default in its place, and an error says why. A
// template has no loops and no templates of its own: a message could otherwise take forever.
func Compile(spec v1alpha1.MessageTemplate) (*Template, error) {
	compiled := defaults
	var problems []error
	for _, part := range []struct {
		name, text string
		to         **template.Template
	}{{"title", spec.Title, &compiled.title}, {"body", spec.Body, &compiled.body}} {
		if part.text == "" {
			continue
		}
		parsed, err := compile(part.name, part.text)
		if err == nil {
			// A field that there is none of shows only when it is executed.
			_, err = execute(parsed, example)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("template.%s: %w", part.name, err))
			continue
		}
		*part.to = parsed
	}
	return &compiled, errors.Join(problems...)
}

func compile(name, text string) (*template.Template, error) {
	parsed, err := template.New(name).Option("missingkey=error").Funcs(functions).Parse(text)
	if err != nil {
		return nil, shorten(err)
	}
	if len(parsed.Templates()) > 1 {
		return nil, errors.New("define and block are not available")
	}
	return parsed, checkNodes(parsed.Root)
}

// functions are what templates can call besides the builtin ones.
var functions = template.FuncMap{
	"cut":    cut,
	"upper":  strings.ToUpper,
	"lower":  strings.ToLower,
	"printf": printf,
}

// hugeWidth is a width or a precision that would make a text of any size.
var hugeWidth = regexp.MustCompile(`\*|[0-9]{4}`)

func printf(format string, values ...any) (string, error) {
	if hugeWidth.MatchString(format) {
		return "", errors.New("printf takes no width beyond 999")
	}
	return fmt.Sprintf(format, values...), nil
}

// checkNodes refuses what could go on forever.
func checkNodes(node parse.Node) error {
	switch node := node.(type) {
	case *parse.ListNode:
		if node == nil {
			return nil
		}
		for _, child := range node.Nodes {
			if err := checkNodes(child); err != nil {
				return err
			}
		}
	case *parse.RangeNode:
		return errors.New("range is not available: there is nothing to go through")
	case *parse.TemplateNode:
		return errors.New("template is not available")
	case *parse.IfNode:
		return errors.Join(checkNodes(node.List), checkNodes(node.ElseList))
	case *parse.WithNode:
		return errors.Join(checkNodes(node.List), checkNodes(node.ElseList))
	}
	return nil
}

// Render makes the text of a view. Where the channel's template fails, the default stands in.
func (t *Template) Render(view View) Text {
	return Text{
		Title: cut(maxTitle, oneLine(render(t.title, defaults.title, view))),
		Body:  cut(maxBody, strings.TrimSpace(render(t.body, defaults.body, view))),
	}
}

func render(wanted, standIn *template.Template, view View) string {
	if text, err := execute(wanted, view); err == nil && strings.TrimSpace(text) != "" {
		return text
	}
	// The default fails on no view.
	text, _ := execute(standIn, view)
	return text
}

func execute(t *template.Template, view View) (string, error) {
	var text strings.Builder
	if err := t.Execute(&text, view); err != nil {
		return "", shorten(err)
	}
	return text.String(), nil
}

// shorten takes the package's own words off an error of text/template, and bounds it.
func shorten(err error) error {
	return errors.New(cut(200, strings.TrimPrefix(err.Error(), "template: ")))
}

// cut is a text of at most so many characters.
func cut(most int, text string) string {
	letters := []rune(text)
	if len(letters) <= most {
		return text
	}
	return string(letters[:most-1]) + "…"
}
