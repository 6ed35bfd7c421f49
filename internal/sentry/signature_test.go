package sentry

import (
	"slices"
	"strings"
	"testing"
)

const clientSecret = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"

const resolvedBody = `{"action":"resolved","installation":{"uuid":"7a485448-a9e2-4c85-8a3c-4f44175783c9"},` +
	`"data":{"resolution_type":"now","issue":{"id":"4242"}},"actor":{"type":"user","id":789,"name":"Person"}}`

const (
	resolvedSignature = "88bf005c0c1fd5259b3020c92037dc386b581e23bd4d5869e35889230170f148"
	emptySignature    = "41890038a5f186cdcc5a68fa7e7acbf1b5bb37c81005963b8ba91e463733826e"
)

func TestSignGivesWhatSentrySends(t *testing.T) {
	for body, want := range map[string]string{
		resolvedBody: resolvedSignature,
		"":           emptySignature,
	} {
		if got := Sign([]byte(clientSecret), []byte(body)); got != want {
			t.Errorf("Sign(%q) = %s, want %s", body, got, want)
		}
	}
}

func TestVerify(t *testing.T) {
	right, other := []byte(clientSecret), []byte("another secret")
	tests := []struct {
		name      string
		body      string
		signature string
		secrets   [][]byte
		want      bool
	}{
		{"accepts the signature of the only secret", resolvedBody, resolvedSignature, [][]byte{right}, true},
		{"accepts the signature of an empty body", "", emptySignature, [][]byte{right}, true},
		{"accepts the first of two secrets", resolvedBody, resolvedSignature, [][]byte{right, other}, true},
		{"accepts the second of two secrets", resolvedBody, resolvedSignature, [][]byte{other, right}, true},
		{"accepts a secret beside an empty one", resolvedBody, resolvedSignature, [][]byte{nil, right}, true},
		{"refuses another secret", resolvedBody, resolvedSignature, [][]byte{other}, false},
		{"refuses without secrets", resolvedBody, resolvedSignature, nil, false},
		{"refuses an empty secret even where it matches", "x", Sign(nil, []byte("x")), [][]byte{{}, nil}, false},
		{"refuses a changed body", resolvedBody + " ", resolvedSignature, [][]byte{right}, false},
		{"refuses an absent signature", resolvedBody, "", [][]byte{right}, false},
		{"refuses upper-case hex", resolvedBody, strings.ToUpper(resolvedSignature), [][]byte{right}, false},
		{"refuses a prefix", resolvedBody, "sha256=" + resolvedSignature, [][]byte{right}, false},
		{"refuses a shortened signature", resolvedBody, resolvedSignature[:62], [][]byte{right}, false},
		{"refuses a lengthened signature", resolvedBody, resolvedSignature + "00", [][]byte{right}, false},
		{"refuses blanks around it", resolvedBody, " " + resolvedSignature, [][]byte{right}, false},
		{"refuses what is not hex", resolvedBody, strings.Repeat("g", 64), [][]byte{right}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Verify([]byte(test.body), test.signature, test.secrets...); got != test.want {
				t.Errorf("Verify = %t, want %t", got, test.want)
			}
		})
	}
}

// FuzzVerify checks that a signature verifies exactly if it is the one that
// Sign returns under a secret that is not empty, wherever in the list that
// secret stands.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(resolvedBody), resolvedSignature, []byte(clientSecret))
	f.Add([]byte(""), emptySignature, []byte(clientSecret))
	f.Add([]byte("{}"), "", []byte(""))
	f.Fuzz(func(t *testing.T, body []byte, signature string, secret []byte) {
		own := Sign(secret, body)
		if got := Verify(body, own, secret); got != (len(secret) > 0) {
			t.Errorf("own signature: Verify = %t with a secret of %d bytes", got, len(secret))
		}
		want := len(secret) > 0 && signature == own
		if got := Verify(body, signature, nil, secret); got != want {
			t.Errorf("Verify(%q) = %t, want %t", signature, got, want)
		}
		if Verify(append([]byte("x"), body...), own, secret) {
			t.Error("a changed body verifies")
		}
	})
}

// FuzzVerifyRefusesAnyChange checks that a body signed verifies, and that it
// no longer does with any one byte of body or signature changed.
func FuzzVerifyRefusesAnyChange(f *testing.F) {
	f.Add([]byte(resolvedBody), []byte(clientSecret), uint(0), byte(1))
	f.Add([]byte("x"), []byte("k"), uint(63), byte(0x20))
	f.Fuzz(func(t *testing.T, body, secret []byte, position uint, mask byte) {
		if len(secret) == 0 || mask == 0 {
			t.Skip("nothing would be changed")
		}
		signature := Sign(secret, body)
		if !Verify(body, signature, secret) {
			t.Error("the signature of the body does not verify")
		}
		if len(body) > 0 && Verify(flip(body, position, mask), signature, secret) {
			t.Error("a changed body verifies")
		}
		if Verify(body, string(flip([]byte(signature), position, mask)), secret) {
			t.Error("a changed signature verifies")
		}
	})
}

// flip returns a copy of which one byte is changed.
func flip(bytes []byte, position uint, mask byte) []byte {
	changed := slices.Clone(bytes)
	changed[position%uint(len(changed))] ^= mask
	return changed
}
