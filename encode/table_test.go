package encode_test

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"text/template"
	"time"
	"unsafe"
)

// kind is one kind of value, made anew by each call of value.
type kind struct {
	name  string
	value any
	// differs, if not empty, is the whole member that stands instead of what
	// log/slog writes: a documented exception.
	differs string
}

type (
	str     string
	num     int
	boolean bool
	octets  []byte
	list    []int
	dict    map[string]int
	fn      func()
	empty   struct{}
	tagged  struct {
		A int     `json:"a,omitempty"`
		B string  `json:",omitempty"`
		C bool    `json:"-"`
		D float64 `json:"d,string"`
		E *int    `json:"e"`
		F any     `json:"f,omitzero"`
		//lint:ignore SA5008 what encoding/json makes of such a tag is the question
		G string    `json:"-,"`
		H time.Time `json:"h,omitzero"`
		I int       `json:"ß"`
		//lint:ignore SA5008 what encoding/json makes of such a tag is the question
		J int `json:"bad\"name"`
	}
	base struct {
		ID   int
		Name string
	}
	embedding struct {
		base
		Extra int
	}
	shadowing struct {
		base
		Name string
	}
	twins struct {
		left
		right
	}
	left     struct{ Same int }
	right    struct{ Same int }
	pointing struct{ *base }
	ring     struct {
		Next *ring
		N    int
	}
	tree struct {
		Kids []tree           `json:"kids,omitempty"`
		M    map[string]*tree `json:"m,omitempty"`
	}
	generic[T any] struct{ V T }
	marshalErr     struct{}
	both           struct{}
	ptrMarshaler   struct{ n int }
	textKey        int
	badTextKey     int
	badText        struct{}
	stringerOnly   struct{ n int }
	goStringer     struct{}
	formatter      struct{}
	appender       struct{}
	valuerChain    int
	valuerEver     struct{}
	valuerPtr      struct{ n int }
	valuerPanic    struct{ with any }
	valuerError    struct{}
	errVal         struct{ msg string }
	errMarshaler   struct{}
	errValuer      struct{}
	errPanic       struct{ with any }
	errSlice       []string
	panicPtr       struct{ n int }
	textPanic      struct{}
	selfGroup      struct{}
	twinGroup      struct{ a, b *twinGroup }
	selfInline     struct{}
	leveler        struct{}
	badJSON        string
)

func (marshalErr) MarshalJSON() ([]byte, error)      { return nil, errors.New("no \"JSON\" for you") }
func (both) MarshalJSON() ([]byte, error)            { return []byte(`"json"`), nil }
func (both) MarshalText() ([]byte, error)            { return []byte("text"), nil }
func (p *ptrMarshaler) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "[%d]", p.n), nil }
func (k textKey) MarshalText() ([]byte, error)       { return fmt.Appendf(nil, "key<%d>", int(k)), nil }
func (k badTextKey) MarshalText() ([]byte, error)    { return nil, errors.New("no key") }
func (badText) MarshalText() ([]byte, error)         { return nil, errors.New("no text") }
func (s stringerOnly) String() string                { return "stringer" }
func (goStringer) GoString() string                  { return "go" }
func (formatter) Format(f fmt.State, _ rune)         { fmt.Fprint(f, "formatted") }
func (appender) AppendText(b []byte) ([]byte, error) { return append(b, "appended"...), nil }
func (v valuerChain) LogValue() slog.Value {
	if v == 0 {
		return slog.StringValue("end")
	}
	return slog.AnyValue(v - 1)
}
func (v valuerEver) LogValue() slog.Value { return slog.AnyValue(v) }
func (v *valuerPtr) LogValue() slog.Value {
	if v == nil {
		return slog.StringValue("nil valuer")
	}
	return slog.IntValue(v.n)
}
func (v valuerPanic) LogValue() slog.Value        { panic(v.with) }
func (valuerError) LogValue() slog.Value          { return slog.AnyValue(errors.New("from LogValue")) }
func (e errVal) Error() string                    { return e.msg }
func (errMarshaler) Error() string                { return "error" }
func (errMarshaler) MarshalJSON() ([]byte, error) { return []byte(`{"is":"json"}`), nil }
func (errValuer) Error() string                   { return "error" }
func (errValuer) LogValue() slog.Value            { return slog.GroupValue(slog.Int("code", 7)) }
func (e errPanic) Error() string                  { panic(e.with) }
func (e errSlice) Error() string                  { return strings.Join(e, ";") }
func (p *panicPtr) MarshalJSON() ([]byte, error)  { return fmt.Appendf(nil, "%d", p.n), nil }
func (textPanic) MarshalText() ([]byte, error)    { panic("no text") }
func (s selfGroup) LogValue() slog.Value          { return slog.GroupValue(slog.Any("self", s)) }
func (g *twinGroup) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("a", g.a), slog.Any("b", g.b))
}
func (s selfInline) LogValue() slog.Value      { return slog.GroupValue(slog.Any("", s), slog.Any("", s)) }
func (leveler) Level() slog.Level              { return 3 }
func (b badJSON) MarshalJSON() ([]byte, error) { return []byte(b), nil }

