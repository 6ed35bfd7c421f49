// Package resync keeps sources in step with Sentry. A webhook is a hint, Sentry's API is the truth: pass after pass, each source's
// unresolved issues are listed, and each difference becomes the signal that the missed webhook would have been, through the same
// inbox. Old news wakes nobody, real news always does. On the way back, what responders do is written to Sentry, as far as it still fits.
//
// A feed is one source's connection to Sentry: it makes passes, and asks for single issues where something is in doubt. What to make of
// an answer is decided in files that ask nobody: judge.go (what differs), news.go (what is news), delivering.go (do webhooks arrive),
// writing.go (what is written back).
package resync
