package client_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
	"github.com/itoc360/itoc360-operator/internal/outbound"
	"github.com/itoc360/itoc360-operator/internal/sentry/client"
)

func TestAListIsReadToItsEnd(t *testing.T) {
	for quirk, wantPages := range map[simulator.Quirk]int{
		"": 3, simulator.QuirkShortPages: 4, simulator.QuirkEndlessCursor: 3, simulator.QuirkEmptyList: 1, simulator.QuirkNoSubstatus: 3,
	} {
		t.Run("quirk "+string(quirk), func(t *testing.T) {
			w := newWorld(t)
			w.Have(quirk, true)
			var resolved []string
			for range 120 {
				resolved = append(resolved, w.Create(w.project, simulator.Issue{}))
			}
			for _, id := range resolved {
				w.Resolve(id)
			}
			var want []string
			for range 250 {
				want = append(want, w.Create(w.project, simulator.Issue{}))
			}
			if quirk == simulator.QuirkEmptyList {
				want = nil
			}
			ids, pages, err := w.unresolved(t)
			slices.Sort(ids)
			if err != nil || pages != wantPages || !slices.Equal(ids, want) {
				t.Errorf("%d issues on %d pages, %v; want %d on %d", len(ids), pages, err, len(want), wantPages)
			}
		})
	}
}

func TestAListGoesOnFromACursor(t *testing.T) {
	w := newWorld(t)
	for range 250 {
		w.Create(w.project, simulator.Issue{})
	}
	cursor, seen := "", 0
	for page, err := range w.client.Unresolved(t.Context(), nil, "") {
		if err != nil {
			t.Fatal(err)
		}
		if cursor = page.Cursor; cursor != "" {
			break
		}
	}
	for page, err := range w.client.Unresolved(t.Context(), nil, cursor) {
		if err != nil {
			t.Fatal(err)
		}
		seen += len(page.Issues)
	}
	if seen != 150 {
		t.Errorf("from the second page on there are %d issues, want 150", seen)
	}
}

func TestProjectsAreAskedForByTheirSlugOrId(t *testing.T) {
	w := newWorld(t)
	other := w.AddProject("ledger")
	mine, theirs := w.Create(w.project, simulator.Issue{}), w.Create(other, simulator.Issue{})
	w.LeaveProject(other)
	for name, c := range map[string]struct {
		projects []string
		want     []string
	}{
		"all that the token sees": {nil, []string{mine, theirs}},
		"one by its slug":         {[]string{"ledger"}, []string{theirs}},
		"one by its id":           {[]string{w.project}, []string{mine}},
	} {
		ids, _, err := w.unresolved(t, c.projects...)
		slices.Sort(ids)
		if err != nil || !slices.Equal(ids, c.want) {
			t.Errorf("%s: %s, %v", name, ids, err)
		}
	}
	if _, _, err := w.unresolved(t, "checkout", "gone"); !client.IsForbidden(err) || !client.IsRefused(err) {
		t.Errorf("a project that is gone gives %v", err)
	}
	w.Have(simulator.QuirkNumericProjects, true)
	if _, _, err := w.unresolved(t, "checkout"); !client.IsRefused(err) || client.IsForbidden(err) {
		t.Errorf("a slug where ids are wanted gives %v", err)
	}
}

func TestOneIssueTellsWhatHappenedToIt(t *testing.T) {
	w := newWorld(t)
	id := w.Create(w.project, simulator.Issue{})
	w.Resolve(id)
	w.Regress(id)
	detail, answer, err := w.client.Issue(t.Context(), id)
	if err != nil || detail.ID != id || detail.ProjectID != w.project || detail.FirstSeen == nil || len(detail.Activity) != 2 {
		t.Fatalf("%+v, %v", detail, err)
	}
	if at := detail.WorsenedAt(); at.IsZero() || !detail.ChangedAt().Equal(at) || detail.Activity[0].Type != "set_regression" {
		t.Errorf("it changed at %s: %+v", at, detail.Activity)
	}
	if ahead := answer.Ahead(); ahead > 2*time.Second || ahead < -2*time.Second {
		t.Errorf("Sentry is %s ahead", ahead)
	}
	if early := time.Since(answer.At()); early < 2*time.Second || early > 10*time.Second {
		t.Errorf("the answer speaks of %s ago", early)
	}
	sample, _, err := w.client.Issue(t.Context(), w.CreateSample(w.project))
	if err != nil || !sample.Sample || detail.Sample {
		t.Errorf("a test notification's issue is %+v, %v", sample, err)
	}
}

