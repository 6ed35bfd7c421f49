package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// forgotten is how long after its last event an issue is in no list any more.
	forgotten = 90 * 24 * time.Hour
	// lateBy is how long a new issue may be missing from lists, and a replica behind.
	lateBy = 5 * time.Second
	// latestActivity is how many of the things that happened to an issue are told.
	latestActivity = 100
	maxLimit       = 100

	noResource   = "The requested resource does not exist"
	noPermission = "You do not have permission to perform this action."
)

// Server is Sentry's API on an Organization, as far as issues are read, resolved and commented on by it. As Sentry it answers a wrong
// token's question for its scopes with 200 and no auth, takes no project at all for those that the token's owner is a member of, refuses
// the whole list where one project is unknown, leaves out what had no event for 90 days, drops firstSeen with the stats, gives named
// issues whatever their status but not what was merged, answers 404 to what is being merged, and to a merged issue with the one that is
// left, tells by webhook of a resolve that changes nothing, and refuses a comment with the text of another one within an hour.
type Server struct {
	*Organization

	// Token is the only one that it accepts.
	Token string
	// Scopes of the token. Default: event:read.
	Scopes []string
	// Prefix is the path under which the API is; "" for none.
	Prefix string
	// Unexpected hears of requests that no client should make. Default: nobody.
	Unexpected func(request string)

	quirks  sync.Map
	mu      sync.Mutex
	fault   Fault
	calls   int
	running int
	most    int
	writes  []Write
}

// Fault may answer in place of the API: it tells whether it did.
type Fault func(w http.ResponseWriter, r *http.Request) bool

// SetFault sets what is asked before the API from the next call on, nil for nothing, which is the default.
func (s *Server) SetFault(fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// Have gives the server a quirk, or takes it away.
func (s *Server) Have(quirk Quirk, has bool) { s.quirks.Store(quirk, has) }

func (s *Server) has(quirk Quirk) bool {
	has, _ := s.quirks.Load(quirk)
	isSet, ok := has.(bool)
	return ok && isSet
}

// Calls is how often it was asked, and how many calls were under way at once at most.
func (s *Server) Calls() (calls, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, s.most
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := s.begin()
	defer s.end()
	w.Header().Set("Date", s.now().Format(http.TimeFormat))
	if fault != nil && fault(w, r) {
		return
	}
	if s.has(QuirkForeignRedirect) {
		http.Redirect(w, r, "http://login.invalid/", http.StatusFound)
		return
	}
	s.route(w, r)
}

func (s *Server) begin() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.running++
	s.most = max(s.most, s.running)
	return s.fault
}

func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
}

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	isKnown := r.Header.Get("Authorization") == "Bearer "+s.Token
	path, ok := strings.CutPrefix(r.URL.Path, s.Prefix+"/api/0/")
	isRead := r.Method == http.MethodGet
	if !ok || path == "" && !isRead || path != "" && !strings.HasSuffix(path, "/") {
		s.unexpected(w, r)
		return
	}
	if path == "" {
		s.root(w, isKnown)
		return
	}
	s.routeOrganization(w, r, strings.Split(strings.TrimSuffix(path, "/"), "/"), isKnown)
}

func (s *Server) routeOrganization(w http.ResponseWriter, r *http.Request, parts []string, isKnown bool) {
	switch {
	case !isKnown:
		s.Refuse(w, http.StatusUnauthorized, "Invalid token")
	case parts[0] == "organizations" && len(parts) > 1 && parts[1] != s.slug():
		s.Refuse(w, http.StatusNotFound, noResource)
	case !s.mayWrite() && !slices.Contains(s.scopes(), "event:read"):
		s.Refuse(w, http.StatusForbidden, noPermission)
	case len(parts) >= 3 && parts[2] == "issues":
		s.routeIssues(w, r, parts[3:])
	default:
		s.unexpected(w, r)
	}
}

