package encode

import (
	"bytes"
	"log/slog"
)

// SGR sequences: ECMA-48, section 8.3.117; 90 is the bright black that xterm added
// and terminals since have.
const (
	sgrReset = "\x1b[0m"
	sgrDim   = "\x1b[90m"
	sgrName  = "\x1b[36m"
)

// sgrLevel returns the colour of a level.
func sgrLevel(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return sgrDim
	case l < slog.LevelWarn:
		return "\x1b[32m"
	case l < slog.LevelError:
		return "\x1b[33m"
	case l < slog.LevelError+4:
		return "\x1b[31m"
	}
	return "\x1b[1;31m"
}

func (p *textPrinter) paint(sgr string) {
	if p.color {
		p.dst = append(p.dst, sgr...)
	}
}

// level writes the level's word as it stands, in upper case, or the name of its
// number, padded to five columns.
func (p *textPrinter) level(m *meta) {
	p.paint(sgrLevel(m.l))
	start := len(p.dst)
	var buf [metaMaxText]byte
	s := metaShort(buf[:0], m.level.value)
	if s[0] >= 'A' {
		// metaLevel took it: letters, and an offset perhaps.
		upperASCII(s)
		p.dst = append(p.dst, s...)
	} else {
		p.dst = append(p.dst, levelName(m.l)...)
	}
	for len(p.dst) < start+5 {
		p.dst = append(p.dst, ' ')
	}
	p.paint(sgrReset)
}

// levelName names the levels that numbers mean, and those between by the next one
// below.
func levelName(l slog.Level) string {
	switch {
	case l < -4:
		return "TRACE"
	case l < 0:
		return "DEBUG"
	case l < 2:
		return "INFO"
	case l < 4:
		return "NOTICE"
	case l < 8:
		return "WARN"
	case l < 12:
		return "ERROR"
	case l < 14:
		return "FATAL"
	case l < 16:
		return "ALERT"
	}
	return "EMERG"
}

// source writes where the record was logged, if v is what slog writes for that and
// nothing else.
func (p *textPrinter) source(k Key, v Raw) bool {
	var file, line Raw
	for k, v := range Fields(v) {
		switch {
		case k.Is("file") && v.Kind() == KindString:
			file = fieldsInner(v)
		case k.Is("line") && v.Kind() == KindNumber:
			line = v
		case k.Is("function") && v.Kind() == KindString:
		default:
			return false
		}
	}
	if len(file) == 0 || len(line) == 0 {
		return false
	}
	if base := bytes.LastIndexByte(file, '/'); p.pretty && base >= 0 {
		file = file[1+bytes.LastIndexByte(file[:base], '/'):]
	}
	p.key(k)
	quote := textNeedsQuote(file)
	p.dst = appendTextEscaped(p.dst, file, quote)
	if quote {
		p.dst = p.dst[:len(p.dst)-1] // the line stands in the quotes too
	}
	p.dst = append(p.dst, ':')
	p.dst = appendTextJSON(p.dst, line)
	if quote {
		p.dst = append(p.dst, '"')
	}
	return true
}
