package sentry

import "unicode"

const (
	zeroWidthJoiner    = '\u200d'
	lineSeparator      = '\u2028'
	paragraphSeparator = '\u2029'
)

// directionControls reorder the text that follows, and so can make a line on a
// terminal read as something else.
var directionControls = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x202a, Hi: 0x202e, Stride: 1},
	{Lo: 0x2066, Hi: 0x2069, Stride: 1},
}}

// skinTones modify the emoji before them.
var skinTones = &unicode.RangeTable{R32: []unicode.Range32{
	{Lo: 0x1f3fb, Hi: 0x1f3ff, Stride: 1},
}}

// clip returns at most limit characters of s as one line of valid UTF-8.
func clip(s string, limit int) string {
	if len(s) <= limit && isPlain(s) {
		return s
	}
	kept := make([]rune, 0, min(len(s), limit+1))
	for _, r := range s {
		if len(kept) > limit {
			break
		}
		kept = append(kept, printable(r))
	}
	if len(kept) > limit {
		kept = kept[:boundary(kept, limit)]
	}
	return string(kept)
}

// printable returns a space in place of what breaks or reorders a line.
func printable(r rune) rune {
	switch {
	case unicode.IsControl(r), unicode.Is(directionControls, r):
		return ' '
	case r == lineSeparator, r == paragraphSeparator:
		return ' '
	default:
		return r
	}
}

// boundary is the last place at or before limit where no accent or joined emoji
// is torn off. A text that is little else than accents is cut at the limit.
func boundary(runes []rune, limit int) int {
	for at := limit; at > limit/2; at-- {
		if !continues(runes[at]) && runes[at-1] != zeroWidthJoiner {
			return at
		}
	}
	return limit
}

// continues reports whether r belongs to the character before it.
func continues(r rune) bool {
	return r == zeroWidthJoiner || unicode.In(r, unicode.M, skinTones)
}

// isPlain reports whether s is printable ASCII alone, of which nothing has to be replaced.
func isPlain[S string | []byte](s S) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
