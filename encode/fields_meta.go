package encode

import (
	"bytes"
	"log/slog"
	"time"
	"unicode/utf8"
)

// Role is what a member of a record tells, by its name: see [Meta].
type Role int

// The roles. NoRole, the zero Role, is that of most members.
const (
	NoRole      Role = noRole
	TimeRole    Role = timeRole
	LevelRole   Role = levelRole
	MessageRole Role = messageRole
)

// RoleOf returns what a member of this name tells, and how early the name comes among
// those of the role, from 1. Names are compared as they are written. log has no role: not the member
// tells the level, but one in it.
func RoleOf(name string) (role Role, rank int) {
	r, rank := roleOf(name)
	if rank == nestedRank {
		return NoRole, 0
	}
	return Role(r), rank
}

// roleOf is RoleOf, with log, of nestedRank.
func roleOf(name string) (role, rank int) {
	switch name {
	case "time":
		return timeRole, 1
	case "ts":
		return timeRole, 2
	case "timestamp":
		return timeRole, 3
	case "@timestamp":
		return timeRole, 4
	case "asctime":
		return timeRole, 5
	case "datetime":
		return timeRole, 6
	case "Timestamp":
		return timeRole, 7
	case "@t":
		return timeRole, 8
	case "level":
		return levelRole, 1
	case "lvl":
		return levelRole, 2
	case "severity":
		return levelRole, 3
	case "log.level":
		return levelRole, 4
	case "levelname":
		return levelRole, 5
	case "level_name":
		return levelRole, 6
	case "Level":
		return levelRole, 7
	case "LogLevel":
		return levelRole, 8
	case "@l":
		return levelRole, 9
	case "log":
		return levelRole, nestedRank
	case "msg":
		return messageRole, 1
	case "message":
		return messageRole, 2
	case "Message":
		return messageRole, 3
	case "@m":
		return messageRole, 4
	case "@mt":
		return messageRole, 5
	}
	return noRole, 0
}

// nestedRank is that of an object log, whose member level is the level, and of no other
// name.
const nestedRank = 10

// nestedLevel returns that member of log, or nil.
func nestedLevel(log Raw) Raw {
	for k, v := range Fields(log) {
		if k.Is("level") {
			return v
		}
	}
	return nil
}

// What a member can tell of a record.
const (
	noRole = iota
	timeRole
	levelRole
	messageRole
)

// roleOfKey is roleOf for a name that may have escapes.
func roleOfKey(k Key) (role, rank int) {
	const longest = len(`@timestamp`) * len(`\u0000`)
	if len(k) <= longest && bytes.IndexByte(k, '\\') >= 0 {
		var buf [longest]byte
		return roleOf(view(Unquote(buf[:0], k)))
	}
	return roleOf(view(k))
}

// Meta reads time, level and message of a JSON object that another program
// wrote. What obj does not tell is the zero Time, hasLevel false, a nil msg.
//
// They are looked for under these names, the earlier first, and of several
// members of one name the first is taken that has a usable value:
//
//	time     time ts timestamp @timestamp asctime datetime Timestamp @t
//	level    level lvl severity log.level levelname level_name Level LogLevel @l log
//	message  msg message Message @m @mt
//
// Those behind the first few are of the Elastic Common Schema, where log is an object
// that has the member level, of python-json-logger, Monolog, .NET and Serilog's compact
// format.
//
// A time, returned in UTC, is text by RFC 3339 or one of the variants ISO 8601 and
// common loggers have (a space or t for the T, a comma before the fraction, no
// seconds, an offset without colon or minutes, no zone at all: UTC), or a number, which
// may stand in a string: of seconds since 1970 if it is less than 1e11, of milliseconds
// if less than 1e14, of microseconds if less than 1e17, else of nanoseconds, below 1e20.
// So each unit is told from the next from 1973 to 5138. Digits beyond the
// nanosecond are cut off.
//
// A level is one of these words, in any case, or one with an offset as slog writes
// it ("WARN+2"), or a number, which may stand in a string: 0 to 7 are the
// severities of RFC 5424, section 6.2.1, and 10 to 60 the levels of pino and bunyan
// (https://getpino.io/#/docs/api?id=logger-level), those between in proportion.
//
//	slog  words                                     RFC 5424  pino
//	-8    trace verbose finest finer                          10
//	-4    debug fine                                7         20
//	 0    info information informational            6         30
//	 2    notice                                    5         35
//	 4    warn warning                              4         40
//	 8    error err severe                          3         50
//	12    critical crit fatal dpanic                2         60
//	14    alert                                     1
//	16    emergency emerg panic                     0
//
// A message is a string. It is a part of obj unless its text has escapes or bytes
// that are not UTF-8; then it is a copy.
func Meta(obj []byte) (t time.Time, level slog.Level, hasLevel bool, msg []byte) {
	m := findMeta(obj)
	if m.message.found() {
		msg = metaText(m.message.value)
	}
	return m.t, m.l, m.level.found(), msg
}

