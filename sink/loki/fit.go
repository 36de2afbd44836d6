package loki

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fapilog/fapilog/sink"
)

// fitName returns name as Loki takes it for a label or metadata: letters, digits and
// _, no digit at the beginning, at most one _ there, up to 1024 bytes.
func fitName(name string) string {
	var b strings.Builder
	for i, r := range name {
		switch {
		case r == '_', 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			b.WriteRune(r)
		case '0' <= r && r <= '9':
			if i == 0 {
				b.WriteByte('_')
			}
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	fit := b.String()
	if bare := strings.TrimLeft(fit, "_"); len(fit)-len(bare) > 1 {
		fit = "_" + bare
	}
	return fit[:min(len(fit), maxName)]
}

func namesOf(fields sink.List) (names []string) {
	for _, f := range fields {
		names = append(names, fitName(f))
	}
	return names
}

// fitValue appends value as Loki takes it for a label: UTF-8 without control
// characters, up to 2048 bytes.
func fitValue(dst, value []byte) []byte {
	value = head(value, maxValue)
	for len(value) > 0 {
		r, n := utf8.DecodeRune(value)
		if unicode.IsControl(r) {
			r = ' '
		}
		dst = utf8.AppendRune(dst, r)
		value = value[n:]
	}
	return head(dst, maxValue) // U+FFFD is longer than what it stands for
}

// head returns at most the first n bytes of text, and no part of a character.
func head(text []byte, n int) []byte {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// validUTF8 returns text with U+FFFD for each byte that is not UTF-8.
func validUTF8(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	return []byte(string([]rune(string(text))))
}
