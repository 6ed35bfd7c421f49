package client

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"slices"
	"strconv"

	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// ErrNoIssue is for an answer that has no issue in it.
var ErrNoIssue = errors.New("what Sentry answers names no issue: is something else at the base URL?")

const (
	// MaxNamed is how many issues Named asks for in one call.
	MaxNamed = 100
	// pageSize is how many issues a page has at most.
	pageSize = 100
	// maxPages is how many pages a list has at most: more than 100,000 issues are not read.
	maxPages = 1000
	// allProjects stands for all projects that the token sees; no project at all for those that its owner is a member of.
	allProjects = "-1"
	unresolved  = "is:unresolved"
)

// Page is a part of a list of issues.
type Page struct {
	Answer

	// Issues are judged by their own status: a page can be older than the query.
	Issues []sentry.Issue
	// Cursor is where the page begins; "" for the first.
	Cursor string
}

// Projects are those whose issues are asked for, by slug or numeric id; none: all that the token sees.
type Projects []string

func (p Projects) query() []string {
	if len(p) == 0 {
		return []string{allProjects}
	}
	return p
}

// Unresolved goes through the unresolved issues, the one with the newest event first, page by page from a cursor on. It ends when
// Sentry says so, where a cursor comes again, after 1,000 pages, or with the first error, after which the same cursor may be tried
// again. Issues without an event for 90 days are not in it.
func (c *Client) Unresolved(ctx context.Context, projects Projects, cursor string) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		seen := []string{cursor}
		for range maxPages {
			page, err := c.page(ctx, cursor, url.Values{"query": {unresolved}, "sort": {"date"}, "project": projects.query()})
			if !yield(page, err) || err != nil || page.next == "" || slices.Contains(seen, page.next) {
				return
			}
			cursor = page.next
			seen = append(seen, cursor)
		}
	}
}

// Named are those of up to 100 issues that exist in these projects, whatever their status. Merged ones are left out.
func (c *Client) Named(ctx context.Context, projects Projects, ids []string) (Page, error) {
	return c.page(ctx, "", url.Values{"group": ids, "project": projects.query()})
}

// Reaches is nil if the list of a project's issues, given by its numeric id, can be read.
func (c *Client) Reaches(ctx context.Context, projectID string) (Answer, error) {
	var issues []sentry.Issue
	return c.ask(ctx, call{
		class: ClassCheck, path: c.organizationPath("issues"), what: "the issues of project " + projectID,
		query: url.Values{"project": {projectID}, "query": {""}, "limit": {"1"}, "collapse": {"stats"}},
	}, &issues)
}

func (c *Client) page(ctx context.Context, cursor string, query url.Values) (Page, error) {
	query.Set("limit", strconv.Itoa(pageSize))
	query.Set("collapse", "stats")
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	page := Page{Cursor: cursor}
	var err error
	page.Answer, err = c.ask(ctx, call{
		class: ClassPage, path: c.organizationPath("issues"), query: query, what: "the issues of organization " + c.organization,
	}, &page.Issues)
	return page, err
}

// Issue is one issue with what happened to it. That of a merged one bears the id of the one that is left.
func (c *Client) Issue(ctx context.Context, id string) (sentry.Detail, Answer, error) {
	var detail sentry.Detail
	answer, err := c.ask(ctx, call{
		class: ClassCheck, path: c.organizationPath("issues", id), query: url.Values{"collapse": {"stats", "release"}}, what: "issue " + id,
	}, &detail)
	if err == nil && !sentry.ValidID(detail.ID) {
		// Whoever this is of, it is not of the issue that is left of a merge.
		err = ErrNoIssue
	}
	return detail, answer, err
}

// Access is what a token may do.
type Access struct {
	// Valid is false for a token that Sentry does not know.
	Valid bool
	// Scopes are what it may, such as event:read.
	Scopes []string
}

// Access asks what the token may do.
func (c *Client) Access(ctx context.Context) (Access, Answer, error) {
	var root struct {
		Auth *struct {
			Scopes []string `json:"scopes"`
		} `json:"auth"`
	}
	answer, err := c.ask(ctx, call{class: ClassCheck, path: "/api/0/", what: "the token's scopes"}, &root)
	if err != nil || root.Auth == nil {
		return Access{}, answer, err
	}
	return Access{Valid: true, Scopes: root.Auth.Scopes}, answer, nil
}

func (c *Client) organizationPath(parts ...string) string {
	path := "/api/0/organizations/" + url.PathEscape(c.organization) + "/"
	for _, part := range parts {
		path += url.PathEscape(part) + "/"
	}
	return path
}