func deepSlice(n int) any {
	var v any = []any{}
	for range n - 1 {
		v = []any{v}
	}
	return v
}

func deepGroup(n int) slog.Value {
	v := slog.IntValue(1)
	for range n {
		v = slog.GroupValue(slog.Attr{Key: "g", Value: v})
	}
	return v
}

func cyclicRing() *ring         { r := &ring{N: 1}; r.Next = r; return r }
func cyclicMap() map[string]any { m := map[string]any{}; m["m"] = m; return m }
func cyclicSlice() []any        { s := make([]any, 1); s[0] = s; return s }

func ptr[T any](v T) *T { return &v }

// plainKinds are values of every type and with every property that encoding/json
// or log/slog treat in a way of their own.
func plainKinds() []kind {
	var nilErr *errVal
	var nilMap map[string]int
	now := time.Date(2024, 2, 29, 12, 30, 45, 123456789, time.UTC)
	kinds := []kind{
		{name: "nil", value: nil}, {name: "true", value: true}, {name: "false", value: false},
		{name: "int", value: 42}, {name: "int8 least", value: int8(-128)}, {name: "int16", value: int16(-300)}, {name: "int32", value: int32(1 << 30)},
		{name: "int64 least", value: int64(math.MinInt64)}, {name: "int64 largest", value: int64(math.MaxInt64)}, {name: "rune", value: 'x'},
		{name: "uint", value: uint(7)}, {name: "uint8", value: uint8(255)}, {name: "uint16", value: uint16(65535)}, {name: "uint32", value: uint32(1)},
		{name: "uint64 largest", value: uint64(math.MaxUint64)}, {name: "uintptr", value: uintptr(99)},
		{name: "float zero", value: 0.0}, {name: "float minus zero", value: math.Copysign(0, -1)}, {name: "float whole", value: 100.0},
		{name: "float third", value: 1.0 / 3}, {name: "float 1e20", value: 1e20}, {name: "float 1e21", value: 1e21}, {name: "float 1e-6", value: 1e-6},
		{name: "float 1e-7", value: 1e-7}, {name: "float 1e-10", value: 1e-10}, {name: "float e-100", value: 1.5e-100}, {name: "float largest", value: math.MaxFloat64},
		{name: "float least", value: math.SmallestNonzeroFloat64}, {name: "float NaN", value: math.NaN()}, {name: "float Inf", value: math.Inf(1)},
		{name: "float -Inf", value: math.Inf(-1)}, {name: "float32", value: float32(0.1)}, {name: "float32 large", value: float32(3e38)},
		{name: "complex64", value: complex64(1)}, {name: "complex128", value: complex(1, 2)},
		{name: "string empty", value: ""}, {name: "string", value: "hello"}, {name: "string of 7", value: "1234567"}, {name: "string of 8", value: "12345678"},
		{name: "string of 9", value: "123456789"}, {name: "string long", value: strings.Repeat("long ", 5000)}, {name: "string quote", value: `say "hi"`},
		{name: "string backslash", value: `C:\dir`}, {name: "string newline", value: "a\nb\r\n\tc"}, {name: "string NUL", value: "a\x00b"},
		{name: "string controls", value: "\x01\x02\b\f\v\x1f"}, {name: "string DEL", value: "\x7f"}, {name: "string ANSI", value: "\x1b[31mred\x1b[0m"},
		{name: "string HTML", value: "<script>&amp;</script>"}, {name: "string accents", value: "naïve café"}, {name: "string CJK", value: "日本語"},
		{name: "string emoji", value: "👩‍👩‍👧"}, {name: "string bidi", value: "\u202eabc\u202c"}, {name: "string U+2028", value: "a\u2028b\u2029c"},
		{name: "string BOM", value: "\ufeffx"}, {name: "string U+FFFD", value: "\ufffd"}, {name: "string noncharacter", value: "\uffff\U0010ffff"},
		{name: "string invalid byte", value: "a\xffb"}, {name: "string cut rune", value: "abc\xe4\xb8"}, {name: "string surrogate", value: "\xed\xa0\x80"},
		{name: "string overlong", value: "\xc0\x80"}, {name: "string beyond Unicode", value: "\xf4\x90\x80\x80"}, {name: "string latin1", value: "\xe9t\xe9"},
		{name: "string invalid at 8", value: "1234567\xff9"}, {name: "string quote at 16", value: "123456789012345\""}, {name: "string JSON", value: `{"a":[1]}`},
		{name: "string at sign", value: "joe@example.com"}, {name: "string URL", value: "https://example.com/?q=1#x"}, {name: "string masked already", value: "***"},
		{name: "string percent", value: "%s%d%!"}, {name: "string template", value: "{{.}} ${x} $(y)"},
		{name: "duration", value: 1500 * time.Millisecond}, {name: "duration zero", value: time.Duration(0)}, {name: "duration least", value: time.Duration(math.MinInt64)},
		{name: "time UTC", value: now}, {name: "time whole second", value: now.Truncate(time.Second)}, {name: "time zero", value: time.Time{}},
		{name: "time zone", value: now.In(time.FixedZone("CET", 3600))}, {name: "time negative zone", value: now.In(time.FixedZone("x", -12600))},
		{name: "time odd zone", value: now.In(time.FixedZone("x", 3661))}, {name: "time zone of seconds", value: now.In(time.FixedZone("x", 59))},
		{name: "time Unix epoch", value: time.Unix(0, 0).UTC()}, {name: "time before 1678", value: time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)},
		{name: "time year 0", value: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)}, {name: "time year 9999", value: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)},
		{name: "time year 10000", value: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), differs: `"k":"!ERROR:time.Time year outside of range [0,9999]"`},
		{name: "time year -1", value: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), differs: `"k":"!ERROR:time.Time year outside of range [0,9999]"`},
		{name: "time monotonic", value: time.Now()}, {name: "time month", value: time.March}, {name: "time weekday", value: time.Monday}, {name: "time location", value: time.UTC},
		{name: "bytes", value: []byte("bytes\xff")}, {name: "bytes nil", value: []byte(nil)}, {name: "bytes empty", value: []byte{}}, {name: "byte array", value: [3]byte{1, 2, 3}},
		{name: "named bytes", value: octets("x")}, {name: "named string", value: str("s\"")}, {name: "named int", value: num(-3)}, {name: "named bool", value: boolean(true)},
		{name: "named slice", value: list{1, 2}}, {name: "named map", value: dict{"b": 1, "a": 2}}, {name: "runes", value: []rune("rune")},
		{name: "slice nil", value: []int(nil)}, {name: "slice empty", value: []string{}}, {name: "slice of any", value: []any{1, "a", nil, 2.5, []any{}, map[string]any{}}},
		{name: "slice of strings", value: []string{"a\n", "\b\f", "\u2028"}}, {name: "slice of slices", value: [][]int{{1}, nil, {}}}, {name: "slice of errors", value: []error{errors.New("x"), nil}},
		{name: "slice of times", value: []time.Time{now}}, {name: "slice of durations", value: []time.Duration{time.Second}}, {name: "slice of NaN", value: []float64{math.NaN()}},
		{name: "slice of bytes slices", value: [][]byte{[]byte("a")}}, {name: "array", value: [2]bool{true}}, {name: "array empty", value: [0]int{}},
		{name: "map nil", value: nilMap}, {name: "map empty", value: map[string]any{}}, {name: "map sorted", value: map[string]int{"b": 1, "a": 2, "": 3, "é": 4}},
		{name: "map of ints", value: map[int]string{10: "a", 9: "b", -1: "c"}}, {name: "map of uints", value: map[uint8]bool{7: true}}, {name: "map of text keys", value: map[textKey]int{1: 1}},
		{name: "map of bad text keys", value: map[badTextKey]int{1: 1}}, {name: "map of floats", value: map[float64]int{1.5: 1}}, {name: "map of bools", value: map[bool]int{true: 1}},
		{name: "map of structs", value: map[base]int{{1, "a"}: 1}}, {name: "map of interfaces", value: map[any]int{"a": 1}}, {name: "map odd keys", value: map[string]int{"a\"b\\\n\u2028<\xff": 1}},
		{name: "map nested", value: map[string]map[string][]int{"a": {"b": {1}}}}, {name: "map of chans", value: map[string]chan int{"c": nil}},
		{name: "struct empty", value: empty{}}, {name: "struct anonymous", value: struct{ A, b int }{1, 2}}, {name: "struct tagged", value: tagged{B: "x", C: true, D: 1.5, G: "g"}},
		{name: "struct embedding", value: embedding{base{1, "n"}, 2}}, {name: "struct shadowing", value: shadowing{base{1, "inner"}, "outer"}}, {name: "struct twins", value: twins{left{1}, right{2}}},
		{name: "struct nil embedded pointer", value: pointing{}}, {name: "struct embedded pointer", value: pointing{&base{1, "x"}}}, {name: "struct generic", value: generic[[]int]{[]int{1}}},
		{name: "struct unexported", value: struct{ a, b string }{"x", "y"}}, {name: "struct HTML tag", value: struct {
			A string `json:"<a>&"`
		}{"<&>"}}, {name: "struct with func", value: struct{ F func() }{}},
		{name: "struct string option", value: struct {
			S string `json:",string"`
			B bool   `json:",string"`
			I int    `json:",string"`
		}{"a\"b", true, 1}},
		{name: "struct tree", value: tree{Kids: []tree{{}, {M: map[string]*tree{"x": nil}}}}},
		{name: "pointer to int", value: ptr(5)}, {name: "pointer to nil pointer", value: ptr((*int)(nil))}, {name: "pointer nil", value: (*int)(nil)}, {name: "pointer to struct", value: &base{1, "p"}},
		{name: "pointer to string", value: ptr("s\n")}, {name: "pointer to time", value: &now}, {name: "pointer to duration", value: ptr(time.Second)}, {name: "pointer to any", value: ptr(any(1))},
		{name: "pointer to map", value: &dict{"a": 1}}, {name: "pointer to bool", value: ptr(true)}, {name: "pointer to float", value: ptr(1e-9)}, {name: "pointer to slice", value: &[]string{"x"}},
		{name: "chan", value: make(chan int)}, {name: "chan nil", value: (chan int)(nil)}, {name: "func", value: func() {}}, {name: "func nil", value: (func())(nil)}, {name: "func named", value: fn(nil)},
		{name: "unsafe pointer", value: unsafe.Pointer(nil)}, {name: "reflect value", value: reflect.ValueOf(struct{ A int }{1})}, {name: "reflect type", value: reflect.TypeFor[int]()},
		{name: "raw message", value: json.RawMessage(`{"a" : [ 1 , "<" ]}`)}, {name: "raw message nil", value: json.RawMessage(nil)}, {name: "raw message empty", value: json.RawMessage{}},
		{name: "raw message invalid", value: json.RawMessage(`{"a":`)}, {name: "raw message two values", value: json.RawMessage(`1 2`)}, {name: "raw message newline", value: json.RawMessage("[\n1\n]")},
		{name: "raw message duplicate keys", value: json.RawMessage(`{"a":1,"a":2}`)}, {name: "raw message escapes", value: json.RawMessage(`"\u0041\/\ud83d\ude00\ud83d"`)}, {name: "raw message pointer", value: ptr(json.RawMessage("[1 ]"))},
		{name: "number", value: json.Number("1.50")}, {name: "number empty", value: json.Number("")}, {name: "number invalid", value: json.Number("abc")}, {name: "number exponent", value: json.Number("1E+5")},
		{name: "big int", value: big.NewInt(0).Lsh(big.NewInt(1), 100)}, {name: "big int nil", value: (*big.Int)(nil)}, {name: "big float", value: big.NewFloat(1.5)}, {name: "big rat", value: big.NewRat(1, 3)},
		{name: "marshaler error", value: marshalErr{}}, {name: "marshaler and text", value: both{}}, {name: "marshaler by pointer", value: &ptrMarshaler{3}}, {name: "marshaler by pointer, value", value: ptrMarshaler{3}},
		{name: "marshaler in addressable slice", value: []ptrMarshaler{{1}}}, {name: "marshaler in map", value: map[string]ptrMarshaler{"a": {1}}}, {name: "marshaler invalid", value: badJSON(`{"a":}`)},
		{name: "marshaler empty", value: badJSON("")}, {name: "marshaler trailing", value: badJSON("1 1")}, {name: "marshaler blank", value: badJSON(" [ 1 ] ")}, {name: "marshaler control", value: badJSON("\"\n\"")},
		{name: "marshaler invalid UTF-8", value: badJSON("\"\xff\"")}, {name: "marshaler duplicate keys", value: badJSON(`{"a":1,"a":2}`)}, {name: "marshaler HTML", value: badJSON(`"<&>"`)},
		{name: "text marshaler", value: texter("text\n<")}, {name: "text marshaler invalid UTF-8", value: texter("\xff")}, {name: "text marshaler error", value: badText{}}, {name: "text marshaler in slice", value: []texter{"a"}},
		{name: "stringer", value: stringerOnly{1}}, {name: "stringer pointer", value: &stringerOnly{1}}, {name: "go stringer", value: goStringer{}}, {name: "formatter", value: formatter{}}, {name: "text appender", value: appender{}},
		{name: "error", value: errors.New("plain")}, {name: "error wrapped", value: fmt.Errorf("a: %w", io.EOF)}, {name: "error joined", value: errors.Join(io.EOF, errors.New("b"))}, {name: "error struct", value: errVal{"v\n"}},
		{name: "error empty", value: errors.New("")}, {name: "error invalid UTF-8", value: errors.New("\xff")}, {name: "error slice", value: errSlice{"a", "b"}}, {name: "error marshaler", value: errMarshaler{}},
		{name: "error nil pointer", value: nilErr}, {name: "error pointer", value: &errVal{"p"}}, {name: "error valuer", value: errValuer{}}, {name: "error in struct", value: struct{ E error }{errors.New("x")}},
		{name: "error path", value: &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrNotExist}}, {name: "error net", value: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("refused")}}, {name: "error JSON syntax", value: json.Unmarshal([]byte("{"), new(any))},
		{name: "error panics", value: errPanic{"boom"}}, {name: "error panics with error", value: errPanic{errors.New("e")}}, {name: "error panics with itself", value: errPanic{errPanic{"inner"}}}, {name: "error panics nil pointer", value: (*errPanic)(nil)},
		{name: "error panics with nil", value: errPanic{nil}}, {name: "error panics with struct", value: errPanic{base{1, "a\nb"}}}, {name: "marshaler panics", value: panicker{"boom\n"}}, {name: "marshaler panics nil pointer", value: (*panicPtr)(nil)},
		{name: "marshaler panics nil in slice", value: []*panicPtr{nil}}, {name: "marshaler panics in map", value: map[string]any{"a": panicker{1}}}, {name: "text marshaler panics", value: textPanic{}}, {name: "nil pointer with value method", value: (*textPanic)(nil)},
		{name: "valuer chain", value: valuerChain(5)}, {name: "valuer chain of 99", value: valuerChain(98)}, {name: "valuer chain of 101", value: valuerChain(101)}, {name: "valuer for ever", value: valuerEver{}},
		{name: "valuer nil pointer", value: (*valuerPtr)(nil)}, {name: "valuer pointer", value: &valuerPtr{4}}, {name: "valuer error", value: valuerError{}}, {name: "valuer in slice", value: []any{valuerChain(1)}},
		{name: "valuer group", value: valuer{slog.GroupValue(slog.Int("a", 1))}}, {name: "valuer empty group", value: valuer{slog.GroupValue()}}, {name: "valuer nil", value: valuer{slog.AnyValue(nil)}}, {name: "valuer in group in valuer", value: valuer{slog.GroupValue(slog.Any("v", valuerChain(2)))}},
		{name: "valuer panics", value: valuerPanic{"boom"}, differs: `"k":"!PANIC: boom"`}, {name: "valuer panics with error", value: valuerPanic{errors.New("bad\n")}, differs: `"k":"!PANIC: bad\n"`},
		{name: "valuer panics with panicking error", value: valuerPanic{errPanic{"x"}}, differs: `"k":"!PANIC: %!v(PANIC=Error method: x)"`},
		{name: "valuer nil pointer, value method", value: (*errValuer)(nil), differs: `"k":"!PANIC: value method github.com/fapilog/fapilog/encode_test.errValuer.LogValue called using nil *errValuer pointer"`},
		{name: "group", value: slog.GroupValue(slog.Int("a", 1), slog.String("b", "c"))}, {name: "group empty", value: slog.GroupValue()}, {name: "group of empty", value: slog.GroupValue(slog.Group("x"))},
		{name: "group nested", value: slog.GroupValue(slog.Group("x", slog.Group("y", "z", 1)))}, {name: "group inline", value: slog.GroupValue(slog.Group("", "a", 1), slog.Int("b", 2))}, {name: "group odd keys", value: slog.GroupValue(slog.Int("", 1), slog.Int("\n", 2), slog.Int("a.b", 3))},
		{name: "group duplicate keys", value: slog.GroupValue(slog.Int("a", 1), slog.Int("a", 2))}, {name: "group of elided alone", value: slog.GroupValue(slog.Attr{})}, {name: "group reserved keys", value: slog.GroupValue(slog.Int("time", 1), slog.Int("msg", 2))},
		{name: "group loses comma", value: slog.GroupValue(slog.Int("a", 1), slog.Group("x", slog.Attr{}), slog.Int("b", 2)), differs: `"k":{"a":1,"b":2}`}, {name: "group 5000 deep", value: deepGroup(5000)},
		{name: "attrs", value: []slog.Attr{slog.Int("a", 1)}}, {name: "attr", value: slog.Int("a", 1)}, {name: "value", value: slog.IntValue(3)}, {name: "value nil", value: slog.Value{}}, {name: "slice of values", value: []slog.Value{slog.IntValue(1)}},
		{name: "slog kind", value: slog.KindGroup}, {name: "level", value: slog.LevelWarn}, {name: "level odd", value: slog.Level(-100)}, {name: "level var", value: new(slog.LevelVar)}, {name: "leveler", value: leveler{}},
		{name: "source", value: &slog.Source{Function: "f", File: "x.go", Line: 3}}, {name: "source empty", value: &slog.Source{}}, {name: "source nil", value: (*slog.Source)(nil)}, {name: "source value", value: slog.Source{Line: 1}}, {name: "source line", value: &slog.Source{Line: 9}},
		{name: "record", value: slog.Record{Message: "m"}}, {name: "logger", value: slog.New(slog.DiscardHandler)},
		{name: "cyclic pointer", value: cyclicRing()}, {name: "cyclic map", value: cyclicMap()}, {name: "cyclic slice", value: cyclicSlice()},
		{name: "deep slice", value: deepSlice(5000)}, {name: "wide slice", value: make([]int, 20000)}, {name: "wide map", value: wideMap(2000)},
		{name: "IP", value: net.IPv4(127, 0, 0, 1)}, {name: "IP net", value: net.IPNet{IP: net.IPv4(1, 2, 3, 4), Mask: net.CIDRMask(8, 32)}}, {name: "addr", value: netip.MustParseAddr("::1")}, {name: "addr zero", value: netip.Addr{}}, {name: "prefix", value: netip.MustParsePrefix("10.0.0.0/8")},
		{name: "URL", value: &url.URL{Scheme: "https", Host: "h", Path: "/a b"}}, {name: "URL values", value: url.Values{"a": {"1", "2"}}}, {name: "header", value: http.Header{"Accept": {"*/*"}}}, {name: "MAC", value: net.HardwareAddr{1, 2, 3, 4, 5, 6}},
		{name: "regexp", value: regexp.MustCompile("a+")}, {name: "template", value: template.Must(template.New("t").Parse("x")).Name()}, {name: "buffer", value: bytes.NewBufferString("buf")}, {name: "builder", value: new(strings.Builder)}, {name: "reader", value: bufio.NewReader(nil)},
		{name: "mutex", value: new(sync.Mutex)}, {name: "atomic", value: new(atomic.Int64)}, {name: "file", value: os.Stdin}, {name: "file mode", value: fs.FileMode(0o755)}, {name: "null string", value: sql.NullString{String: "x", Valid: true}}, {name: "null time", value: sql.NullTime{}},
		{name: "sync map", value: new(sync.Map)}, {name: "http method", value: http.MethodGet}, {name: "http status", value: http.StatusTeapot}, {name: "cookie", value: &http.Cookie{Name: "n", Value: "v"}},
	}
	return append(kinds, wrappedKinds()...)
}

