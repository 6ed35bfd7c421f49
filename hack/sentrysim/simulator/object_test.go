package simulator

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestBodyIsWrittenAsPythonWritesIt(t *testing.T) {
	tests := []struct {
		name  string
		value object
		want  string
	}{
		{"members keep their order", object{{"b", 1}, {"a", "x"}}, `{"b":1,"a":"x"}`},
		{"an absent member is left out", object{{"a", Absent}, {"b", 1}, {"c", Absent}}, `{"b":1}`},
		{"a null member is null", object{{"a", Null}, {"b", nil}}, `{"a":null,"b":null}`},
		{"objects may hold objects", object{{"a", object{{"b", Null}, {"c", Absent}}}}, `{"a":{"b":null}}`},
		{"nothing is an empty object", object{}, `{}`},
		{
			"lists and pairs are lists",
			object{{"a", []string{"x"}}, {"b", [][2]string{{"k", "v"}}}},
			`{"a":["x"],"b":[["k","v"]]}`,
		},
		{"what is not ASCII is escaped", object{{"a", "é – 支付"}}, `{"a":"\u00e9 \u2013 \u652f\u4ed8"}`},
		{"what is beyond the basic plane is a pair", object{{"a", "🔥"}}, `{"a":"\ud83d\udd25"}`},
		{"HTML is left as it is", object{{"a", "<b>&</b>"}}, `{"a":"<b>&</b>"}`},
		{"control characters are escaped", object{{"a", "\n\x00\x7f\u2028"}}, `{"a":"\n\u0000\u007f\u2028"}`},
		{"names are escaped too", object{{`"é`, 1}}, `{"\"\u00e9":1}`},
		{"large numbers keep every digit", object{{"a", projectNumber}}, `{"a":4505281256090153}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := string(body(test.value)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// FuzzBody checks that every text becomes compact JSON in printable ASCII that
// says the same.
func FuzzBody(f *testing.F) {
	f.Add("plain")
	f.Add("<é\u2028🔥\x7f\"\\\n>")
	f.Fuzz(func(t *testing.T, text string) {
		if text == Null || text == Absent {
			t.Skip("a word of the simulator's own")
		}
		encoded := body(object{{"text", text}})
		if strings.ContainsFunc(string(encoded), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("not printable ASCII: %q", encoded)
		}
		var got struct{ Text string }
		if err := json.Unmarshal(encoded, &got); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(text, "\ufffd"); got.Text != want && strings.ToValidUTF8(text, "") == text {
			t.Errorf("got %q, want %q", got.Text, want)
		}
	})
}

func TestEveryWebhookIsCompactASCIIInSentrysEnvelope(t *testing.T) {
	at := time.Date(2026, 9, 1, 10, 15, 30, 0, time.UTC)
	issue := Issue{Title: "Zahlung schlägt fehl 🔥", Assignee: "Zoë"}
	for _, webhook := range []Webhook{
		IssueWebhook("created", issue, at),
		IssueWebhook("assigned", issue, at),
		EventAlert(issue, "Règle", true, at),
		ActivityAlert("status_resolved", issue, at),
		MetricAlert("critical", "", "Fehlerrate höher", "", nil, at),
		Installation("created", at),
		Other("seer", "root_cause_completed", at),
	} {
		var envelope map[string]any
		if err := json.Unmarshal(webhook.Body, &envelope); err != nil {
			t.Fatalf("%s: %v", webhook.Resource, err)
		}
		if envelope["action"] != webhook.Action {
			t.Errorf("%s: the action is %v, want %s", webhook.Resource, envelope["action"], webhook.Action)
		}
		if _, ok := envelope["resource"]; ok || len(envelope) != 4 {
			t.Errorf("%s: the envelope is not Sentry's: %s", webhook.Resource, webhook.Body)
		}
		var compacted bytes.Buffer
		if err := json.Compact(&compacted, webhook.Body); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(compacted.Bytes(), webhook.Body) || !webhook.Time.Equal(at) {
			t.Errorf("%s: the body is not compact: %s", webhook.Resource, webhook.Body)
		}
	}
}
