package sentry

import "testing"

func BenchmarkParse(b *testing.B) {
	for resource, name := range map[string]string{
		"issue": "issue_created", "event_alert": "event_alert", "activity_alert": "activity_alert", "metric_alert": "metric_alert_critical",
	} {
		b.Run(resource, func(b *testing.B) {
			body := fixture(b, name)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(resource, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
