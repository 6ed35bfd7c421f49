// Package sentry reads what Sentry says: it checks the signature of a webhook
// and decodes its body into a [Notice].
//
// A Notice tells what was said and judges nothing: whether an action opens,
// refreshes or resolves anything is for the caller to decide. The package
// knows nothing of Kubernetes, reads no clock and logs nothing.
//
// Decoding is lenient, because Sentry's payloads differ between its versions
// and proxies rewrite them:
//
//   - ids may be strings or numbers, and numbers keep every digit;
//   - a member that is absent, one that is null and one with a value are told
//     apart, see [Text];
//   - a member of an unexpected type counts as absent and never makes the rest
//     unreadable;
//   - unknown values of an enumeration are kept.
//
// What is decoded is safe to store and to show: every text has a bounded
// length and is valid UTF-8 on one line, links are http or https, and of the
// persons in a payload nothing is copied but the assignee's name.
package sentry
