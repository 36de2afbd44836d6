package httppost

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fapilog/fapilog/sink/endpoint"
)

// Response is an answer.
type Response struct {
	Status    int
	Header    http.Header
	Body      []byte // decoded where the server has compressed it
	Truncated bool   // Body ends at the limit, or where the connection did

	mask func(string) string // of the secrets in the request; nil: none. A function holds them so that printing a Response does not
}

// excerptBytes is how much of a body is quoted.
const excerptBytes = 200

// Excerpt returns up to 200 bytes of Body in one line, with secrets masked, for
// use in an error; nothing if it is not text.
func (r *Response) Excerpt() string {
	body := r.Body[:min(len(r.Body), endpoint.DefaultMaxResponse)]
	if isBinary(body) {
		return ""
	}
	return r.oneLine(string(body))
}

// Clean returns up to 200 bytes of a text that the server sent in one line, with
// the secrets of the request masked.
func (r *Response) Clean(text string) string { return r.oneLine(text) }

func (r *Response) oneLine(text string) string {
	if r.mask != nil {
		text = r.mask(text)
	}
	return oneLine(text)
}

// oneLine returns text, in which secrets are masked already, in one line and cut.
func oneLine(text string) string {
	text = strings.ToValidUTF8(strings.Map(printable, text), "\uFFFD")
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= excerptBytes {
		return text
	}
	end := excerptBytes - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// printable replaces what would not stay on one line, or would steer a terminal.
func printable(r rune) rune {
	if unicode.IsGraphic(r) {
		return r
	}
	return ' '
}

func isBinary(body []byte) bool {
	return strings.IndexByte(string(body[:min(len(body), 1<<10)]), 0) >= 0
}
