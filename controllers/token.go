package controllers

import (
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

const (
	// tokenBytes of randomness make a token that nobody guesses: 256 bits.
	tokenBytes = 32
	// minTokenLength is the shortest token of a user's own that is taken.
	minTokenLength = 16
)

// tokenCharacters are those that a URL's query carries as they are.
var tokenCharacters = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

func newToken() string {
	random := make([]byte, tokenBytes)
	_, _ = rand.Read(random) // never fails, as documented: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(random)
}

func isValidToken(token string) bool {
	return len(token) >= minTokenLength && tokenCharacters.MatchString(token)
}

// webhookURL is what is pasted into Sentry.
func webhookURL(base, token string) string {
	return strings.TrimRight(base, "/") + v1alpha1.IntakePath + "?token=" + token
}

// tokenOf recovers the token from a webhook URL; empty if there is no valid one.
func tokenOf(webhookURL string) string {
	parsed, err := url.Parse(strings.TrimSpace(webhookURL))
	if err != nil {
		return ""
	}
	if token := parsed.Query().Get("token"); isValidToken(token) {
		return token
	}
	return ""
}
