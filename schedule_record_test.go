package fapilog

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
)

// logged names a record of a schedule. Everything else about it follows, so
// that whoever has its bytes can tell whether they are right.
type logged struct{ producer, n, size int }

func (l logged) hash() int { return int(int64(l.producer*31+l.n) * 2654435761 >> 7 & 0xffff) }

func (l logged) level() slog.Level {
	return []slog.Level{slog.LevelInfo, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}[l.hash()%5]
}

// poison reports whether strict sinks refuse the record.
func (l logged) poison() bool { return l.hash()%23 == 0 }

func (l logged) message() string { return fmt.Sprintf("%d/%d/%d", l.producer, l.n, l.size) }

func (l logged) padding() string { return strings.Repeat(string(rune('a'+l.hash()%26)), l.size) }

// json returns the record's bytes.
func (l logged) json() []byte {
	return fmt.Appendf(nil, `{"level":"%v","msg":"%s","pad":"%s"}`, l.level(), l.message(), l.padding())
}

// parseLogged returns the record whose bytes these are, or an error if they are
// those of none.
func parseLogged(json []byte) (l logged, err error) {
	_, rest, _ := bytes.Cut(json, []byte(`"msg":"`))
	msg, _, _ := bytes.Cut(rest, []byte(`"`))
	if _, err := fmt.Sscanf(string(msg), "%d/%d/%d", &l.producer, &l.n, &l.size); err != nil {
		return l, fmt.Errorf("the record %.120q was never logged", json)
	}
	if l.size < 0 || l.size > 1<<20 || !bytes.Equal(json, l.json()) {
		return l, fmt.Errorf("the record %s is corrupted: %.120q", l.message(), json)
	}
	return l, nil
}

// passes reports whether s's own cursor carries the record to it.
func (s *sinkPlan) passes(l logged) bool {
	return !s.standby && l.level() >= s.delivery.Level.Level() && !s.refuses(l)
}

// refuses is s's filter, with the sense turned round.
func (s *sinkPlan) refuses(l logged) bool { return s.filter > 0 && l.n%s.filter == 0 }
