package alertsource

import (
	"crypto/rand"
	"encoding/base64"
)

// tokenBytes of randomness make a token that nobody guesses: 256 bits.
const tokenBytes = 32

func newToken() string {
	random := make([]byte, tokenBytes)
	_, _ = rand.Read(random) // never fails, as documented: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(random)
}
