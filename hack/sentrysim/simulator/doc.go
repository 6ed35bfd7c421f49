// Package simulator plays Sentry: it makes the webhooks that Sentry would send
// and posts them as Sentry would.
//
// Bodies are compact JSON in which every character outside ASCII is escaped,
// headers are Sentry's, the signature is made with the integration's Client
// Secret, and a redirect is not followed. What the bodies say of persons and
// of the failing request is made up; see [PersonalData].
//
// No clock is read: every webhook is told when it is sent.
package simulator
