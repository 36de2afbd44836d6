package cloudwatch

import (
	"net/http"
	"strconv"
	"strings"
	"time"
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

// maxRetryAfter bounds what a Retry-After can mean.
const maxRetryAfter = 24 * time.Hour

// retryAfter returns how long a Retry-After header (RFC 9110, section 10.2.3: seconds or a date) asks to wait; 0
// without one, or if it is malformed, negative or in the past; at most a day.
func retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter // an overflow
		}
		return time.Duration(seconds) * time.Second
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(time.Until(date), 0), maxRetryAfter)
}
