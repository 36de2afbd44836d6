package sink

import (
	"errors"
	"log/slog"
	"math"
	"strconv"
	"strings"
)

// Level is a [slog.Level]. As a setting it is a name in any case, with an offset
// if need be, or slog's number: info, WARN+2, -8. Besides slog's names there are
// TRACE (DEBUG-4), WARNING (WARN), FATAL and CRITICAL (both ERROR+4, the next
// step on slog's scale), and ALL ([LevelAll]).
type Level slog.Level

// LevelAll is below the level of every record.
const LevelAll slog.Level = math.MinInt

var errLevel = errors.New("want a level: debug, info, warn, error, one of these with an offset such as warn+2, slog's number, or all")

var levelNames = map[string]slog.Level{
	"ALL":      LevelAll,
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
	if ok && base == LevelAll && offset != "" {
		return errLevel
	}
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

// String returns the level as slog does: a name, with an offset if need be; or ALL.
func (l Level) String() string {
	if slog.Level(l) == LevelAll {
		return "ALL"
	}
	return slog.Level(l).String()
}

// Level implements [slog.Leveler].
func (l Level) Level() slog.Level { return slog.Level(l) }

// Get implements [flag.Getter].
func (l Level) Get() any { return l }
