package simulator

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.Organization.mu.Lock()
	defer s.Organization.mu.Unlock()
	query := r.URL.Query()
	projects, status, detail := s.projectsOf(query["project"])
	if status != 0 {
		s.Refuse(w, status, detail)
		return
	}
	if groups := query["group"]; len(groups) > 0 {
		s.named(w, groups, projects)
		return
	}
	if q := query.Get("query"); q != "is:unresolved" && q != "" {
		s.unexpected(w, r)
		return
	}
	s.page(w, r, s.found(projects, query.Get("query") != ""))
}

func number(text string, otherwise int) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		return otherwise
	}
	return value
}

// projectsOf are the projects that a question names, by their ids.
func (s *Server) projectsOf(named []string) (ids []string, status int, detail string) {
	isAll := slices.Equal(named, []string{"-1"})
	if isAll || len(named) == 0 {
		for _, project := range s.projects {
			if !project.hidden && (isAll || !project.left) {
				ids = append(ids, project.id)
			}
		}
		return ids, 0, ""
	}
	for _, name := range named {
		if _, err := strconv.Atoi(name); err != nil && s.has(QuirkNumericProjects) {
			return nil, http.StatusBadRequest, "Invalid project parameter. Values must be numbers."
		}
		id := s.visible(name)
		if id == "" {
			return nil, http.StatusForbidden, noPermission
		}
		ids = append(ids, id)
	}
	return ids, 0, ""
}

// visible is the id of a project that the token sees, by its id or slug; "" if there is none.
func (s *Server) visible(name string) string {
	for _, project := range s.projects {
		if !project.hidden && (project.id == name || project.slug == name) {
			return project.id
		}
	}
	return ""
}

// found are the issues of some projects that lists have, the one with the newest event first.
func (s *Server) found(projects []string, isUnresolved bool) []*version {
	now := s.now()
	if s.has(QuirkEmptyList) {
		return nil
	}
	var found []*version
	for _, issue := range s.issues {
		when := now
		if s.has(QuirkLaggingReplica) {
			when = now.Add(-lateBy)
		}
		last := issue.at(when)
		switch {
		case last == nil, issue.deleted, issue.goneInto != "", !slices.Contains(projects, last.project):
		case isUnresolved && last.Status != statusUnresolved && !s.has(QuirkShortPages):
		case now.Sub(last.lastSeen) > forgotten:
		case s.has(QuirkLateInList) && now.Sub(issue.versions[0].from) < lateBy:
		default:
			found = append(found, last)
		}
	}
	slices.SortFunc(found, func(a, b *version) int {
		return cmp.Or(b.lastSeen.Compare(a.lastSeen), cmp.Compare(b.ID, a.ID))
	})
	return found
}

// page is the part of a list that a question's cursor names: an offset, so that what jumps to the front while others read moves all
// others by one.
func (s *Server) page(w http.ResponseWriter, r *http.Request, found []*version) {
	query := r.URL.Query()
	begin := 0
	if parts := strings.Split(query.Get("cursor"), ":"); len(parts) == 3 {
		begin = min(number(parts[1], 0), len(found))
	}
	end := min(begin+min(number(query.Get("limit"), maxLimit), maxLimit), len(found))
	rows := []object{}
	for _, one := range found[begin:end] {
		if one.Status == statusUnresolved || query.Get("query") == "" {
			rows = append(rows, s.row(one))
		}
	}
	next, results := end, "true"
	if end == len(found) {
		results = "false"
		if s.has(QuirkEndlessCursor) {
			next, results = begin, "true"
		}
	}
	address := "http://" + r.Host + r.URL.Path + "?cursor="
	w.Header().Set("Link", fmt.Sprintf(
		`<%s0:0:1>; rel="previous"; results="false"; cursor="0:0:1", <%s0:%d:0>; rel="next"; results=%q; cursor="0:%d:0"`,
		address, address, next, results, next))
	answer(w, http.StatusOK, rows)
}

// named answers which of some issues there are, whatever their status.
func (s *Server) named(w http.ResponseWriter, ids, projects []string) {
	rows := []object{}
	for _, id := range ids {
		issue := s.issues[id]
		if issue == nil || issue.deleted || issue.vanished || issue.goneInto != "" || !slices.Contains(projects, issue.last().project) ||
			issue.last().Status == statusMerging {
			continue
		}
		rows = append(rows, s.row(issue.last()))
	}
	answer(w, http.StatusOK, rows)
}

// row is an issue as lists have it, without stats.
func (s *Server) row(one *version) object {
	issue := one.Issue
	issue.Project = s.projects[one.project].slug
	row := issue.wire(one.lastSeen)
	return slices.DeleteFunc(row, func(m member) bool {
		switch m.name {
		case "firstSeen", "lastSeen", "count", "userCount":
			return true
		case "substatus", "priority":
			return s.has(QuirkNoSubstatus)
		default:
			return false
		}
	})
}