// wrappedKinds are values whose treatment depends on where they stand.
func wrappedKinds() []kind {
	inner := []kind{
		{name: "a string with escapes", value: "a\"\b\f\u2028<\xff"}, {name: "an error", value: errors.New("e<")}, {name: "a duration", value: time.Minute}, {name: "a large float", value: 1e30},
		{name: "NaN", value: math.NaN()}, {name: "a nil pointer marshaler", value: (*big.Int)(nil)}, {name: "a panicking marshaler", value: panicker{"p"}}, {name: "an out of range time", value: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{name: "a valuer", value: valuerChain(1)}, {name: "bytes", value: []byte("b")},
	}
	var kinds []kind
	for _, in := range inner {
		v := in.value
		kinds = append(kinds,
			kind{name: in.name + " in a slice", value: []any{v}},
			kind{name: in.name + " in a map", value: map[string]any{"m": v}},
			kind{name: in.name + " in a struct", value: struct{ V any }{v}},
			kind{name: in.name + " behind a pointer", value: &v},
			kind{name: in.name + " in a generic struct", value: generic[any]{v}},
		)
		if in.name != "an out of range time" { // slog doubles it; that exception has its entries
			kinds = append(kinds,
				kind{name: in.name + " in a group", value: slog.GroupValue(slog.Any("g", v))},
				kind{name: in.name + " from a valuer", value: valuer{slog.AnyValue(v)}},
			)
		}
	}
	return kinds
}

func wideMap(n int) map[string]int {
	m := make(map[string]int, n)
	for i := range n {
		m[fmt.Sprintf("key%05d", i)] = i
	}
	return m
}

// fatalKinds end, or would fill the memory of, a process that gives them to
// log/slog.
func fatalKinds() []kind {
	cyclic := make([]slog.Attr, 1)
	cyclic[0] = slog.Attr{Key: "c", Value: slog.GroupValue(cyclic...)}
	twin := new(twinGroup)
	twin.a, twin.b = twin, twin
	cyclic[0].Value = slog.GroupValue(cyclic...)
	return []kind{
		{name: "a group that contains itself", value: slog.GroupValue(cyclic...)},
		{name: "a valuer in its own group", value: selfGroup{}},
		{name: "two valuers in each other's groups", value: twin},
		{name: "a valuer in its own inline groups", value: selfInline{}},
		{name: "groups deeper than JSON allows", value: deepGroup(20000)},
		{name: "slices deeper than JSON allows", value: deepSlice(20000)},
	}
}
