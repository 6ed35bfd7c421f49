package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/itoc360/itoc360-operator/hack/receivers"
)

const (
	// demoToken is the Slack app's, demoSigningSecret what webhooks to the pager are signed with, and demoRoutingKey that of the
	// service of PagerDuty.
	demoToken         = "xoxb-demo"                          //nolint:gosec // it opens nothing
	demoSigningSecret = "whsec_ZGVtby1zaWduaW5nLXNlY3JldA==" //nolint:gosec // it opens nothing
	demoRoutingKey    = "demo0routing0key0of0a0service000"
	// readTimeout bounds how long a receiver waits for a request.
	readTimeout = 10 * time.Second
)

// people are those who are on call: a workspace of Slack, a service of PagerDuty, a mailbox, a pager behind a webhook, and an
// Alertmanager. They pass on what they receive.
type people struct {
	slackURL, pagerURL, dutyURL string
	mailPort                    int
	alertmanager                *receivers.Alertmanager
	// received are the messages, as they come.
	received chan string
	stops    []func()
}

// startPeople lets them listen on this machine. The folder takes what Alertmanager keeps.
func startPeople(folder string) (*people, error) {
	p := &people{received: make(chan string, 100)}
	if err := p.start(folder); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *people) start(folder string) error {
	slack := &receivers.Slack{Token: demoToken, Unexpected: p.unexpected, Seen: func(message receivers.SlackMessage) {
		p.received <- describeSlack(message)
	}}
	pager := &receivers.Webhook{Secret: demoSigningSecret, Unexpected: p.unexpected, Seen: func(delivery receivers.Delivery) {
		p.received <- "pager, " + delivery.Type + ": " + delivery.Title
	}}
	duty := &receivers.PagerDuty{RoutingKey: demoRoutingKey, Unexpected: p.unexpected, Seen: func(event receivers.PagerDutyEvent) {
		p.received <- fmt.Sprintf("PagerDuty, %s (%s): %s", event.Shown, event.Payload.Severity, event.Payload.Summary)
	}}
	for _, receiver := range []struct {
		handler http.Handler
		url     *string
	}{{slack, &p.slackURL}, {pager, &p.pagerURL}, {duty, &p.dutyURL}} {
		if err := p.serve(receiver.handler, receiver.url); err != nil {
			return err
		}
	}
	mailbox := &receivers.MailServer{Unexpected: p.unexpected, Seen: func(mail receivers.Mail) { p.received <- describeMail(mail) }}
	address, stop, err := mailbox.Start()
	if err != nil {
		return err
	}
	p.mailPort, p.stops = address.Port, append(p.stops, stop)
	return p.startAlertmanager(filepath.Join(folder, "alertmanager"))
}

func (p *people) startAlertmanager(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make Alertmanager's folder: %w", err)
	}
	p.alertmanager = &receivers.Alertmanager{Folder: folder, Unexpected: p.unexpected, Seen: func(alert receivers.Alert) {
		p.received <- "Alertmanager, " + alert.Status + ": " + alert.Annotations["summary"]
	}}
	if err := p.alertmanager.Start(); err != nil {
		return err
	}
	p.stops = append(p.stops, func() { _ = p.alertmanager.Stop() })
	return nil
}

func (p *people) serve(handler http.Handler, url *string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for messages: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readTimeout}
	p.stops = append(p.stops, func() { _ = server.Close() })
	*url = "http://" + listener.Addr().String() + "/"
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			p.unexpected("the receiver ended: %v", err)
		}
	}()
	return nil
}

func (p *people) unexpected(format string, arguments ...any) {
	p.received <- "unexpected: " + fmt.Sprintf(format, arguments...)
}

func (p *people) stop() {
	for _, stop := range p.stops {
		stop()
	}
}

func describeMail(mail receivers.Mail) string {
	where := "mailbox, a mail"
	if mail.Header.Get("References") != "" {
		where = "mailbox, a mail in its thread"
	}
	first, _, _ := strings.Cut(mail.Text, "\n")
	return where + ": " + mail.Subject + " | " + first
}

func describeSlack(message receivers.SlackMessage) string {
	where := "Slack, a message"
	switch {
	case message.Thread != "" && message.Broadcast:
		where = "Slack, a reply shown in the channel"
	case message.Thread != "":
		where = "Slack, a reply in its thread"
	case message.Edits > 0:
		where = "Slack, the message brought up to date"
	}
	first, _, _ := strings.Cut(message.Attachment, "\n")
	if first != "" {
		first = " | " + first
	}
	return where + ": " + message.Text + first
}
