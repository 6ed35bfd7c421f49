package v1alpha1

import (
	"net/url"
	"regexp"
	"strings"
)

// MinTokenLength is the shortest source token that is honoured.
const MinTokenLength = 16

// tokenCharacters are those that the query of a URL carries as they are.
var tokenCharacters = regexp.MustCompile(`^[-._~A-Za-z0-9]+$`)

// IsUsableToken tells whether a source token is honoured: it has at least MinTokenLength letters, digits and -._~.
func IsUsableToken(token string) bool {
	return len(token) >= MinTokenLength && tokenCharacters.MatchString(token)
}

// WebhookURL is the URL to paste into Sentry: the address at which the intake is reached, its path, and the token.
func WebhookURL(base, token string) string {
	return strings.TrimRight(base, "/") + IntakePath + "?token=" + token
}

// TokenOf is the token in a URL that WebhookURL made; empty if there is no usable one.
func TokenOf(webhookURL string) string {
	parsed, err := url.Parse(strings.TrimSpace(webhookURL))
	if err != nil {
		return ""
	}
	if token := parsed.Query().Get("token"); IsUsableToken(token) {
		return token
	}
	return ""
}
