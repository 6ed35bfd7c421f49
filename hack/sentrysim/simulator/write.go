package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"time"
)

const (
	commented = "note"
	// repeatedWithin is how long the same text is no new comment.
	repeatedWithin = time.Hour
	bodyLimit      = 64 << 10
)

// Write is a change that a client has asked for, whatever became of it.
type Write struct {
	// ID of the issue, as it was named.
	ID string
	// Comment is the text of a comment, "" for a resolve.
	Comment string
	// Taken is true if it was answered as a success.
	Taken bool
}

// Writes are the changes that were asked for, in their order.
func (s *Server) Writes() []Write {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.writes)
}

func (s *Server) wrote(write Write) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, write)
}

// mayWrite tells whether the token has a scope that changes issues.
func (s *Server) mayWrite() bool {
	return slices.Contains(s.scopes(), "event:write") || slices.Contains(s.scopes(), "event:admin")
}

// put resolves an issue. It takes nothing else: only what is to be changed may be in the body.
func (s *Server) put(w http.ResponseWriter, r *http.Request, id string) {
	body, ok := bodyOf(r)
	if !ok || len(body) != 1 || body["status"] != statusResolved {
		s.unexpected(w, r)
		return
	}
	issue, status, detail := s.writable(id)
	s.wrote(Write{ID: id, Taken: issue != ""})
	if issue == "" {
		s.Refuse(w, status, detail)
		return
	}
	if current, _, _, _ := s.State(issue); current != statusResolved {
		s.Resolve(issue)
	} else {
		s.change(func() { s.tell("resolved", issue) })
	}
	answer(w, http.StatusOK, object{{"status", statusResolved}, {"statusDetails", object{}}})
}

// comment comments on an issue.
func (s *Server) comment(w http.ResponseWriter, r *http.Request, id string) {
	body, ok := bodyOf(r)
	text, isText := body["text"].(string)
	if !ok || len(body) != 1 || !isText || text == "" {
		s.unexpected(w, r)
		return
	}
	issue, status, detail := s.writable(id)
	if issue != "" && !s.Comment(issue, text) {
		issue, status, detail = "", http.StatusBadRequest, "You have already posted that comment."
	}
	s.wrote(Write{ID: id, Comment: text, Taken: issue != ""})
	if issue == "" {
		s.Refuse(w, status, detail)
		return
	}
	answer(w, http.StatusCreated, object{{"id", "1"}, {"type", commented}, {"data", object{{"text", text}}}})
}

// writable is the issue that is changed where one is named, "" if it cannot be, and why.
func (s *Server) writable(id string) (issue string, status int, detail string) {
	s.Organization.mu.Lock()
	defer s.Organization.mu.Unlock()
	kept, status, detail := s.lookUp(id)
	if kept == nil {
		return "", status, detail
	}
	if !s.mayWrite() {
		return "", http.StatusForbidden, noPermission
	}
	return kept.last().ID, 0, ""
}

func bodyOf(r *http.Request) (map[string]any, bool) {
	content, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit))
	var body map[string]any
	return body, err == nil && json.Unmarshal(content, &body) == nil
}

// Comment comments on an issue. It tells whether that is a new comment: the same text within an hour is none.
func (o *Organization) Comment(id, text string) bool {
	isRepeated := false
	isThere := o.update(id, commented, "", func(v *version) {
		isRepeated = slices.ContainsFunc(v.activity[1:], func(one happened) bool {
			return one.text == text && v.from.Sub(one.at) < repeatedWithin
		})
		if isRepeated {
			v.activity = v.activity[1:]
			return
		}
		v.activity[0].text = text
	})
	if isThere && !isRepeated {
		o.change(func() { o.post(Other("comment", "created", o.now())) })
	}
	return isThere && !isRepeated
}

// Comments are the texts of what was written about an issue, the newest first.
func (o *Organization) Comments(id string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var texts []string
	if issue := o.issues[id]; issue != nil {
		for _, one := range issue.last().activity {
			if one.kind == commented {
				texts = append(texts, one.text)
			}
		}
	}
	return texts
}