// routeIssues takes what is asked of issues: all of them, one, or its comments.
func (s *Server) routeIssues(w http.ResponseWriter, r *http.Request, parts []string) {
	switch {
	case len(parts) == 0 && r.Method == http.MethodGet:
		s.list(w, r)
	case len(parts) == 1 && r.Method == http.MethodGet:
		s.single(w, parts[0])
	case len(parts) == 1 && r.Method == http.MethodPut:
		s.put(w, r, parts[0])
	case len(parts) == 2 && parts[1] == "comments" && r.Method == http.MethodPost:
		s.comment(w, r, parts[0])
	default:
		s.unexpected(w, r)
	}
}

func (s *Server) unexpected(w http.ResponseWriter, r *http.Request) {
	if s.Unexpected != nil {
		s.Unexpected(r.Method + " " + r.URL.Path)
	}
	s.Refuse(w, http.StatusNotFound, noResource)
}

func (s *Server) scopes() []string {
	if s.Scopes == nil {
		return []string{"event:read"}
	}
	return s.Scopes
}

func (s *Server) root(w http.ResponseWriter, isKnown bool) {
	whole := object{{"version", "0"}, {"auth", nil}, {"user", nil}}
	if isKnown {
		whole = object{{"version", "0"}, {"auth", object{{"scopes", s.scopes()}}}, {"user", object{{"id", "1"}}}}
	}
	answer(w, http.StatusOK, whole)
}

// Refuse answers an error in the shape that the quirks name.
func (s *Server) Refuse(w http.ResponseWriter, status int, detail string) {
	switch {
	case s.has(QuirkErrorObject):
		answer(w, status, object{{"detail", object{{"code", "refused"}, {"message", detail}}}})
	case s.has(QuirkErrorFields):
		answer(w, status, object{{"project", []string{detail}}})
	default:
		answer(w, status, object{{"detail", detail}})
	}
}

// Limit answers 429 as Sentry does: with a bare string, and with the second from which on calls are taken again.
func (s *Server) Limit(w http.ResponseWriter, until time.Time) {
	if !s.has(QuirkNoRateHeaders) {
		w.Header().Set("X-Sentry-Rate-Limit-Limit", "40")
		w.Header().Set("X-Sentry-Rate-Limit-Remaining", "0")
		w.Header().Set("X-Sentry-Rate-Limit-Reset", strconv.FormatInt(until.Unix(), 10))
	}
	answer(w, http.StatusTooManyRequests, "You are attempting to use this endpoint too frequently. Limit is 40 requests in 1 seconds")
}

func answer(w http.ResponseWriter, status int, value any) {
	content, err := compact(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(content)
}

// lookUp is the issue that is answered where one is named, nil if there is none, and why. It needs the Organization's lock.
func (s *Server) lookUp(id string) (issue *kept, status int, detail string) {
	issue = s.issues[id]
	for issue != nil && issue.goneInto != "" {
		issue = s.issues[issue.goneInto]
	}
	switch {
	case issue == nil, issue.deleted, issue.vanished, issue.last().Status == statusMerging:
		return nil, http.StatusNotFound, noResource
	case s.projects[issue.last().project].hidden:
		return nil, http.StatusForbidden, noPermission
	default:
		return issue, 0, ""
	}
}

func (s *Server) single(w http.ResponseWriter, id string) {
	s.Organization.mu.Lock()
	defer s.Organization.mu.Unlock()
	issue, status, detail := s.lookUp(id)
	if issue == nil {
		s.Refuse(w, status, detail)
		return
	}
	last := issue.last()
	var activity, tags []object
	for _, one := range last.activity[:min(len(last.activity), latestActivity)] {
		data := object{}
		if one.kind == commented {
			data = object{{"text", one.text}}
		}
		activity = append(activity, object{{"type", one.kind}, {"user", nil}, {"data", data}, {"dateCreated", rfc3339(one.at)}})
	}
	for _, key := range append([]string{"level"}, issue.tags...) {
		tags = append(tags, object{{"key", key}, {"name", key}, {"totalValues", 1}})
	}
	whole := append(s.row(last), member{"firstSeen", rfc3339(issue.versions[0].from)}, member{"activity", activity}, member{"tags", tags})
	answer(w, http.StatusOK, whole)
}