func TestGoneAndMergedIssuesAreToldApart(t *testing.T) {
	w := newWorld(t)
	left, merged := w.Create(w.project, simulator.Issue{}), w.Create(w.project, simulator.Issue{})
	gone := w.Create(w.project, simulator.Issue{})
	w.Delete(gone)
	w.BeginMerge(merged)
	for _, id := range []string{gone, merged} {
		if _, _, err := w.client.Issue(t.Context(), id); !client.IsNotFound(err) {
			t.Errorf("issue %s: %v", id, err)
		}
	}
	w.EndMerge(merged, left)
	if detail, _, err := w.client.Issue(t.Context(), merged); err != nil || detail.ID != left {
		t.Errorf("the merged one is %s, %v", detail.ID, err)
	}
	w.Resolve(left)
	page, err := w.client.Named(t.Context(), nil, []string{left, merged, gone})
	if err != nil || len(page.Issues) != 1 || page.Issues[0].ID != left || page.Issues[0].Status.Value != "resolved" {
		t.Errorf("of the three there are %+v, %v", page.Issues, err)
	}
}

func TestATokenIsAskedWhatItMayDo(t *testing.T) {
	w := newWorld(t)
	if access, _, err := w.client.Access(t.Context()); err != nil || !access.Valid || !slices.Equal(access.Scopes, []string{"event:read"}) {
		t.Errorf("%+v, %v", access, err)
	}
	w.Token = "sntryi_another"
	if access, _, err := w.client.Access(t.Context()); err != nil || access.Valid {
		t.Errorf("of a token that is none: %+v, %v", access, err)
	}
	if _, _, err := w.unresolved(t); !client.IsUnauthorized(err) {
		t.Errorf("a list for such a token: %v", err)
	}
}

func TestTokensThatCannotReadIssuesAreRefused(t *testing.T) {
	for given, want := range map[string]error{
		"": client.ErrTokenEmpty, "sntrys_abc": client.ErrOrganizationToken,
		"sntryi_a\n": client.ErrTokenShape, `"sntryi_a"`: client.ErrTokenShape,
		"sntryi_a": nil, "sntryu_a": nil, "0123456789abcdef": nil,
	} {
		options := options()
		options.Token = given
		if _, err := client.New(options); !errors.Is(err, want) {
			t.Errorf("token %q: %v", given, err)
		}
	}
}

func TestWhatIsNoAddressIsNoBaseURL(t *testing.T) {
	for _, address := range []string{"sentry.io", "ftp://sentry.io", "https://me:pw@sentry.io", "https://sentry.io?x=1", "https://"} {
		options := options()
		options.BaseURL = address
		if _, err := client.New(options); err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestSafeCallsAreTriedAgain(t *testing.T) {
	for name, fault := range map[string]func(http.ResponseWriter){
		"an error of the server": func(w http.ResponseWriter) { http.Error(w, "upstream", http.StatusBadGateway) },
		"a connection that ends": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"a body cut short": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("["))
		},
		"no JSON": func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.Create(w.project, simulator.Issue{})
			faults := 2
			w.SetFault(func(response http.ResponseWriter, _ *http.Request) bool {
				faults--
				if faults >= 0 {
					fault(response)
				}
				return faults >= 0
			})
			if ids, _, err := w.unresolved(t); err != nil || !slices.Equal(ids, []string{id}) {
				t.Errorf("%s, %v", ids, err)
			}
			if calls := w.client.Total(); calls != 3 {
				t.Errorf("%d calls, want 3", calls)
			}
			faults = 1000
			if _, _, err := w.unresolved(t); err == nil {
				t.Error("an error that stays is none")
			} else if strings.Contains(err.Error(), token) || strings.Contains(err.Error(), w.http.URL) {
				t.Errorf("it tells too much: %v", err)
			}
		})
	}
}

func TestALimitIsWaitedFor(t *testing.T) {
	for _, quirk := range []simulator.Quirk{"", simulator.QuirkNoRateHeaders} {
		w := newWorld(t)
		w.Have(quirk, true)
		w.Create(w.project, simulator.Issue{})
		// Sentry's clock tells when, not ours.
		w.Now = func() time.Time { return time.Now().Add(time.Hour) }
		begun, limited := time.Now(), true
		w.SetFault(func(response http.ResponseWriter, _ *http.Request) bool {
			if !limited {
				return false
			}
			limited = false
			w.Limit(response, w.Now().Add(2*time.Second))
			return true
		})
		if ids, _, err := w.unresolved(t); err != nil || len(ids) != 1 {
			t.Errorf("%s, %v", ids, err)
		}
		if took := time.Since(begun); quirk == "" && (took < time.Second || took > 20*time.Second) {
			t.Errorf("a limit of one to two seconds took %s", took)
		}
	}
}

