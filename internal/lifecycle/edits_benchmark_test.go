package lifecycle

import (
	"encoding/json"
	"testing"

	"github.com/itoc360/itoc360-operator/internal/edit"
)

// What a repeat costs: the edits beside the whole spec, as JSON.
func BenchmarkARepeatsPatch(b *testing.B) {
	s := tell(Rules{}, alert(at(0)))
	for minute := range 40 {
		s.hear(alert(at(minute + 1)))
	}
	before := s.latest()
	s.hear(alert(at(60)))
	after := s.latest()
	b.Run("edits", func(b *testing.B) {
		size := 0
		for b.Loop() {
			patch, err := edit.Encode(SpecEdits(before, after))
			if err != nil {
				b.Fatal(err)
			}
			size = len(patch)
		}
		b.ReportMetric(float64(size), "bytes")
	})
	b.Run("the whole spec", func(b *testing.B) {
		size := 0
		for b.Loop() {
			patch, err := json.Marshal([]any{map[string]any{"op": "replace", "path": "/spec", "value": after}})
			if err != nil {
				b.Fatal(err)
			}
			size = len(patch)
		}
		b.ReportMetric(float64(size), "bytes")
	})
}
