package sentry

import "testing"

func TestIsLegacyPlugin(t *testing.T) {
	tests := map[string]struct {
		body string
		want bool
	}{
		"what the plugin posts": {
			`{"id":"42","project":"checkout","project_name":"Checkout","project_slug":"checkout","logger":null,"level":"error",` +
				`"culprit":"charge","message":"","url":"https://acme.sentry.io/issues/42/","triggering_rules":["Page us"],` +
				`"event":{"event_id":"a1","tags":[]}}`, true,
		},
		"an old one, without project_slug": {`{"project":"checkout","event":{"event_id":"a1"}}`, true},
		"an issue webhook":                 {`{"action":"created","data":{"issue":{"id":"42"}}}`, false},
		"an alert rule's webhook":          {`{"action":"triggered","data":{"event":{}},"event":{},"project":"checkout"}`, false},
		"an action that is null":           {`{"action":null,"event":{},"project":"checkout"}`, false},
		"no project":                       {`{"event":{}}`, false},
		"no event":                         {`{"project":"checkout"}`, false},
		"no object":                        {`[1]`, false},
		"no JSON":                          {`event`, false},
		"nothing":                          {``, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			wantSame(t, IsLegacyPlugin([]byte(test.body)), test.want)
		})
	}
}
