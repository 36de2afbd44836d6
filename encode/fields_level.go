package encode

import (
	"bytes"
	"log/slog"
)

var metaWords = map[string]slog.Level{
	"TRACE": -8, "VERBOSE": -8, "FINEST": -8, "FINER": -8,
	"DEBUG": -4, "FINE": -4,
	"INFO": 0, "INFORMATION": 0, "INFORMATIONAL": 0,
	"NOTICE": 2,
	"WARN":   4, "WARNING": 4,
	"ERROR": 8, "ERR": 8, "SEVERE": 8,
	"CRITICAL": 12, "CRIT": 12, "FATAL": 12, "DPANIC": 12,
	"ALERT":     14,
	"EMERGENCY": 16, "EMERG": 16, "PANIC": 16,
}

// metaSeverities are the levels of RFC 5424, section 6.2.1.
var metaSeverities = [...]slog.Level{16, 14, 12, 8, 4, 2, 0, -4}

// metaLevel reads a level as [Meta] documents.
func metaLevel(v Raw) (slog.Level, bool) {
	switch string(v) { // nearly all there are
	case `"debug"`, `"DEBUG"`:
		return slog.LevelDebug, true
	case `"info"`, `"INFO"`, `30`:
		return slog.LevelInfo, true
	case `"warn"`, `"WARN"`, `"warning"`, `"WARNING"`, `40`:
		return slog.LevelWarn, true
	case `"error"`, `"ERROR"`, `50`:
		return slog.LevelError, true
	}
	var buf [metaMaxText]byte
	s := metaShort(buf[:0], v)
	if len(s) == 0 {
		return 0, false
	}
	if '0' <= s[0] && s[0] <= '9' {
		n, ok := metaInt(s)
		return levelOfNumber(n), ok && (n <= 7 || 10 <= n && n <= 60)
	}
	if v.Kind() != KindString {
		return 0, false
	}
	return levelOfWord(s)
}

// levelOfNumber is of use for 0 to 7 and 10 to 60 only.
func levelOfNumber(n int) slog.Level {
	if n < len(metaSeverities) {
		return metaSeverities[n]
	}
	return slog.Level((n - 30) * 4 / 10) // pino's ten are slog's four
}

// levelOfWord reads a word with an offset or none. It may change s.
func levelOfWord(s []byte) (slog.Level, bool) {
	word, offset := s, 0
	if i := bytes.IndexAny(s, "+-"); i >= 0 {
		n, ok := metaInt(s[i+1:])
		if !ok {
			return 0, false
		}
		if s[i] == '-' {
			n = -n
		}
		word, offset = s[:i], n
	}
	upperASCII(word)
	l, ok := metaWords[string(word)]
	return l + slog.Level(offset), ok
}

func upperASCII(s []byte) {
	for i, c := range s {
		if 'a' <= c && c <= 'z' {
			s[i] = c - 'a' + 'A'
		}
	}
}

// metaInt reads one to four decimal digits.
func metaInt(s []byte) (n int, ok bool) {
	if len(s) == 0 || len(s) > 4 {
		return 0, false
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}
