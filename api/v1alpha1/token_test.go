package v1alpha1_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/itoc360/itoc360-operator/api/v1alpha1"
)

func TestATokenIsLongEnoughAndFitsIntoAURL(t *testing.T) {
	for name, test := range map[string]struct {
		token string
		want  bool
	}{
		"sixteen characters":         {strings.Repeat("a", 16), true},
		"every character allowed":    {"azAZ09-._~azAZ09", true},
		"nothing":                    {"", false},
		"fifteen characters":         {strings.Repeat("a", 15), false},
		"a line break at its end":    {strings.Repeat("a", 16) + "\n", false},
		"a character that is quoted": {strings.Repeat("a", 16) + "&", false},
		"a character beyond ASCII":   {strings.Repeat("a", 16) + "ä", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := v1alpha1.IsUsableToken(test.token); got != test.want {
				t.Errorf("usable: %t", got)
			}
		})
	}
}

func TestAWebhookURLGivesItsTokenBack(t *testing.T) {
	const token = "azAZ09-._~azAZ09"
	for _, base := range []string{"https://alerts.example.com", "https://alerts.example.com/", "https://example.com/behind/a/path"} {
		url := v1alpha1.WebhookURL(base, token)
		if want := strings.TrimSuffix(base, "/") + "/functions/v1/events?token=" + token; url != want {
			t.Errorf("the URL is %s, want %s", url, want)
		}
		if got := v1alpha1.TokenOf(url + "\n"); got != token {
			t.Errorf("%s gives %q back", url, got)
		}
	}
}

func TestAURLWithoutAUsableTokenGivesNone(t *testing.T) {
	for name, url := range map[string]string{
		"nothing":           "",
		"no URL":            "http://[",
		"no token":          "https://alerts.example.com/functions/v1/events",
		"too short a token": "https://alerts.example.com/functions/v1/events?token=short",
	} {
		t.Run(name, func(t *testing.T) {
			if got := v1alpha1.TokenOf(url); got != "" {
				t.Errorf("gives %q", got)
			}
		})
	}
}

func TestAnOwnerIsASourceOfThatNameAndNoOther(t *testing.T) {
	source := &v1alpha1.AlertSource{ObjectMeta: metav1.ObjectMeta{Name: "payments", UID: "1"}}
	for name, test := range map[string]struct {
		change func(*metav1.OwnerReference)
		want   bool
	}{
		"the source":                    {func(*metav1.OwnerReference) {}, true},
		"an earlier one of its name":    {func(o *metav1.OwnerReference) { o.UID = "0" }, true},
		"one of a later version":        {func(o *metav1.OwnerReference) { o.APIVersion = "itoc360.io/v1" }, true},
		"another source":                {func(o *metav1.OwnerReference) { o.Name = "search" }, false},
		"another kind":                  {func(o *metav1.OwnerReference) { o.Kind = "Incident" }, false},
		"a kind of somebody else's API": {func(o *metav1.OwnerReference) { o.APIVersion = "example.com/v1" }, false},
		"no API at all":                 {func(o *metav1.OwnerReference) { o.APIVersion = "a/b/c" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			owner := source.OwnerReference()
			test.change(&owner)
			if got := v1alpha1.IsSourceNamed(owner, "payments"); got != test.want {
				t.Errorf("a source named payments: %t", got)
			}
		})
	}
}
