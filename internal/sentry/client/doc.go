// Package client asks Sentry's API about issues: pages of a list by cursor, named issues, one issue with its activity. All
// clients of one organization share one Limiter, for Sentry counts by organization. What it reads safely it tries again.
package client
