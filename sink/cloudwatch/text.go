package cloudwatch

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is how much of a text from outside goes into an error, in bytes.
const maxText = 300

// oneLine returns the first line of text that says something, without control characters, cut at maxText.
func oneLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, line)
	return cutText(strings.TrimSpace(line), maxText)
}

// cutText returns at most n bytes of text, in whole characters.
func cutText(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