func TestErrorsSayWhatSentrySays(t *testing.T) {
	for _, quirk := range []simulator.Quirk{"", simulator.QuirkErrorObject, simulator.QuirkErrorFields} {
		w := newWorld(t)
		w.Have(quirk, true)
		_, _, err := w.unresolved(t, "gone")
		if err == nil || !strings.Contains(err.Error(), "You do not have permission") || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: %v", quirk, err)
		}
	}
	w := newWorld(t)
	for body, want := range map[string]string{
		`"too fast"`: ": too fast", `{"detail":"a\nb"}`: ": a b", `[1]`: "", `nothing`: "", `{"a":["b"],"c":["d"]}`: ": a: b; c: d",
		`"` + strings.Repeat("x", 1000) + `"`: strings.Repeat("x", 200) + "…",
	} {
		w.SetFault(func(response http.ResponseWriter, _ *http.Request) bool {
			response.WriteHeader(http.StatusTeapot)
			_, _ = response.Write([]byte(body))
			return true
		})
		if _, _, err := w.unresolved(t); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s gives %v", body, err)
		}
	}
}

func TestNoRedirectLeavesTheHost(t *testing.T) {
	w := newWorld(t)
	w.Have(simulator.QuirkForeignRedirect, true)
	if _, _, err := w.unresolved(t); !errors.Is(err, outbound.ErrRedirected) {
		t.Errorf("gives %v", err)
	}
	if calls := w.client.Total(); calls != 1 {
		t.Errorf("it was tried %d times", calls)
	}
}

func TestAnAnswerIsBounded(t *testing.T) {
	w := newWorld(t)
	w.SetFault(func(response http.ResponseWriter, _ *http.Request) bool {
		_, _ = response.Write([]byte("[" + strings.Repeat(" ", 17<<20)))
		return true
	})
	if _, _, err := w.unresolved(t); !errors.Is(err, outbound.ErrTooLong) {
		t.Errorf("gives %v", err)
	}
}

func TestACertificateIsVerifiedAgainstGivenRoots(t *testing.T) {
	w := newWorld(t)
	secure := httptest.NewTLSServer(w.Server)
	t.Cleanup(secure.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	for name, pool := range map[string]*x509.CertPool{"given": roots, "not given": nil} {
		options := options()
		options.BaseURL, options.RootCAs = secure.URL+"/sentry", pool
		made, err := client.New(options)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = made.Access(t.Context())
		if isTrusted := err == nil; isTrusted != (pool != nil) {
			t.Errorf("roots %s: %v", name, err)
		}
		made.Close()
	}
}

func TestAHundredSourcesOfOneOrganizationAskFourAtATime(t *testing.T) {
	w := newWorld(t)
	w.Create(w.project, simulator.Issue{})
	var mu sync.Mutex
	var begins []time.Time
	w.SetFault(func(http.ResponseWriter, *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		begins = append(begins, time.Now())
		return false
	})
	const perSecond, burst = 100, 4
	shared := options()
	shared.BaseURL = w.http.URL + "/sentry"
	shared.Limiters = client.NewLimiters(client.Limits{PerSecond: perSecond, Burst: burst, InFlight: 4}, realClock{})
	var group sync.WaitGroup
	for source := range 100 {
		group.Go(func() {
			mine := shared
			mine.Name = fmt.Sprint(source)
			one, err := client.New(mine)
			if err != nil {
				t.Error(err)
				return
			}
			defer one.Close()
			for range 2 {
				if _, _, err := one.Access(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if _, most := w.Calls(); most > 4 {
		t.Errorf("%d calls were under way at once", most)
	}
	// A call begins a little later than its turn comes, so a stretch of time may hold some more than the limit says, but not many.
	slices.SortFunc(begins, time.Time.Compare)
	if least := time.Duration(len(begins)-burst) * time.Second / perSecond; begins[len(begins)-1].Sub(begins[0]) < least*9/10 {
		t.Errorf("%d calls took %s, want %s at least", len(begins), begins[len(begins)-1].Sub(begins[0]), least)
	}
}
