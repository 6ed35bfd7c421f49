package client

import (
	"errors"
	"strings"
)

// organizationTokenPrefix begins an organization token, which Sentry makes for CI.
const organizationTokenPrefix = "sntrys_"

// What is wrong with a token, before anybody was asked.
var (
	ErrTokenEmpty        = errors.New("the token is empty")
	ErrTokenShape        = errors.New("the token has characters that no token of Sentry has: copy it once more, without quotes or blanks")
	ErrOrganizationToken = errors.New("this is an organization token (sntrys_…), which is for CI and cannot read issues; " +
		"use the token of the internal integration (sntryi_…)")
)

// CheckToken tells whether a token can be one that reads issues: that of an internal integration (sntryi_…), a personal one
// (sntryu_…), or an old one without a prefix.
func CheckToken(token string) error {
	switch {
	case token == "":
		return ErrTokenEmpty
	case strings.HasPrefix(token, organizationTokenPrefix):
		return ErrOrganizationToken
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\'' }):
		return ErrTokenShape
	default:
		return nil
	}
}
