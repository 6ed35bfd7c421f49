package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/lifecycle"
)

// The keys of a Secret of type kubernetes.io/basic-auth.
const (
	usernameKey = "username"
	passwordKey = "password"
)

// maxReceipt is how long a receipt is at most, as the API has it.
const maxReceipt = 512

// emailTarget is some mailboxes. The mails about an Incident are one thread: all but the first refer to that. A receipt is
// the Message-ID of the first mail.
type emailTarget struct {
	spec               v1alpha1.EmailChannel
	username, password string
	tls                *tls.Config
	now                func() time.Time
}

// authOf are the keys of the Secret that logs in.
func authOf(spec v1alpha1.EmailChannel) []v1alpha1.SecretKeyReference {
	if spec.SMTP.AuthRef == nil {
		return nil
	}
	name := spec.SMTP.AuthRef.Name
	return []v1alpha1.SecretKeyReference{{Name: name, Key: usernameKey}, {Name: name, Key: passwordKey}}
}

func newEmail(
	spec v1alpha1.EmailChannel, values map[v1alpha1.SecretKeyReference]string, config *tls.Config, now func() time.Time,
) (*emailTarget, error) {
	target := &emailTarget{spec: spec, now: now}
	for _, address := range append([]string{spec.From}, spec.To...) {
		if _, err := mail.ParseAddress(address); err != nil {
			return nil, &InvalidError{v1alpha1.ReasonAddressInvalid, fmt.Sprintf("%q is no address that mail can go to", cut(100, address))}
		}
	}
	if refs := authOf(spec); refs != nil {
		// A line break at the end is a slip of whoever made the Secret; no password has one.
		target.username = strings.TrimRight(values[refs[0]], "\r\n")
		target.password = strings.TrimRight(values[refs[1]], "\r\n")
		if target.username == "" || target.password == "" {
			return nil, unfit(refs[0], "a user name with a password beside it")
		}
	}
	target.tls = config.Clone()
	target.tls.ServerName = spec.SMTP.Host
	return target, nil
}

// Send implements Target.
func (t *emailTarget) Send(ctx context.Context, message Message) (receipt string, failure *lifecycle.Failure) {
	letter, err := t.letter(message)
	if err != nil {
		return "", &lifecycle.Failure{Class: lifecycle.FailurePermanent, Reason: reasonRefused, Message: "The mail cannot be made"}
	}
	client, err := t.client(ctx)
	if err != nil {
		return "", &lifecycle.Failure{Class: lifecycle.FailurePermanent, Reason: reasonRefused, Message: "The SMTP client cannot be made"}
	}
	err = client.DialAndSendWithContext(ctx, letter)
	switch {
	case err == nil, letter.IsDelivered():
		// Once the server has taken it, it does not matter how the connection ended.
		return receiptOf(message, letter), nil
	case ctx.Err() != nil:
		failure = failed(context.DeadlineExceeded)
	default:
		failure = emailFailure(err)
	}
	failure.MayHaveArrived = mayHaveTaken(err)
	return "", failure
}

func receiptOf(message Message, letter *gomail.Msg) string {
	receipt := message.Receipt
	if receipt == "" {
		receipt = strings.Trim(letter.GetMessageID(), "<>")
	}
	if len(receipt) > maxReceipt {
		return ""
	}
	return receipt
}

// letter is the mail that a message is.
func (t *emailTarget) letter(message Message) (*gomail.Msg, error) {
	letter := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(letter.From(t.spec.From), letter.To(t.spec.To...)); err != nil {
		return nil, err
	}
	sender, err := mail.ParseAddress(t.spec.From)
	if err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(sender.Address, "@")
	letter.SetMessageIDWithValue(message.ID + "@" + domain)
	if message.Receipt != "" {
		letter.SetGenHeader(gomail.HeaderInReplyTo, "<"+message.Receipt+">")
		letter.SetGenHeader(gomail.HeaderReferences, "<"+message.Receipt+">")
	}
	letter.SetDateWithValue(t.now())
	letter.Subject(message.Text.Title)
	// An answering machine has nothing to say to a machine (RFC 3834).
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.SetGenHeader("X-Auto-Response-Suppress", "All")
	if priority := message.View.Priority; message.View.Kind == string(v1alpha1.KindPage) && (priority == "CRITICAL" || priority == "HIGH") {
		letter.SetImportance(gomail.ImportanceHigh)
	}
	var html bytes.Buffer
	if err := htmlBody.Execute(&html, message); err != nil {
		return nil, err
	}
	letter.SetBodyString(gomail.TypeTextPlain, message.Text.Body+"\n")
	letter.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return letter, nil
}

var htmlBody = template.Must(template.New("html").Parse(`<!DOCTYPE html>
<html><body style="font-family: sans-serif">
<h2 style="font-size: 1.1em">{{.Text.Title}}</h2>
<pre style="font-family: inherit; white-space: pre-wrap">{{.Text.Body}}</pre>
{{- with .View.URL}}
<p><a href="{{.}}">Open the issue in Sentry</a></p>
{{- end}}
</body></html>
`))

func (t *emailTarget) client(ctx context.Context) (*gomail.Client, error) {
	server := t.spec.SMTP
	port := int(server.Port)
	options := []gomail.Option{
		gomail.WithTimeout(lifecycle.SendTimeout), gomail.WithTLSConfig(t.tls), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(t.dialWithin(ctx)),
	}
	switch server.TLS {
	case v1alpha1.SMTPTLS:
		options = append(options, gomail.WithSSL())
		port = cmp.Or(port, gomail.DefaultPortSSL)
	case v1alpha1.SMTPNone:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
		port = cmp.Or(port, gomail.DefaultPort)
	case v1alpha1.SMTPStartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
		port = cmp.Or(port, gomail.DefaultPortTLS)
	}
	if t.username != "" {
		// Named, for the library takes a connection that it did not make itself for one in the clear, and then offers no password.
		options = append(options, gomail.WithOpportunisticSMTPAuth(
			gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthCramMD5, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin),
			gomail.WithUsername(t.username), gomail.WithPassword(t.password))
	}
	return gomail.NewClient(server.Host, append(options, gomail.WithPort(port))...)
}

// dialWithin connects. The connection ends with the context of the send: the library's own deadlines begin anew with each
// part of it.
func (t *emailTarget) dialWithin(sending context.Context) gomail.DialContextFunc {
	dialer := &net.Dialer{}
	connect := dialer.DialContext
	if t.spec.SMTP.TLS == v1alpha1.SMTPTLS {
		connect = (&tls.Dialer{NetDialer: dialer, Config: t.tls}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := connect(ctx, network, address)
		if err == nil {
			context.AfterFunc(sending, func() { _ = connection.Close() })
		}
		return connection, err
	}
}
