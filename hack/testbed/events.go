package testbed

import (
	"strings"
	"testing"

	"k8s.io/client-go/tools/events"
)

// Recorded are the Events sent since the last time.
func Recorded(recorder *events.FakeRecorder) []string {
	var sent []string
	for {
		select {
		case one := <-recorder.Events:
			sent = append(sent, one)
		default:
			return sent
		}
	}
}

// ExpectEvents fails the test unless exactly these Events were sent since the last time; each is named by how it begins.
func ExpectEvents(t testing.TB, recorder *events.FakeRecorder, prefixes ...string) {
	t.Helper()
	sent := Recorded(recorder)
	if len(sent) != len(prefixes) {
		t.Fatalf("sent Events %q, want %q", sent, prefixes)
	}
	for i, prefix := range prefixes {
		if !strings.HasPrefix(sent[i], prefix) {
			t.Errorf("sent Events %q, want %q", sent, prefixes)
		}
	}
}
