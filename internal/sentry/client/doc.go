// Package client asks Sentry's API about issues: pages of a list by cursor, named issues, one issue with its activity; and writes what
// responders did. All clients of one organization share one Limiter, for Sentry counts by organization. What it reads safely it tries
// again, what it writes it does not.
package client
