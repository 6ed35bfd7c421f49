// Package receivers is what stands in, on this machine, for those who receive the operator's messages and whom we cannot
// run: Slack, and an endpoint of Standard Webhooks. They check what they are sent as strictly as the real ones would, or
// more, and report whatever they do not expect.
package receivers

import "net/http"

// Report takes what a receiver did not expect, such as testing.T's Errorf.
type Report func(format string, arguments ...any)

// Answer stands in for a receiver's own answer; nil leaves it to the receiver.
type Answer http.HandlerFunc

// maxRequest bounds a request, in bytes: no message is that long.
const maxRequest = 64 << 10
