package receivers

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mail is a mail that a server took.
type Mail struct {
	// From and To are those of the envelope.
	From string
	To   []string
	// Header is the mail's own.
	Header mail.Header
	// Subject is decoded.
	Subject string
	// Text and HTML are its two parts.
	Text, HTML string
}

// MailServer is a server that takes mails by SMTP.
type MailServer struct {
	// TLS is its certificate; nil: it speaks in the clear.
	TLS *tls.Config
	// Implicit says that it speaks TLS from the beginning.
	Implicit bool
	// Username and Password are what it wants, if there are any.
	Username, Password string
	// Unexpected takes what is no such mail.
	Unexpected Report
	// Refuses, if set, is asked for each command: MAIL, RCPT or DATA.
	Refuses func(command string) error
	// Seen, if set, is told of each mail before it is answered.
	Seen func(Mail)

	mu    sync.Mutex
	mails []Mail
}

// Start lets it listen on this machine.
func (s *MailServer) Start() (address *net.TCPAddr, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("listen for mails: %w", err)
	}
	address, _ = listener.Addr().(*net.TCPAddr)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{server: s}, nil }))
	server.Domain, server.ReadTimeout, server.WriteTimeout = "localhost", time.Minute, time.Minute
	server.MaxMessageBytes, server.MaxRecipients, server.ErrorLog = maxRequest, 100, quietLog{}
	if s.Implicit {
		listener = tls.NewListener(listener, s.TLS)
	} else {
		server.TLSConfig = s.TLS
	}
	go func() {
		if err := server.Serve(listener); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			s.Unexpected("mail server: it ended: %v", err)
		}
	}()
	return address, func() { _ = server.Close() }, nil
}

// quietLog keeps to itself that a client hung up.
type quietLog struct{}

// Printf implements smtp.Logger.
func (quietLog) Printf(string, ...any) {}

// Println implements smtp.Logger.
func (quietLog) Println(...any) {}

// Mails are those that were taken, in the order of their arrival.
func (s *MailServer) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

func (s *MailServer) refusal(command string) error {
	if s.Refuses == nil {
		return nil
	}
	return s.Refuses(command)
}

// mailSession is one connection.
type mailSession struct {
	server   *MailServer
	loggedIn bool
	mail     Mail
}

// AuthMechanisms implements smtp.AuthSession.
func (m *mailSession) AuthMechanisms() []string {
	if m.server.Username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (m *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != m.server.Username || password != m.server.Password {
			return smtp.ErrAuthFailed
		}
		m.loggedIn = true
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (m *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if m.server.Username != "" && !m.loggedIn {
		return smtp.ErrAuthRequired
	}
	m.mail = Mail{From: from}
	return m.server.refusal("MAIL")
}

// Rcpt implements smtp.Session.
func (m *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	m.mail.To = append(m.mail.To, to)
	return m.server.refusal("RCPT")
}

// Data implements smtp.Session.
func (m *mailSession) Data(content io.Reader) error {
	text, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	if err := m.server.refusal("DATA"); err != nil {
		return err
	}
	received := m.mail
	if err := received.read(text); err != nil {
		m.server.Unexpected("mail server: %v in\n%s", err, text)
		return &smtp.SMTPError{Code: 554, Message: "no such mail is expected"}
	}
	m.server.mu.Lock()
	m.server.mails = append(m.server.mails, received)
	m.server.mu.Unlock()
	if m.server.Seen != nil {
		m.server.Seen(received)
	}
	return nil
}

// Reset implements smtp.Session.
func (m *mailSession) Reset() { m.mail = Mail{} }

// Logout implements smtp.Session.
func (m *mailSession) Logout() error { return nil }

// read reads a mail of two parts.
func (m *Mail) read(text []byte) error {
	parsed, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("read the mail: %w", err)
	}
	m.Header = parsed.Header
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil {
		return fmt.Errorf("read the subject: %w", err)
	}
	kind, parameters, err := mime.ParseMediaType(parsed.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" || parsed.Header.Get("Message-Id") == "" {
		return fmt.Errorf("multipart/alternative with a Message-ID is expected, not %s: %w", kind, err)
	}
	parts := multipart.NewReader(parsed.Body, parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a part: %w", err)
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return fmt.Errorf("read a part's text: %w", err)
		}
		clean := strings.ReplaceAll(string(content), "\r\n", "\n")
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind {
		case "text/plain":
			m.Text = clean
		case "text/html":
			m.HTML = clean
		default:
			return fmt.Errorf("an unexpected part of type %s", kind)
		}
	}
}
