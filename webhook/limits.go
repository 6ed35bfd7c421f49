package webhook

import "time"

// Every byte and second that the intake grants.
const (
	// maxBody is the largest body read: an event_alert embeds a whole event, several MB at the most.
	maxBody = 8 << 20
	// maxBodies is how many bytes of bodies are in memory at once, over all requests.
	maxBodies = 64 << 20
	// firstBody is how much memory a body is granted at first: Sentry's have 1.5 to 22 KiB, but for whole events.
	firstBody = 32 << 10
	// maxHeader is the largest request head: Sentry's has less than 2 KiB, proxies add to it.
	maxHeader = 64 << 10

	// headTimeout is for the request's head. Strangers may hold a connection for so long.
	headTimeout = 5 * time.Second
	// bodyTimeout is for a request's body; Sentry itself gives up after 5 s.
	bodyTimeout = 4 * time.Second
	// readTimeout is for the whole of a request whose body nobody wants.
	readTimeout = 10 * time.Second
	// writeTimeout is for reading the body and for the answer.
	writeTimeout = 15 * time.Second
	// idleTimeout is for a proxy's connection between two requests.
	idleTimeout = 2 * time.Minute

	// answerTimeout is how long after the body's last byte an answer is due, unless the options say otherwise: Sentry
	// waits for one second and then counts a failure.
	answerTimeout = 900 * time.Millisecond
	// reservedPart is the part of it that is kept for the disk: what is not recorded 600 ms after its arrival goes there.
	reservedPart = 3
	// closeTimeout is how long a stopping spool may take for its last commit.
	closeTimeout = 5 * time.Second
	// drainTimeout is how long a stopping intake takes for what it accepted. In a storm much of that is on disk, and the disk of
	// a Pod goes with it: so it is long enough for some 20,000.
	drainTimeout = 100 * time.Second

	// maxFailures is how many failed authentications from one address a minute are answered 401; the others are 429.
	maxFailures = 20
	// maxAddresses is how many addresses are remembered for that.
	maxAddresses = 10_000

	// idempotencyMemory is how long an Idempotency-Key that was recorded is remembered.
	idempotencyMemory = 10 * time.Minute
	// maxIdempotencyKeys is how many of them are remembered.
	maxIdempotencyKeys = 10_000
	// maxIdempotencyKey is the longest Idempotency-Key heeded, in bytes; Sentry's have 32.
	maxIdempotencyKey = 128

	// reportInterval is how often a replica writes a source's status.
	reportInterval = 10 * time.Second
	// problemInterval is how often a replica says again that it cannot record signals.
	problemInterval = time.Minute
	// maxReplicaName is how much of a replica's name its field manager bears; the API server allows 128 bytes in all.
	maxReplicaName = 100
	// lastReportTimeout is how long a stopping replica tries to write what it still has to tell.
	lastReportTimeout = 2 * time.Second
)