// heading is when and how serious a record is, as far as its members told.
type heading struct {
	t                   time.Time
	l                   slog.Level
	timeRank, levelRank int        // of the names under which they stood; 0: nowhere
	clock               *clock     // nil: none
	keys                *keyMemory // nil: none
	odd                 bool       // it is settled that clean says no
}

// take reads the value of a member that can be the time or the level, and reports
// whether it is the best so far.
func (h *heading) take(role, rank int, v Raw) (ok bool) {
	if role == levelRole && rank == nestedRank {
		v = nestedLevel(v)
	}
	return h.takeOwn(role, rank, v)
}

// takeOwn is take for a member that is no object log.
func (h *heading) takeOwn(role, rank int, v Raw) (ok bool) {
	switch {
	case role == timeRole && (h.timeRank == 0 || rank < h.timeRank):
		var t time.Time
		if t, ok = metaTime(v, h.clock); ok {
			h.t, h.timeRank = t, rank
		}
	case role == levelRole && (h.levelRank == 0 || rank < h.levelRank):
		var l slog.Level
		if l, ok = metaLevel(v); ok {
			h.l, h.levelRank = l, rank
		}
	}
	return ok
}

// meta is what findMeta found.
type meta struct {
	heading
	time, level, message metaMember
}

// metaMember is the best member so far.
type metaMember struct {
	key   Key
	value Raw // nil: none found
	rank  int // that of its name
	index int // among the object's members; -1: it is in one of them
}

func (m *metaMember) found() bool { return m.value != nil }

// is reports whether m is the i-th member of the object.
func (m *metaMember) is(i int) bool { return m.found() && m.index == i }

func findMeta(obj []byte) (m meta) {
	i := -1
	for k, v := range Fields(obj) {
		i++
		role, rank := roleOfKey(k)
		switch {
		case role == noRole:
		case role == messageRole:
			if v.Kind() == KindString && (!m.message.found() || rank < m.message.rank) {
				m.message = metaMember{k, v, rank, i}
			}
		case !m.take(role, rank, v):
		case role == timeRole:
			m.time = metaMember{k, v, rank, i}
		case rank == nestedRank:
			m.level = metaMember{k, nestedLevel(v), rank, -1}
		default:
			m.level = metaMember{k, v, rank, i}
		}
	}
	return m
}

// metaText returns the text of a string, copied only if it has to be.
func metaText(v Raw) []byte {
	s := fieldsInner(v)
	if bytes.IndexByte(s, '\\') < 0 && utf8.Valid(s) {
		return s
	}
	return Unquote(nil, s)
}

// metaMaxText is longer than any text that is a time or a level.
const metaMaxText = 64

// metaShort returns the text of a string or number, without white space around it,
// using buf if need be, or nothing for one that is too long to be of use.
func metaShort(buf []byte, v Raw) []byte {
	switch {
	case len(v) > metaMaxText:
		return nil
	case v.Kind() == KindNumber:
		return v
	case v.Kind() == KindString:
		return bytes.TrimSpace(Unquote(buf, v))
	}
	return nil
}
