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
	"github.com/itoc360/itoc360-operator/internal/panics"
	"github.com/itoc360/itoc360-operator/internal/sentry"
	"github.com/itoc360/itoc360-operator/webhook/inbox"
	"github.com/itoc360/itoc360-operator/webhook/sources"
	"github.com/itoc360/itoc360-operator/webhook/store"
)

// Handler answers Sentry's webhooks. It is no http.ServeMux: that one redirects where a path has a slash too many.
type Handler struct {
	// AnswerTimeout is when an answer is due: what is not recorded by then is answered 503. Default: 900ms.
	AnswerTimeout time.Duration

	sources     Sources
	inbox       *inbox.Inbox
	reporter    *Reporter
	clock       clock.PassiveClock
	log         logr.Logger
	failures    *failures
	strangers   *strangers
	bodies      bodies
	idempotency *idempotency
}

// Sources say whose a token is.
type Sources interface {
	// Ready tells whether they are known.
	Ready() bool
	// ByToken is the source whose token this is, nil if it is nobody's.
	ByToken(token string) *sources.Source
	// Reread is a source with its client secrets as the API server holds them, nil if they cannot be read.
	Reread(ctx context.Context, source *sources.Source) *sources.Source
}

var _ Sources = (*sources.Directory)(nil)

// NewHandler makes a Handler.
func NewHandler(known Sources, inbox *inbox.Inbox, reporter *Reporter, clock clock.PassiveClock, log logr.Logger) *Handler {
	return &Handler{
		AnswerTimeout: answerTimeout,

		sources:     known,
		inbox:       inbox,
		reporter:    reporter,
		clock:       clock,
		log:         log,
		failures:    newFailures(clock),
		strangers:   newStrangers(clock),
		bodies:      newBodies(clock),
		idempotency: newIdempotency(clock),
	}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, asked := failedInside, h.clock.Now()
	_ = panics.Catch(h.log, "webhook", func() { answer, asked = h.answer(w, r) })
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
	ctx, cancel := context.WithTimeout(r.Context(), h.AnswerTimeout)
	defer cancel()
	return h.heed(ctx, source, body, r, asked), asked
}

// admit is the source whose token a request bears, by the request's head alone.
func (h *Handler) admit(r *http.Request) (*sources.Source, *answer) {
	switch {
	case strings.TrimSuffix(r.URL.Path, "/") != v1alpha1.IntakePath:
		return nil, &refusedPath
	case r.Method != http.MethodPost:
		return nil, &refusedMethod
	case !h.sources.Ready():
		return nil, &unavailableStarting
	}
	token := tokenOf(r)
	source := h.sources.ByToken(token)
	switch {
	case token == "":
		return nil, h.refuse(r, refusedNoToken)
	case source == nil:
		h.strangers.count()
		return nil, h.refuse(r, refusedToken)
	case !isJSON(r):
		return nil, &refusedContentType
	}
	return source, nil
}

// heed tells apart what bears a source's token: the legacy plugin's, the settings form of an alert rule, and webhooks.
func (h *Handler) heed(ctx context.Context, source *sources.Source, body []byte, r *http.Request, arrival time.Time) answer {
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
		return accepted(store.ResultIgnored, "")
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
func (h *Handler) verify(ctx context.Context, source *sources.Source, body []byte, signature string, r *http.Request) *answer {
	if !source.Object.HasClientSecrets() {
		return nil
	}
	if source.Verify(body, signature) {
		h.reporter.Signed(source, v1alpha1.SignatureVerified)
		return nil
	}
	if fresh := h.sources.Reread(ctx, source); fresh != nil {
		if fresh.Verify(body, signature) {
			h.reporter.Signed(source, v1alpha1.SignatureVerified)
			return nil
		}
	} else if source.IsUnreadable() {
		h.reporter.Signed(source, v1alpha1.SignatureUnreadable)
		return &unavailableSecrets
	}
	h.reporter.Signed(source, v1alpha1.SignatureRefused)
	return h.refuse(r, refusedSignature)
}

// take parses, classifies and records an authentic webhook.
func (h *Handler) take(ctx context.Context, source *sources.Source, body []byte, header http.Header, arrival time.Time) answer {
	notice, err := sentry.Parse(header.Get(sentry.HeaderResource), body)
	if err != nil {
		h.log.V(1).Info("Webhook refused", "source", source.Name, "reason", err.Error())
		return malformed(err.Error())
	}
	verdict := classify(source.Object, notice, header.Get(sentry.HeaderTimestamp), arrival)
	log := func() logr.Logger {
		return h.log.WithValues("source", source.Name, "alertKey", verdict.key,
			"resource", word(notice.Resource), "action", word(notice.Action))
	}
	isTold := h.log.V(1).Enabled()
	if verdict.ignored != "" {
		if isTold {
			log().V(1).Info("Webhook ignored", "reason", verdict.ignored)
		}
		return h.ignore(source, notice, verdict.ignored)
	}
	return h.idempotency.once(source, header.Get(sentry.HeaderIdempotencyKey), func() answer {
		outcome := h.inbox.Submit(ctx, source, verdict.key, verdict.heard)
		if outcome.Err != nil {
			log().Error(outcome.Err, "Webhook not recorded in time")
			return unavailableRecord
		}
		h.reporter.Heard(source, arrival)
		if isTold {
			log().V(1).Info("Webhook taken", "result", outcome.Result(), "incident", outcome.Incident)
		}
		if outcome.Incident == "" {
			ignoredTotal.WithLabelValues(ignoredNothingOpen).Inc()
		}
		return accepted(outcome.Result(), outcome.Incident)
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

func (h *Handler) ignore(source *sources.Source, notice sentry.Notice, reason string) answer {
	ignoredTotal.WithLabelValues(reason).Inc()
	switch reason {
	case ignoredProject:
		h.reporter.IgnoredProjects(source, notice.Projects)
	case ignoredTerminating:
		return unavailableTerminating
	}
	return accepted(store.ResultIgnored, "")
}
