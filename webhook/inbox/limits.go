package inbox

import "time"

const (
	// RecordTimeout is how long recording goes on after its answer was due: Sentry does not send again.
	RecordTimeout = 30 * time.Second

	// maxPending is how many signals wait for their write at once.
	maxPending = 20_000
	// maxBatch is how many signals go into one write.
	maxBatch = 100
	// maxWrites is how many alert keys are written at once.
	maxWrites = 64
)
