package store

import "time"

const (
	// orphanMemory is how long a Resolve of which no Incident is known is remembered against an older Alert.
	orphanMemory = 10 * time.Minute
	// maxOrphans is how many of them are remembered.
	maxOrphans = 10_000
	// recentMemory is how long this process remembers what it wrote; by then the cache has it.
	recentMemory = 10 * time.Second
	// maxRecent is how many Incidents are remembered so.
	maxRecent = 4096
	// firstRetry and lastRetry bound the pauses between two tries to record.
	firstRetry = 5 * time.Millisecond
	lastRetry  = time.Second
	// rescueTimeout is how long an Incident is tried to be rescued.
	rescueTimeout = 30 * time.Second
)
