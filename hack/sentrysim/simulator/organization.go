package simulator

import (
	"slices"
	"strconv"
	"sync"
	"time"
)

// What can happen to an issue, as its activity names it.
const (
	setResolved   = "set_resolved"
	setUnresolved = "set_unresolved"
	setRegression = "set_regression"
	setEscalating = "set_escalating"
	setIgnored    = "set_ignored"
	setPriority   = "set_priority"
	assigned      = "assigned"
	unassigned    = "unassigned"
)

// What an issue's status and substatus can be.
const (
	statusUnresolved = "unresolved"
	statusResolved   = "resolved"
	statusIgnored    = "ignored"
	statusMerging    = "pending_merge"

	substatusNew        = "new"
	substatusOngoing    = "ongoing"
	substatusRegressed  = "regressed"
	substatusEscalating = "escalating"
	substatusArchived   = "archived_until_escalating"
)

// Organization is an organization of Sentry with its projects and issues. What happens to an issue is told by webhook where Sentry
// tells it, and nowhere else. It can be used by many at once.
type Organization struct {
	// Slug of the organization. Default: acme.
	Slug string
	// Now is Sentry's clock. Default: the real one.
	Now func() time.Time
	// Tell takes the webhooks, in the order of what happened. Default: nobody.
	Tell func(Webhook)
	// Rules are the alert rules that fire for a new issue, and for one that comes back. Default: none.
	Rules []string

	mu       sync.Mutex
	projects map[string]*served
	issues   map[string]*kept
	lastID   int64
}

// served is a project. Its issues are known by its id, for its slug may change.
type served struct {
	id, slug string
	// hidden is true if the token does not see it, left if its owner is no member.
	hidden, left bool
}

// kept is an issue with its past: the newest version is the last one.
type kept struct {
	versions []version
	tags     []string
	// goneInto is the issue that it was merged into.
	goneInto string
	deleted  bool
	// vanished is true while a single answer does not know it.
	vanished bool
}

// version is how an issue was from a time on.
type version struct {
	Issue

	from     time.Time
	lastSeen time.Time
	project  string
	activity []happened
}

type happened struct {
	kind string
	at   time.Time
	// text is that of a comment.
	text string
}

func (o *Organization) now() time.Time {
	if o.Now == nil {
		return time.Now().UTC()
	}
	return o.Now().UTC()
}

func (o *Organization) slug() string {
	if o.Slug == "" {
		return organization
	}
	return o.Slug
}

// AddProject makes a project, and gives its numeric id.
func (o *Organization) AddProject(slug string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.projects == nil {
		o.projects, o.issues, o.lastID = map[string]*served{}, map[string]*kept{}, 6_000_000_000
	}
	id := strconv.Itoa(projectNumber + len(o.projects))
	o.projects[id] = &served{id: id, slug: slug}
	return id
}

// RenameProject gives a project another slug.
func (o *Organization) RenameProject(id, slug string) {
	o.change(func() { o.projects[id].slug = slug })
}

// HideProject takes a project from what the token sees, or gives it back.
func (o *Organization) HideProject(id string, hidden bool) {
	o.change(func() { o.projects[id].hidden = hidden })
}

// LeaveProject makes the token's owner no member of a project, which the token sees nevertheless.
func (o *Organization) LeaveProject(id string) { o.change(func() { o.projects[id].left = true }) }

// DeleteProject deletes a project with its issues. No webhook tells of it.
func (o *Organization) DeleteProject(id string) {
	o.change(func() {
		delete(o.projects, id)
		for _, issue := range o.issues {
			issue.deleted = issue.deleted || issue.last().project == id
		}
	})
}

func (o *Organization) change(change func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change()
}

func (k *kept) last() *version { return &k.versions[len(k.versions)-1] }

// at is how an issue was at a time; nil before it was.
func (k *kept) at(when time.Time) *version {
	for i := len(k.versions) - 1; i >= 0; i-- {
		if !k.versions[i].from.After(when) {
			return &k.versions[i]
		}
	}
	return nil
}

// Create lets a new issue happen in a project, and gives its id. What is empty in the issue has the defaults of Issue.
func (o *Organization) Create(project string, issue Issue) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	o.lastID++
	issue.ID = strconv.FormatInt(o.lastID, 10)
	issue.Project, issue.ProjectID, issue.FirstSeen = o.projects[project].slug, project, now
	issue = issue.withDefaults("created", now)
	issue.Category = known(issue.Category, "error")
	o.issues[issue.ID] = &kept{versions: []version{{Issue: issue, from: now, lastSeen: now, project: project}}}
	o.tell("created", issue.ID)
	o.fire(issue.ID)
	return issue.ID
}

// CreateSample is what the button "Send Test Notification" does: a real issue, which its tag alone tells apart.
func (o *Organization) CreateSample(project string) string {
	id := o.Create(project, Issue{Title: "This is an example"})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.issues[id].tags = append(o.issues[id].tags, "sample_event")
	o.post(EventAlert(o.issues[id].last().Issue, "", true, o.now()))
	return id
}

