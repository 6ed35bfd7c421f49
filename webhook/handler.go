package webhook

import (
	"context"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
	"github.com/itoc360/itoc360-operator/internal/sentry"
)

// Handler answers Sentry's webhooks. It is no http.ServeMux: that one redirects where a path has a slash too many.
type Handler struct {
	directory   *Directory
	inbox       *Inbox
	reporter    *Reporter
	clock       clock.PassiveClock
	log         logr.Logger
	failures    *failures
	bodies      bodies
	idempotency *idempotency
	timeout     time.Duration
}

// NewHandler makes a Handler.
func NewHandler(directory *Directory, inbox *Inbox, reporter *Reporter, clock clock.PassiveClock, log logr.Logger) *Handler {
	return &Handler{
		directory:   directory,
		inbox:       inbox,
		reporter:    reporter,
		clock:       clock,
		log:         log,
		failures:    newFailures(clock),
		bodies:      newBodies(clock),
		idempotency: newIdempotency(clock),
		timeout:     answerTimeout,
	}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, asked := h.answer(w, r)
	answer.write(w)
	requestsTotal.WithLabelValues(strconv.Itoa(answer.code), answer.result).Inc()
	answerSeconds.Observe(h.clock.Since(asked).Seconds())
}

// answer goes from cheap to costly: strangers cost no memory, and nothing is read before its sender is known. It also
// tells when the request was there as a whole, or as far as it had to be: from then on Sentry waits.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request) (answered answer, asked time.Time) {
	source, refusal := h.admit(r)
	if refusal != nil {
		return *refusal, h.clock.Now()
	}
	body, release, refusal := h.bodies.read(w, r)
	asked = h.clock.Now()
	if refusal != nil {
		return *refusal, asked
	}
	defer release()
	ctx, cancel := context.WithTimeout(r.Context(), h.timeout)
	defer cancel()
	return h.heed(ctx, source, body, r, asked), asked
}

// admit is the source whose token a request bears, by the request's head alone.
func (h *Handler) admit(r *http.Request) (*Source, *answer) {
	switch {
	case strings.TrimSuffix(r.URL.Path, "/") != v1alpha1.IntakePath:
		return nil, &refusedPath
	case r.Method != http.MethodPost:
		return nil, &refusedMethod
	case !h.directory.Ready():
		return nil, &unavailableStarting
	}
	token := tokenOf(r)
	source := h.directory.ByToken(token)
	switch {
	case token == "":
		return nil, h.refuse(r, refusedNoToken)
	case source == nil:
		return nil, h.refuse(r, refusedToken)
	case !isJSON(r):
		return nil, &refusedContentType
	}
	return source, nil
}

// heed says what a request with a source's token is: the legacy plugin's, somebody's who has no client secret, the
// settings form of an alert rule, or a webhook.
func (h *Handler) heed(ctx context.Context, source *Source, body []byte, r *http.Request, arrival time.Time) answer {
	signature, form := r.Header.Get(sentry.HeaderSignature), r.Header.Get(sentry.HeaderAppSignature)
	if signature == "" && form == "" && sentry.IsLegacyPlugin(body) {
		return refusedLegacy
	}
	isForm := signature == "" && form != ""
	if isForm {
		signature = form
	}
	if refusal := h.verify(ctx, source, body, signature, r); refusal != nil {
		return *refusal
	}
	if isForm {
		ignoredTotal.WithLabelValues(ignoredForm).Inc()
		return accepted(resultIgnored, "")
	}
	return h.take(ctx, source, body, r.Header, arrival)
}

// tokenOf is the source token: the query parameter or, so that it need not be in a URL, the bearer token.
func tokenOf(r *http.Request) string {
	if token := r.URL.Query().Get("token"); token != "" {
		return token
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func isJSON(r *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && mediaType == "application/json"
}

// refuse answers a failed authentication, and no longer in plain words when there are too many.
func (h *Handler) refuse(r *http.Request, refusal answer) *answer {
	h.log.V(1).Info("Webhook refused", "reason", refusal.result)
	if !h.failures.isOne(r.RemoteAddr) {
		return &refusedTooMany
	}
	return &refusal
}

// verify is nil if the body is signed by one of the source's client secrets, or the source has none.
func (h *Handler) verify(ctx context.Context, source *Source, body []byte, signature string, r *http.Request) *answer {
	if !isSigned(source.Object) {
		return nil
	}
	if sentry.Verify(body, signature, source.clientSecrets...) {
		h.reporter.Signed(source, v1alpha1.SignatureVerified)
		return nil
	}
	if fresh := h.directory.Reread(ctx, source); fresh != nil {
		if sentry.Verify(body, signature, fresh.clientSecrets...) {
			h.reporter.Signed(source, v1alpha1.SignatureVerified)
			return nil
		}
	} else if source.unreadable {
		h.reporter.Signed(source, v1alpha1.SignatureUnreadable)
		return &unavailableSecrets
	}
	h.reporter.Signed(source, v1alpha1.SignatureRefused)
	return h.refuse(r, refusedSignature)
}

// take parses, classifies and records an authentic webhook.
func (h *Handler) take(ctx context.Context, source *Source, body []byte, header http.Header, arrival time.Time) answer {
	notice, err := sentry.Parse(header.Get(sentry.HeaderResource), body)
	if err != nil {
		h.log.V(1).Info("Webhook refused", "source", source.Name, "reason", err.Error())
		return malformed(err.Error())
	}
	verdict := classify(source.Object, notice, header.Get(sentry.HeaderTimestamp), arrival)
	log := h.log.WithValues("source", source.Name, "alertKey", verdict.key,
		"resource", word(notice.Resource), "action", word(notice.Action))
	if verdict.ignored != "" {
		h.ignore(source, notice, verdict.ignored)
		log.V(1).Info("Webhook ignored", "reason", verdict.ignored)
		return accepted(resultIgnored, "")
	}
	return h.idempotency.once(source, header.Get(sentry.HeaderIdempotencyKey), func() answer {
		outcome := h.inbox.Submit(ctx, source, verdict.key, verdict.heard)
		if outcome.Err != nil {
			log.Error(outcome.Err, "Webhook not recorded in time")
			return unavailableRecord
		}
		h.reporter.Heard(source, arrival)
		log.V(1).Info("Webhook taken", "result", result(outcome), "incident", outcome.Incident)
		if outcome.Incident == "" {
			ignoredTotal.WithLabelValues(ignoredNothingOpen).Inc()
		}
		return accepted(result(outcome), outcome.Incident)
	})
}

var words = regexp.MustCompile(`^[a-z_]{1,32}$`)

// word is what a sender names a resource or an action, for the log: anything else than a word might be a secret.
func word(name string) string {
	if words.MatchString(name) {
		return name
	}
	return "(no word)"
}

func (h *Handler) ignore(source *Source, notice sentry.Notice, reason string) {
	ignoredTotal.WithLabelValues(reason).Inc()
	if reason == ignoredProject {
		h.reporter.IgnoredProjects(source, notice.Projects)
	}
}
