// Package sources knows who may post: which token is whose, and with which client secrets a source's deliveries are
// signed. It watches exactly the Secrets that AlertSources refer to, and publishes what it knows as an immutable snapshot.
package sources
