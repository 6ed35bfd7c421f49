package client_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/internal/outbound"
	"github.com/itoc360/itoc360-operator/internal/sentry/client"
)

// newWritableWorld is one whose token may write, at a time that the test sets, and the webhooks that Sentry tells.
func newWritableWorld(t *testing.T) (*world, *simulator.Outbox, *time.Time) {
	t.Helper()
	w, outbox, now := newWorld(t), &simulator.Outbox{}, new(time.Time)
	*now = time.Now()
	w.Scopes = []string{"event:read", "event:write"}
	w.Now = func() time.Time { return *now }
	w.Tell = outbox.Put
	return w, outbox, now
}

func (w *world) expectStatus(t *testing.T, id, want string) {
	t.Helper()
	if status, _, _, _ := w.State(id); status != want {
		t.Errorf("issue %s is %s, want %s", id, status, want)
	}
}

func TestAResolveIsToldEvenIfItChangesNothing(t *testing.T) {
	w, outbox, _ := newWritableWorld(t)
	id := w.Create(w.project, simulator.Issue{})
	outbox.Take()
	for range 2 {
		if err := w.client.Resolve(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		w.expectStatus(t, id, "resolved")
		if told := outbox.Take(); len(told) != 1 || !strings.Contains(string(told[0].Body), `"action":"resolved"`) {
			t.Errorf("Sentry tells %s", told)
		}
	}
	if detail, _, err := w.client.Issue(t.Context(), id); err != nil || len(detail.Activity) != 1 {
		t.Errorf("the second one has left a trace: %+v, %v", detail.Activity, err)
	}
}

func TestACommentIsTakenOnceAnHour(t *testing.T) {
	w, _, now := newWritableWorld(t)
	id := w.Create(w.project, simulator.Issue{})
	const text = "Resolved by <alice> & \"bob\"\nat night"
	if err := w.client.Comment(t.Context(), id, text); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(time.Hour - time.Second)
	if err := w.client.Comment(t.Context(), id, text); !client.IsInvalid(err) {
		t.Errorf("the same within an hour gives %v", err)
	}
	if err := w.client.Comment(t.Context(), id, "another"); err != nil {
		t.Error(err)
	}
	*now = now.Add(time.Second)
	if err := w.client.Comment(t.Context(), id, text); err != nil {
		t.Errorf("the same after an hour gives %v", err)
	}
	detail, _, err := w.client.Issue(t.Context(), id)
	if want := []string{text, "another", text}; err != nil || !slices.Equal(detail.Comments, want) {
		t.Errorf("the issue has the comments %q, %v", detail.Comments, err)
	}
}

func TestWhatIsWrittenAboutAMergedIssueChangesTheOneThatIsLeft(t *testing.T) {
	w, _, _ := newWritableWorld(t)
	left, merged := w.Create(w.project, simulator.Issue{}), w.Create(w.project, simulator.Issue{})
	w.BeginMerge(merged)
	if err := w.client.Resolve(t.Context(), merged); !client.IsNotFound(err) {
		t.Errorf("what is being merged gives %v", err)
	}
	w.EndMerge(merged, left)
	if err := w.client.Resolve(t.Context(), merged); err != nil {
		t.Fatal(err)
	}
	w.expectStatus(t, left, "resolved")
}

func TestWhatIsWrittenIsTriedOnce(t *testing.T) {
	w, _, _ := newWritableWorld(t)
	id := w.Create(w.project, simulator.Issue{})
	w.SetFault(func(response http.ResponseWriter, _ *http.Request) bool {
		http.Error(response, "upstream", http.StatusBadGateway)
		return true
	})
	for name, err := range map[string]error{
		"a resolve": w.client.Resolve(t.Context(), id),
		"a comment": w.client.Comment(t.Context(), id, "text"),
	} {
		if err == nil || !strings.Contains(err.Error(), "502") || !strings.Contains(err.Error(), id) {
			t.Errorf("%s gives %v", name, err)
		}
	}
	if calls := w.client.Total(); calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
}

func TestNoRedirectMakesAQuestionOfAWrite(t *testing.T) {
	w, _, _ := newWritableWorld(t)
	id := w.Create(w.project, simulator.Issue{})
	isRedirected := false
	w.SetFault(func(response http.ResponseWriter, request *http.Request) bool {
		if isRedirected {
			return false
		}
		isRedirected = true
		http.Redirect(response, request, request.URL.Path, http.StatusMovedPermanently)
		return true
	})
	if err := w.client.Resolve(t.Context(), id); !errors.Is(err, outbound.ErrRedirected) {
		t.Errorf("gives %v", err)
	}
	w.expectStatus(t, id, "unresolved")
}

func TestATokenThatMayOnlyReadIsRefusedToWrite(t *testing.T) {
	w := newWorld(t)
	id := w.Create(w.project, simulator.Issue{})
	if err := w.client.Resolve(t.Context(), id); !client.IsForbidden(err) {
		t.Errorf("a resolve gives %v", err)
	}
	if err := w.client.Comment(t.Context(), id, "text"); !client.IsForbidden(err) {
		t.Errorf("a comment gives %v", err)
	}
	w.expectStatus(t, id, "unresolved")
}
