package encode_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// generator makes lines from the bytes of a fuzz input; when they run out, zeros
// follow.
type generator struct {
	data  []byte
	tame  bool // nothing that is elided: log/slog then tells ReplaceAttr the right groups
	depth int
}

func (g *generator) byte() byte {
	if len(g.data) == 0 {
		return 0
	}
	b := g.data[0]
	g.data = g.data[1:]
	return b
}

func (g *generator) below(n int) int { return int(g.byte()) % n }

func (g *generator) int64() (n int64) {
	for range 8 {
		n = n<<8 | int64(g.byte())
	}
	return n
}

var oddStrings = []string{
	"", "a", "plain text of some length", "\x00\x01\x1f\x7f\x80\xff", "\"\\/\b\f\n\r\t", "<&>'", "grüße, 世界 🎉",
	"\u2028\u2029\ufffd\ufeff", "\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf", "a@b", "http://u:p@h/", "password", "\x1b[31mred",
	strings.Repeat("x", 7) + "\"" + strings.Repeat("y", 9), strings.Repeat("é", 40), "1234567\xff",
}

func (g *generator) string() string {
	n := g.below(len(oddStrings) + 4)
	if n < len(oddStrings) {
		return oddStrings[n]
	}
	size := min(g.below(40), len(g.data))
	s := string(g.data[:size])
	g.data = g.data[size:]
	return s
}

func (g *generator) time() time.Time {
	zones := []*time.Location{time.UTC, time.Local, time.FixedZone("x", 3600*5+1800), time.FixedZone("y", -12345), time.FixedZone("z", 30)}
	zone := zones[g.below(len(zones))]
	switch g.below(8) {
	case 0:
		return time.Time{}
	case 1:
		return time.Date(10000+g.below(9), 1, 1, 0, 0, 0, 0, zone)
	case 2:
		return time.Date(-g.below(3), 12, 31, 23, 0, 0, 5, zone)
	case 3:
		return time.Unix(0, g.int64()).In(zone)
	case 4:
		return time.Unix(int64(g.below(256))<<24, int64(g.below(10))*100_000_000).In(zone)
	}
	return time.Date(2024, 2, 29, g.below(24), g.below(60), g.below(60), int(g.byte())*3_921_000, zone)
}

type (
	point struct {
		X, Y   int
		Name   string `json:"name,omitempty"`
		Secret string `json:"-"`
		hidden int
	}
	outer struct {
		point
		*big.Int `json:",omitempty"`
		Any      any `json:"any"`
	}
	valuer    struct{ v slog.Value }
	marshaler struct {
		out string
		err error
	}
	texter    string
	panicker  struct{ with any }
	pointerly struct{ n int }
	badError  struct{}
	enum      uint8
)

func (v valuer) LogValue() slog.Value            { return v.v }
func (m marshaler) MarshalJSON() ([]byte, error) { return []byte(m.out), m.err }
func (t texter) MarshalText() ([]byte, error)    { return []byte(t), nil }
func (p panicker) MarshalJSON() ([]byte, error)  { panic(p.with) }
func (p *pointerly) Error() string               { return strconv.Itoa(p.n) }
func (badError) Error() string                   { panic("no text") }
func (e enum) String() string                    { return "enum" }

// any returns a value of a kind that slog has no constructor for.
func (g *generator) any() any {
	switch g.below(26) {
	case 0:
		return nil
	case 1:
		return errors.New(g.string())
	case 2:
		return fmt.Errorf("wrapped: %w", errors.New(g.string()))
	case 3:
		return []byte(g.string())
	case 4:
		return map[string]any{g.string(): g.any(), "k": g.int64(), "password": g.string()}
	case 5:
		return map[int]string{g.below(9): g.string(), -1: "x"}
	case 6:
		return point{X: g.below(9), Name: g.string(), hidden: 1}
	case 7:
		return &outer{Any: g.any()}
	case 8:
		return marshaler{out: `{"a" : [1, "<b>", null]}`}
	case 9:
		return marshaler{out: "{", err: nil}
	case 10:
		return marshaler{err: errors.New(g.string())}
	case 11:
		return texter(g.string())
	case 12:
		return panicker{g.string()}
	case 13:
		return (*pointerly)(nil)
	case 14:
		return &pointerly{g.below(100)}
	case 15:
		return badError{}
	case 16:
		return json.RawMessage(`{"token": "x", "n": [ ]}`)
	case 17:
		return json.Number(strconv.Itoa(g.below(100)))
	case 18:
		return []any{g.below(5), g.string(), nil, 1.5, []string{"a"}}
	case 19:
		return make(chan int)
	case 20:
		return enum(g.byte())
	case 21:
		return netip.AddrFrom4([4]byte{127, 0, 0, g.byte()})
	case 22:
		return float32(g.below(100)) / 7
	case 23:
		return [2]complex128{}
	case 24:
		return slog.Level(g.below(20) - 8)
	}
	return struct {
		P unsafe.Pointer
		T time.Time
	}{T: g.time()}
}

