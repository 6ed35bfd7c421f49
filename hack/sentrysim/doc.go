// Command sentrysim plays Sentry: it signs a webhook and posts it, for trying
// out an intake without a Sentry.
package main
