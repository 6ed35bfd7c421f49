package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/itoc360/itoc360-operator/hack/receivers"
)

const (
	// demoToken is the Slack app's, and demoSigningSecret what webhooks to the pager are signed with.
	demoToken         = "xoxb-demo"                          //nolint:gosec // it opens nothing
	demoSigningSecret = "whsec_ZGVtby1zaWduaW5nLXNlY3JldA==" //nolint:gosec // it opens nothing
	// readTimeout bounds how long a receiver waits for a request.
	readTimeout = 10 * time.Second
)

// people are those who are on call: a workspace of Slack, and a pager behind a webhook. They pass on what they receive.
type people struct {
	slackURL, pagerURL string
	// received are the messages, as they come.
	received chan string
	servers  []*http.Server
}

// startPeople lets them listen on this machine.
func startPeople() (*people, error) {
	p := &people{received: make(chan string, 100)}
	unexpected := func(format string, arguments ...any) {
		p.received <- "unexpected: " + fmt.Sprintf(format, arguments...)
	}
	slack := &receivers.Slack{Token: demoToken, Unexpected: unexpected, Seen: func(message receivers.SlackMessage) {
		p.received <- describeSlack(message)
	}}
	pager := &receivers.Webhook{Secret: demoSigningSecret, Unexpected: unexpected, Seen: func(delivery receivers.Delivery) {
		p.received <- "pager, " + delivery.Type + ": " + delivery.Title
	}}
	for _, receiver := range []struct {
		handler http.Handler
		url     *string
	}{{slack, &p.slackURL}, {pager, &p.pagerURL}} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			p.stop()
			return nil, fmt.Errorf("listen for messages: %w", err)
		}
		server := &http.Server{Handler: receiver.handler, ReadHeaderTimeout: readTimeout}
		p.servers = append(p.servers, server)
		*receiver.url = "http://" + listener.Addr().String() + "/"
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				p.received <- fmt.Sprintf("unexpected: the receiver ended: %v", err)
			}
		}()
	}
	return p, nil
}

func (p *people) stop() {
	for _, server := range p.servers {
		_ = server.Close()
	}
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
