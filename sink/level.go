package sink

import (
	"errors"
	"log/slog"
	"strconv"
	"strings"
)

// Level is a [slog.Level]. As a setting it is a name in any case, with an offset
// if need be, or slog's number: info, WARN+2, -8. Besides slog's names there are
// TRACE (DEBUG-4), WARNING (WARN), and FATAL and CRITICAL (both ERROR+4, the next
// step on slog's scale).
type Level slog.Level

var errLevel = errors.New("want a level: debug, info, warn, error, one of these with an offset such as warn+2, or slog's number")

var levelNames = map[string]slog.Level{
	"TRACE":    slog.LevelDebug - 4,
	"DEBUG":    slog.LevelDebug,
	"INFO":     slog.LevelInfo,
	"WARN":     slog.LevelWarn,
	"WARNING":  slog.LevelWarn,
	"ERROR":    slog.LevelError,
	"FATAL":    slog.LevelError + 4,
	"CRITICAL": slog.LevelError + 4,
}

// Set implements [flag.Value].
func (l *Level) Set(s string) error {
	name, offset := strings.TrimSpace(s), ""
	if i := strings.IndexAny(name, "+-"); i >= 0 {
		name, offset = name[:i], name[i:]
	}
	base, ok := levelNames[strings.ToUpper(name)]
	if !ok {
		// A number has no name before its sign; one without a sign is all name.
		base, name, offset = 0, "", name+offset
	}
	if name != "" && offset == "" {
		*l = Level(base)
		return nil
	}
	n, err := strconv.ParseInt(offset, 10, 16) // 16 bits: no sum overflows
	if err != nil {
		return errLevel
	}
	*l = Level(int(base) + int(n))
	return nil
}

// String returns the level as slog does: a name, with an offset if need be.
func (l Level) String() string { return slog.Level(l).String() }

// Level implements [slog.Leveler].
func (l Level) Level() slog.Level { return slog.Level(l) }

// Get implements [flag.Getter].
func (l Level) Get() any { return l }
