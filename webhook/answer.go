package webhook

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

// answer is what a request gets.
type answer struct {
	code int
	// result is opened, updated, reopened, resolved or ignored; for a refusal a word for the metric.
	result string
	// incident is the namespace and name of the Incident that has it, if any.
	incident string
	// message says what is wrong, for a refusal. It is made of constants alone.
	message string
	// retryAfter is in seconds, 0 for none.
	retryAfter int
}

func accepted(result, incident string) answer {
	return answer{code: http.StatusOK, result: result, incident: incident}
}

// refused is for what is refused for good: Sentry need not send it again.
func refused(code int, result, message string) answer {
	return answer{code: code, result: result, message: message}
}

// unavailable is for what could be taken, but not now.
func unavailable(result, message string, retryAfter int) answer {
	return answer{code: http.StatusServiceUnavailable, result: result, message: message, retryAfter: retryAfter}
}

// The refusals.
var (
	refusedPath = refused(http.StatusNotFound, "wrong_path",
		"there is nothing here; webhooks go to "+v1alpha1.IntakePath)
	refusedMethod  = refused(http.StatusMethodNotAllowed, "wrong_method", "webhooks are posted")
	refusedNoToken = refused(http.StatusUnauthorized, "no_token",
		"the URL lacks its query parameter token; paste the whole URL from the source's webhook Secret")
	refusedToken = refused(http.StatusUnauthorized, "unknown_token",
		"no AlertSource has this token; paste the URL from the source's webhook Secret anew")
	refusedSignature = refused(http.StatusUnauthorized, "bad_signature",
		"the signature matches no client secret of the AlertSource; "+
			"compare its Secret with the integration's Client Secret in Sentry")
	refusedContentType = refused(http.StatusUnsupportedMediaType, "content_type",
		"the Content-Type must be application/json")
	refusedLegacy = refused(http.StatusBadRequest, "legacy_plugin",
		"this is the legacy WebHooks plugin, which signs nothing and tells of no resolve; remove it from the project's "+
			"settings in Sentry and set up an internal integration instead, with this URL as its Webhook URL")
	refusedSlowBody = refused(http.StatusRequestTimeout, "slow_body", "the body did not come within 4 seconds")
	refusedTooLarge = refused(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than 8 MiB")
	refusedBody     = refused(http.StatusBadRequest, "body_unreadable", "the body could not be read")
	refusedTooMany  = answer{
		code:       http.StatusTooManyRequests,
		result:     "too_many_failures",
		message:    "too many failed authentications from this address; try again in a minute",
		retryAfter: 60,
	}

	unavailableStarting = unavailable("starting", "the intake is starting", 1)
	unavailableBodies   = unavailable("busy", "too many bodies are being read at once", 1)
	unavailableSecrets  = unavailable("secrets_unreadable",
		"the client secrets of the AlertSource cannot be read; see its status", 5)
	// The source may have been made again already, and only this replica not have heard of it.
	unavailableTerminating = unavailable("terminating", "the AlertSource is being deleted", 5)
	failedInside           = answer{code: http.StatusInternalServerError, result: "panicked", message: "the operator failed; see its log"}
	unavailableRecord      = unavailable("not_recorded", "the signal is not recorded yet", 1)
)

// malformed is for what is no webhook of Sentry's. The reason never quotes the body.
func malformed(reason string) answer {
	return refused(http.StatusBadRequest, "malformed", reason)
}

// write sends an answer. Neither headers nor body ever hold anything that the request said, but for an Incident's name.
func (a answer) write(w http.ResponseWriter) {
	body := struct {
		Result   string `json:"result,omitempty"`
		Incident string `json:"incident,omitempty"`
		Error    string `json:"error,omitempty"`
	}{Incident: a.incident, Error: a.message}
	if a.code == http.StatusOK {
		body.Result = a.result
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	switch {
	case a.code == http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodPost)
	case a.code == http.StatusUnauthorized:
		header.Set("WWW-Authenticate", "Bearer")
	case a.code == http.StatusRequestTimeout:
		// What else comes on this connection is the rest of that body.
		header.Set("Connection", "close")
	case a.retryAfter > 0:
		header.Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	w.WriteHeader(a.code)
	// A client that has gone needs no answer.
	_ = json.NewEncoder(w).Encode(body)
}
