// Package webhook is the intake: HTTP in, a recorded signal out.
//
//	Handler    finds the source by its token, reads the body, verifies, parses and classifies it
//	Inbox      one queue an alert key: what arrives while a write is in flight goes into the next one
//	Store      asks lifecycle.Route what a signal means, and writes its answer: create, patch or nothing
//	Directory  knows each source's token and client secrets on this replica
//	Reporter   tells in a source's status what only this replica's intake knows
//	Server     serves the Handler from the caches' sync until the last accepted signal is recorded
//
// The intake runs on every replica and needs no leader. It answers 200 when, and only when, a signal is recorded or is
// none of ours. It never answers 3xx: Sentry takes a redirect for success, and the alert is lost.
package webhook
