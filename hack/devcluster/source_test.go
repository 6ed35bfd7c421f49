package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/itoc360/itoc360-operator/hack/sentrysim/simulator"
)

func TestTheManifestOfASourceNamesItsOwnSecret(t *testing.T) {
	documents := strings.Split(fmt.Sprintf(sourceManifest, search, "0123", "  suspend: true\n"), "---\n")
	if len(documents) != 2 {
		t.Fatalf("%d documents", len(documents))
	}
	for _, document := range documents {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			t.Error(err)
		}
	}
	if strings.Count(documents[1], "search-sentry") != 1 || !strings.Contains(documents[0], "clientSecret: 0123") {
		t.Errorf("manifest: %s", documents)
	}
}

func TestForgeriesDifferFromTheGenuineInOneThing(t *testing.T) {
	d := &demonstration{senders: map[string]simulator.Client{
		payments: {URL: "http://127.0.0.1:1/functions/v1/events?token=a", Secret: "1"},
		search:   {URL: "http://127.0.0.1:1/functions/v1/events?token=b", Secret: "2"},
	}}
	if got := d.sender(search, genuine); got.URL != d.senders[search].URL || got.Secret != "2" {
		t.Errorf("genuine: %+v", got)
	}
	if got := d.sender(search, wrongSignature); got.URL != d.senders[search].URL || got.Secret != "1" {
		t.Errorf("wrong signature: %+v", got)
	}
	got := d.sender(search, wrongToken)
	before, after, _ := strings.Cut(got.URL, "?token=")
	if before != "http://127.0.0.1:1/functions/v1/events" || len(after) != 64 || got.Secret != "2" {
		t.Errorf("wrong token: %+v", got)
	}
}

func TestAnIntakeIsGreetedUntilItKnowsTheSource(t *testing.T) {
	var heard atomic.Int32
	intake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if heard.Add(1) == 1 {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer intake.Close()
	if err := greet(t.Context(), simulator.Client{URL: intake.URL + "?token=t"}); err != nil {
		t.Error(err)
	}
	if heard.Load() != 2 {
		t.Errorf("greeted %d times", heard.Load())
	}
}
