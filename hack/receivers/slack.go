package receivers

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"sync"
)

// SlackMessage is a message, as Slack's people see it.
type SlackMessage struct {
	// Channel is its channel's id.
	Channel string
	// At is the time by which Slack names a message.
	At string
	// Thread is the message that this one replies to, if any.
	Thread string
	// Broadcast is true for a reply that is shown in the channel too.
	Broadcast bool
	// Text is what a phone shows.
	Text string
	// Attachment is what stands below.
	Attachment string
	// Edits is how often it was changed.
	Edits int
}

// Slack is a workspace with one app in it, which may post to any channel.
type Slack struct {
	// Token is the app's.
	Token string
	// Unexpected takes what Slack would not understand.
	Unexpected Report
	// Answers, if set, is asked for each call, by its method such as chat.postMessage.
	Answers func(method string) Answer
	// Seen, if set, is told of each message posted or changed.
	Seen func(SlackMessage)

	mu       sync.Mutex
	messages []SlackMessage
	calls    int
}

// Messages are those in the workspace, oldest first.
func (s *Slack) Messages() []SlackMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]SlackMessage(nil), s.messages...)
}

// Calls is how many calls came in.
func (s *Slack) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// ServeHTTP implements http.Handler for the methods chat.postMessage and chat.update, under any path.
func (s *Slack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	method := r.URL.Path[1:]
	if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.URL.RawQuery != "" {
		s.refuse(w, "invalid_form_data", "%s %s: %v", r.Method, r.URL.Path, err)
		return
	}
	s.mu.Lock()
	s.calls++
	s.mu.Unlock()
	if s.Answers != nil {
		if answer := s.Answers(method); answer != nil {
			answer(w, r)
			return
		}
	}
	if r.PostForm.Get("token") != s.Token {
		answerSlack(w, map[string]any{"ok": false, "error": "invalid_auth"})
		return
	}
	switch method {
	case "chat.postMessage":
		s.post(w, r)
	case "chat.update":
		s.update(w, r)
	default:
		s.refuse(w, "unknown_method", "unknown method %s", method)
	}
}

func (s *Slack) post(w http.ResponseWriter, r *http.Request) {
	message, err := slackMessage(r)
	if err != nil {
		s.refuse(w, "invalid_attachments", "chat.postMessage: %v", err)
		return
	}
	message.Thread, message.Broadcast = r.PostForm.Get("thread_ts"), r.PostForm.Get("reply_broadcast") == "true"
	s.mu.Lock()
	message.At = fmt.Sprintf("1769828400.%06d", len(s.messages)+1)
	message.Channel = fmt.Sprintf("C%08X", crc32.ChecksumIEEE([]byte(message.Channel)))
	isOrphan := message.Thread != ""
	for _, known := range s.messages {
		isOrphan = isOrphan && known.At != message.Thread
	}
	s.messages = append(s.messages, message)
	s.mu.Unlock()
	if isOrphan {
		s.refuse(w, "thread_not_found", "a reply to %s, which is not there", message.Thread)
		return
	}
	s.tell(w, message)
}

func (s *Slack) update(w http.ResponseWriter, r *http.Request) {
	message, err := slackMessage(r)
	if err != nil {
		s.refuse(w, "invalid_attachments", "chat.update: %v", err)
		return
	}
	s.mu.Lock()
	found := false
	for i := range s.messages {
		known := &s.messages[i]
		if known.At == r.PostForm.Get("ts") && known.Channel == message.Channel {
			known.Text, known.Attachment, known.Edits = message.Text, message.Attachment, known.Edits+1
			message, found = *known, true
		}
	}
	s.mu.Unlock()
	if !found {
		answerSlack(w, map[string]any{"ok": false, "error": "message_not_found"})
		return
	}
	s.tell(w, message)
}

// Delete takes a message away, as its people may.
func (s *Slack) Delete(at string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.messages {
		if s.messages[i].At == at {
			s.messages[i].At = "deleted"
		}
	}
}

func (s *Slack) tell(w http.ResponseWriter, message SlackMessage) {
	if s.Seen != nil {
		s.Seen(message)
	}
	answerSlack(w, map[string]any{
		"ok": true, "channel": message.Channel, "ts": message.At, "message": map[string]any{"text": message.Text},
	})
}

func (s *Slack) refuse(w http.ResponseWriter, word, format string, arguments ...any) {
	s.Unexpected("Slack: "+format, arguments...)
	answerSlack(w, map[string]any{"ok": false, "error": word})
}

func slackMessage(r *http.Request) (SlackMessage, error) {
	message := SlackMessage{Channel: r.PostForm.Get("channel"), Text: r.PostForm.Get("text")}
	if message.Channel == "" || message.Text == "" {
		return message, fmt.Errorf("channel or text is missing")
	}
	attachments := r.PostForm.Get("attachments")
	if attachments == "" {
		return message, nil
	}
	var parsed []struct{ Color, Fallback, Text string }
	if err := json.Unmarshal([]byte(attachments), &parsed); err != nil {
		return message, fmt.Errorf("read the attachments: %w", err)
	}
	if len(parsed) != 1 || parsed[0].Color == "" || parsed[0].Fallback == "" {
		return message, fmt.Errorf("one attachment with a colour and a fallback is expected, not %s", attachments)
	}
	message.Attachment = parsed[0].Text
	return message, nil
}

func answerSlack(w http.ResponseWriter, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	// A client that has gone needs no answer.
	_ = json.NewEncoder(w).Encode(body)
}
