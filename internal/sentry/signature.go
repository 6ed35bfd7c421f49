package sentry

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// Names of the headers that Sentry sends with a webhook.
const (
	// HeaderResource names what the webhook is about, such as "issue". The
	// body does not repeat it.
	HeaderResource = "Sentry-Hook-Resource"
	// HeaderTimestamp holds the time of sending in Unix seconds. It is not
	// covered by the signature.
	HeaderTimestamp = "Sentry-Hook-Timestamp"
	// HeaderSignature holds what [Sign] returns for the raw body.
	HeaderSignature = "Sentry-Hook-Signature"
	// HeaderAppSignature holds the same for what Sentry asks while an alert rule
	// with a settings form is saved; such a request has none of the headers
	// above, and speaks of no alert.
	HeaderAppSignature = "Sentry-App-Signature"
	// HeaderIdempotencyKey is the same for all attempts at one delivery. Only
	// the newest versions of Sentry send it.
	HeaderIdempotencyKey = "Idempotency-Key"
)

// Sign returns the signature of a body: its HMAC-SHA256 in lower-case hex. The
// secret is the integration's Client Secret taken as text, not decoded.
func Sign(secret, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// Verify reports whether the signature belongs to the raw body under any of
// the secrets. Only the form that Sentry sends is accepted: 64 lower-case hex
// characters without prefix. An empty secret matches nothing. The time taken
// does not tell which secret matched, or how much of a signature was right.
func Verify(body []byte, signature string, secrets ...[]byte) bool {
	verified := false
	for _, secret := range secrets {
		matches := hmac.Equal([]byte(Sign(secret, body)), []byte(signature))
		verified = verified || matches && len(secret) > 0
	}
	return verified
}
