// Package receivers is who receives the operator's messages on this machine. For those whom we cannot run, Slack, PagerDuty and
// an endpoint of Standard Webhooks, somebody stands in who checks what they are sent as strictly as they would, or more, and
// reports whatever is not expected. The mail server and Alertmanager are real.
package receivers

import "net/http"

// Report takes what a receiver did not expect, such as testing.T's Errorf.
type Report func(format string, arguments ...any)

// Answer stands in for a receiver's own answer; nil leaves it to the receiver.
type Answer http.HandlerFunc

// maxRequest bounds a request, in bytes: no message is that long, a summary of thousands of Incidents included.
const maxRequest = 4 << 20
