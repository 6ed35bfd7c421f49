package inbox

import "time"

const (
	// recordTimeout is how long recording is tried before a signal that is not on disk is given up; Sentry does not send again.
	recordTimeout = 30 * time.Second

	// maxPending is how many signals wait in memory alone.
	maxPending = 20_000
	// maxBatch is how many signals go into one write.
	maxBatch = 1000
	// maxWrites is how many alert keys are written at once. More would only wait in the API server instead of here.
	maxWrites = 32

	// maxFinds is how many alert keys are written at once of which no webhook told.
	maxFinds = 8
	// findPatience is how long these wait for webhooks that wait, findPause how often that is looked at.
	findPatience = 10 * time.Second
	findPause    = 10 * time.Millisecond

	// linePatience is how long the line of writes may be for a signal to wait in it before it goes to disk.
	linePatience = 100 * time.Millisecond
	// maxLine is how many alert keys are in line at most, however fast writes have been so far: when they stall, these are the
	// signals that wait until that is noticed.
	maxLine = 2 * maxWrites
	// stallPatience is how long writes may be in flight without one that succeeds before signals go to disk at once.
	stallPatience = 300 * time.Millisecond
	// watchInterval is how often that is looked at.
	watchInterval = 50 * time.Millisecond

	// flushInterval is how long repeats that change nothing but counters wait on disk, to be recorded together.
	flushInterval = 10 * time.Second
	// flushJitter is by which part of that it may be longer.
	flushJitter = 0.2
	// firstRetry and lastRetry bound the pauses between tries to record what is on disk.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// orphanPatience is how long a Resolve on disk of which no Incident is known is tried again: in an outage its alert may have come
	// to another replica, which records it later.
	orphanPatience = 2 * time.Minute
	// sourceMemory is how long what is on disk waits for its source, from when that was found missing, before it counts as deleted.
	sourceMemory = 10 * time.Minute
	// invalidMemory is how long what is on disk is tried although the API server calls it, by itself, invalid.
	invalidMemory = time.Hour
	// refusedPause lies between the tries of two alerts of a source whose Incidents may not be written: thousands may wait.
	refusedPause = 50 * time.Millisecond
	// releasedAtOnce is how many alerts of such a source are tried again at once after one could be recorded.
	releasedAtOnce = 2
	// maxLooked is how many of them are looked at for that.
	maxLooked = 16
	// maxProblem is how much of what the API server said of a refusal is shown, in characters.
	maxProblem = 256
)
