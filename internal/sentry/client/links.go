package client

import "strings"

// nextCursor is the cursor of the next page in a Link header (RFC 8288, with Sentry's parameters results and cursor); "" if
// there is none, or Sentry says that it has no results.
func nextCursor(header string) string {
	for _, link := range splitOutside(header, ',') {
		parameters := map[string]string{}
		for _, part := range splitOutside(link, ';') {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			parameters[strings.ToLower(name)] = strings.Trim(value, `"`)
		}
		if parameters["rel"] == "next" && parameters["results"] == "true" {
			return parameters["cursor"]
		}
	}
	return ""
}

// splitOutside splits at a separator that is neither in <> nor in quotes.
func splitOutside(text string, separator rune) []string {
	var parts []string
	start, isQuoted, isAddress := 0, false, false
	for i, r := range text {
		switch {
		case r == '"' && !isAddress:
			isQuoted = !isQuoted
		case r == '<' && !isQuoted:
			isAddress = true
		case r == '>' && !isQuoted:
			isAddress = false
		case r == separator && !isQuoted && !isAddress:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}
