package testbed

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Start is what the clocks of tests show first. It lies ahead of the API server's own clock, which stamps creations, so
// that an hour later is an hour later for both.
var Start = time.Now().Add(time.Minute).Truncate(time.Second).UTC()

// At is some time after Start.
func At(after time.Duration) time.Time { return Start.Add(after) }

// MicroAt is At as signals have it.
func MicroAt(after time.Duration) metav1.MicroTime { return metav1.NewMicroTime(At(after)) }

// TimeAt is At as responses and reports have it.
func TimeAt(after time.Duration) *metav1.Time { return ptr.To(metav1.NewTime(At(after))) }