// update gives an issue a new version, and tells of it by the action, if there is one. It tells whether the issue is there.
func (o *Organization) update(id, kind, action string, change func(*version)) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	issue := o.issues[id]
	if issue == nil || issue.deleted || issue.goneInto != "" {
		return false
	}
	next := *issue.last()
	next.from = o.now()
	next.activity = slices.Insert(slices.Clone(next.activity), 0, happened{kind: kind, at: next.from})
	change(&next)
	issue.versions = append(issue.versions, next)
	if action != "" {
		o.tell(action, id)
	}
	return true
}

// Resolve resolves an issue.
func (o *Organization) Resolve(id string) bool {
	return o.update(id, setResolved, "resolved", func(v *version) { v.Status, v.Substatus = statusResolved, Null })
}

// Unresolve is what a person does with a resolved issue.
func (o *Organization) Unresolve(id string) bool {
	return o.update(id, setUnresolved, "unresolved", func(v *version) { v.Status, v.Substatus = statusUnresolved, substatusOngoing })
}

// Regress lets a resolved issue happen again.
func (o *Organization) Regress(id string) bool {
	done := o.update(id, setRegression, "unresolved", func(v *version) {
		v.Status, v.Substatus, v.lastSeen = statusUnresolved, substatusRegressed, v.from
	})
	if done {
		o.change(func() { o.fire(id) })
	}
	return done
}

// Escalate lets an archived issue happen more often than before.
func (o *Organization) Escalate(id string) bool {
	return o.update(id, setEscalating, "unresolved", func(v *version) {
		v.Status, v.Substatus, v.lastSeen = statusUnresolved, substatusEscalating, v.from
	})
}

// Archive archives an issue until it escalates.
func (o *Organization) Archive(id string) bool {
	return o.update(id, setIgnored, statusIgnored, func(v *version) { v.Status, v.Substatus = statusIgnored, substatusArchived })
}

// Unarchive is what a person does with an archived issue. Sentry does not reliably tell of it.
func (o *Organization) Unarchive(id string) bool {
	return o.update(id, setUnresolved, "", func(v *version) { v.Status, v.Substatus = statusUnresolved, substatusOngoing })
}

// Assign assigns an issue to a person.
func (o *Organization) Assign(id, person string) bool {
	return o.update(id, assigned, "assigned", func(v *version) { v.Assignee = person })
}

// Unassign takes an issue from its person. No webhook tells of it.
func (o *Organization) Unassign(id string) bool {
	return o.update(id, unassigned, "", func(v *version) { v.Assignee = Null })
}

// Prioritize changes an issue's priority. No webhook tells of it.
func (o *Organization) Prioritize(id, priority string) bool {
	return o.update(id, setPriority, "", func(v *version) { v.Priority = priority })
}

// Age makes a new, or regressed, issue an ongoing one, as Sentry does after a week. No webhook tells of it.
func (o *Organization) Age(id string) bool {
	return o.update(id, "auto_set_ongoing", "", func(v *version) { v.Substatus = substatusOngoing })
}

// Event lets an issue happen once more. It moves to the front of lists.
func (o *Organization) Event(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if issue := o.issues[id]; issue != nil {
		issue.last().lastSeen = o.now()
	}
}

// Forget makes it as long since an issue's last event as given.
func (o *Organization) Forget(id string, ago time.Duration) {
	o.change(func() { o.issues[id].last().lastSeen = o.now().Add(-ago) })
}

// Delete deletes an issue. No webhook tells of it.
func (o *Organization) Delete(id string) {
	o.change(func() { o.issues[id].deleted = true })
}

// Vanish lets a single issue be answered as if it were not there, or gives it back.
func (o *Organization) Vanish(id string, gone bool) {
	o.change(func() { o.issues[id].vanished = gone })
}

// BeginMerge begins to merge an issue into another one: until EndMerge it is nowhere to be found. No webhook tells of it.
func (o *Organization) BeginMerge(id string) bool {
	return o.update(id, "merge", "", func(v *version) { v.Status = statusMerging })
}

// EndMerge makes the one issue part of the other.
func (o *Organization) EndMerge(id, into string) { o.change(func() { o.issues[id].goneInto = into }) }

// State is an issue as it is: its status, priority and assignee's name, empty for null; false if there is none.
func (o *Organization) State(id string) (status, priority, assignee string, found bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	issue := o.issues[id]
	if issue == nil || issue.deleted || issue.goneInto != "" {
		return "", "", "", false
	}
	last := issue.last()
	return last.Status, known(last.Priority, ""), known(last.Assignee, ""), true
}

// fire lets the alert rules tell of an issue. It needs the lock.
func (o *Organization) fire(id string) {
	for _, rule := range o.Rules {
		o.post(EventAlert(o.issues[id].last().Issue, rule, false, o.now()))
	}
}

// tell tells by webhook of what happened to an issue. It needs the lock.
func (o *Organization) tell(action, id string) {
	o.post(IssueWebhook(action, o.issues[id].last().Issue, o.now()))
}

func (o *Organization) post(webhook Webhook) {
	if o.Tell != nil {
		o.Tell(webhook)
	}
}