func (g *generator) value() slog.Value {
	if g.depth > 6 {
		return slog.Value{}
	}
	g.depth++
	defer func() { g.depth-- }()
	switch g.below(14) {
	case 0:
		return slog.StringValue(g.string())
	case 1:
		return slog.Int64Value(g.int64())
	case 2:
		return slog.Uint64Value(uint64(g.int64()))
	case 3:
		return slog.Float64Value(math.Float64frombits(uint64(g.int64())))
	case 4:
		return slog.Float64Value(float64(g.below(200)) * math.Pow10(g.below(50)-25))
	case 5:
		return slog.BoolValue(g.below(2) == 0)
	case 6:
		return slog.DurationValue(time.Duration(g.int64()))
	case 7:
		return slog.TimeValue(g.time())
	case 8, 9:
		return slog.GroupValue(g.attrs()...)
	case 10:
		return slog.AnyValue(valuer{g.value()})
	case 11:
		if g.tame {
			return slog.AnyValue(&slog.Source{File: "f", Line: 1 + g.below(3)})
		}
		return slog.AnyValue([]*slog.Source{nil, {}, {Line: 3}, {Function: g.string(), File: "x"}}[g.below(4)])
	}
	return slog.AnyValue(g.any())
}

func (g *generator) attr() slog.Attr {
	if !g.tame && g.below(6) == 0 {
		return slog.Attr{}
	}
	key := g.string()
	if g.tame && key == "" {
		key = "k"
	}
	return slog.Attr{Key: key, Value: g.value()}
}

func (g *generator) attrs() []slog.Attr {
	attrs := make([]slog.Attr, g.below(4))
	for i := range attrs {
		attrs[i] = g.attr()
	}
	return attrs
}

// replacer returns a ReplaceAttr that is a function of its arguments alone and
// does not make more of what it is given for ever.
func (g *generator) replacer() func([]string, slog.Attr) slog.Attr {
	n := g.below(4)
	switch g.below(7) {
	case 0:
		g.tame = true
		return func(groups []string, a slog.Attr) slog.Attr {
			a.Key = strings.Join(groups, "/") + ":" + a.Key
			return a
		}
	case 1:
		return func(_ []string, a slog.Attr) slog.Attr {
			if len(a.Key)%4 == n {
				return slog.Attr{}
			}
			return a
		}
	case 2:
		return func(_ []string, a slog.Attr) slog.Attr {
			if len(a.Key)%4 == n && a.Key != "" {
				a.Value = slog.AnyValue(valuer{slog.GroupValue(slog.Int("mmmmm"[:n+1], n), slog.Attr{})})
			}
			return a
		}
	case 3:
		return func(_ []string, a slog.Attr) slog.Attr {
			if len(a.Key)%4 == n {
				return slog.Group("", slog.Attr{Key: a.Key + "+", Value: a.Value})
			}
			return a
		}
	}
	return nil
}

func (g *generator) line() *line {
	l := &line{addSource: g.below(3) == 0, replace: g.replacer()}
	if g.below(3) == 0 {
		l.extra = g.attrs()
	}
	for range g.below(4) {
		switch g.below(3) {
		case 0:
			l.with = append(l.with, step{group: g.string() + "g"})
		default:
			l.with = append(l.with, step{attrs: g.attrs()})
		}
	}
	var pc uintptr
	if g.below(2) == 0 {
		pc = here
	}
	l.record = slog.NewRecord(g.time(), slog.Level(g.below(20)-8), g.string(), pc)
	for range g.below(8) {
		l.record.AddAttrs(g.attr())
	}
	return l
}
