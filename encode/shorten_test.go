package encode_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/encode"
)

// members are the keys of the object line in their order, and its values.
func members(t testing.TB, line []byte) (keys []string, values map[string]json.RawMessage) {
	t.Helper()
	if err := json.Unmarshal(line, &values); err != nil {
		t.Fatalf("%v in %.300s", err, line)
	}
	d := json.NewDecoder(bytes.NewReader(line))
	_, _ = d.Token()
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.(string))
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return keys, values
}

func TestLongRecordKeepsWhatFits(t *testing.T) {
	at := time.Unix(1700000000, 5).UTC()
	long := strings.Repeat("0123456789", 300)
	for name, c := range map[string]struct {
		msg   string
		attrs []slog.Attr
		keys  string
	}{
		"a long message leaves room for the rest": {long, []slog.Attr{slog.Int("a", 1), slog.String("b", "two")}, "time level msg a b truncated original_size"},
		"a long string is cut":                    {"m", []slog.Attr{slog.String("s", long), slog.Int("a", 1)}, "time level msg s a truncated original_size"},
		"a long group is cut":                     {"m", []slog.Attr{slog.Group("g", "s", long), slog.Int("a", 1)}, "time level msg g a truncated original_size"},
		"a long array is cut":                     {"m", []slog.Attr{slog.Any("g", make([]int, 1000)), slog.Int("a", 1)}, "time level msg g a truncated original_size"},
		"an array of what is long is dropped":     {"m", []slog.Attr{slog.Any("g", []string{long}), slog.Int("a", 1)}, "time level msg a truncated original_size"},
		"a group of what is dropped goes with it": {"m", []slog.Attr{slog.Group("g", "s", []string{long}), slog.Int("a", 1)}, "time level msg a truncated original_size"},
		"a long key is dropped":                   {"m", []slog.Attr{slog.Int(long, 1), slog.Int("a", 1)}, "time level msg a truncated original_size"},
		"two long strings share":                  {long, []slog.Attr{slog.String("s", long)}, "time level msg s truncated original_size"},
		"members called like the marks go":        {long, []slog.Attr{slog.Int("truncated", 7), slog.Int("original_size", 7)}, "time level msg truncated original_size"},
	} {
		t.Run(name, func(t *testing.T) {
			r := slog.NewRecord(at, slog.LevelInfo, c.msg, 0)
			r.AddAttrs(c.attrs...)
			whole := newEncoder(t, encode.Options{MaxRecord: 1 << 20}).AppendRecord(nil, &r, nil)
			got := newEncoder(t, encode.Options{MaxRecord: 1 << 10}).AppendRecord([]byte("+"), &r, nil)[1:]
			if len(got) > 1<<10 || len(got) < 1<<10-200 && strings.Contains(c.keys, "s ") {
				t.Errorf("%d bytes", len(got))
			}
			keys, values := members(t, got)
			if got := strings.Join(keys, " "); got != c.keys {
				t.Errorf("got  %s\nwant %s", got, c.keys)
			}
			if got, want := string(values["original_size"]), fmt.Sprint(len(whole)); got != want {
				t.Errorf("original_size %s, want %s", got, want)
			}
			if string(values["truncated"]) != "true" || string(values["time"]) != `"2023-11-14T22:13:20.000000005Z"` || string(values["level"]) != `"INFO"` {
				t.Errorf("got %s", got)
			}
			var msg string
			if err := json.Unmarshal(values["msg"], &msg); err != nil || !strings.HasPrefix(c.msg, msg) || msg == "" {
				t.Errorf("message %.50q", msg)
			}
		})
	}
}

func TestLongStringTakesNothingButItselfFromItsGroups(t *testing.T) {
	long := strings.Repeat("0123456789", 300)
	for depth, want := range map[int]bool{1: true, 2: true, 8: true, 9: false} {
		e := newEncoder(t, encode.Options{MaxRecord: 1 << 10})
		path := make([]string, depth)
		for i := range path {
			path[i] = fmt.Sprint("g", i)
			e = e.WithGroup(path[i])
		}
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
		r.AddAttrs(slog.Int("before", 1), slog.String("long", long), slog.Int("truncated", 2), slog.Any("ids", []int{3, 4}))
		got := e.AppendRecord(nil, &r, nil)
		_, values := members(t, got)
		for _, name := range path[:depth-1] {
			_, values = members(t, append([]byte(nil), cmp.Or(string(values[name]), "{}")...))
		}
		in, ok := values[path[depth-1]]
		if ok != want {
			t.Errorf("%d groups: kept is %v: %s", depth, ok, got)
		}
		if !ok {
			continue
		}
		keys, values := members(t, in)
		if got := strings.Join(keys, " "); got != "before long truncated ids" || string(values["ids"]) != "[3,4]" || len(values["long"]) < 700 {
			t.Errorf("%d groups: %s", depth, in)
		}
	}
}

func TestArrayIsCutBehindAnElement(t *testing.T) {
	e := newEncoder(t, encode.Options{MaxRecord: 1 << 10})
	for pad := range 40 {
		in := `{"pad":"` + strings.Repeat("x", pad) + `","a": [ {"b":"]"} , [1,2] ,"c" ` + strings.Repeat(`, {"b":"]"} , [1,2],"c"`, 200) + ` ] }`
		got, ok := e.AppendObject(nil, []byte(in))
		_, values := members(t, got)
		var elements []json.RawMessage
		if err := json.Unmarshal(values["a"], &elements); err != nil || !ok || len(got) > 1<<10 || len(got) < 1<<10-20 {
			t.Fatalf("%v, %v, %d bytes: %s", ok, err, len(got), got)
		}
		for i, element := range elements {
			if want := []string{`{"b":"]"}`, `[1,2]`, `"c"`}[i%3]; string(element) != want {
				t.Fatalf("element %d is %s in %s", i, element, got)
			}
		}
	}
}

func TestOriginalSizeIsThatBeforeAllCuts(t *testing.T) {
	once := newEncoder(t, encode.Options{MaxRecord: 8 << 10}).AppendLine(nil, time.Time{}, slog.LevelInfo, bytes.Repeat([]byte("x"), 9<<10), 1_000_000)
	e := newEncoder(t, encode.Options{MaxRecord: 1 << 10})
	long := `"msg":"` + strings.Repeat("x", 2000) + `"`
	for in, want := range map[string]int{ // 0: that of in
		string(once): 1_000_000,
		`{"truncated":true,"original_size":5,` + long + `}`:        0,
		`{"truncated":false,"original_size":5000,` + long + `}`:    0,
		`{"original_size":5000,` + long + `}`:                      0,
		`{"truncated":true,"original_size":"5000",` + long + `}`:   0,
		`{"truncated":true,"original_size":1e99,` + long + `}`:     0,
		`{"original_size" : 5000 , "truncated":true,` + long + `}`: 5000,
	} {
		got, _ := e.AppendObject(nil, []byte(in))
		want = cmp.Or(want, len(in))
		if keys, values := members(t, got); string(values["original_size"]) != fmt.Sprint(want) || strings.Join(keys[len(keys)-3:], " ") != "msg truncated original_size" {
			t.Errorf("%.60s… of %d bytes became %.60s…%s", in, len(in), got, got[len(got)-60:])
		}
	}
}

func TestRecordOfExactlyTheLimitIsWhole(t *testing.T) {
	e := newEncoder(t, encode.Options{MaxRecord: 1 << 10})
	empty := len(e.AppendLine(nil, time.Time{}, slog.LevelInfo, nil, 0))
	for _, n := range []int{1<<10 - empty, 1<<10 - empty + 1} {
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, strings.Repeat("x", n), 0)
		got := e.AppendRecord(nil, &r, nil)
		if cut := strings.Contains(string(got), "truncated"); cut != (n > 1<<10-empty) {
			t.Errorf("%d bytes: cut = %v: %s", n+empty, cut, got)
		}
		if len(got) != 1<<10 {
			t.Errorf("%d bytes: got %d", n+empty, len(got))
		}
	}
}

func TestTimeLevelAndMessageOfForeignObjectsRemain(t *testing.T) {
	e := newEncoder(t, encode.Options{MaxRecord: 1 << 10})
	big := strings.Repeat(`"0123456789",`, 500) + "0"
	for _, in := range []string{
		`{"x":[` + big + `],"ts":17,"lvl":"warn","message":"hi"}`,
		`{"x":"` + strings.Repeat("a", 5000) + `","@timestamp":"2024","severity":3,"msg":"` + strings.Repeat("b", 5000) + `"}`,
		`{  "x"  :  {"y":[` + big + `]}  ,  "time"` + strings.Repeat(" ", 3000) + `:"t","level":"l","msg":"m"}`,
	} {
		got, ok := e.AppendObject(nil, []byte(in))
		if !ok || len(got) > 1<<10 {
			t.Fatalf("%v, %d bytes", ok, len(got))
		}
		keys, values := members(t, got)
		if n := len(keys); n < 5 || n > 6 || keys[n-1] != "original_size" || string(values["original_size"]) != fmt.Sprint(len(in)) {
			t.Errorf("got %s", got)
		}
	}
}

func TestLevelBehindALogWithoutOneRemains(t *testing.T) {
	var in strings.Builder
	in.WriteString(`{"log":{"logger":"a"}`)
	for i := range 14 {
		fmt.Fprintf(&in, `,"s%d":"%s"`, i, strings.Repeat("a", 900))
	}
	in.WriteString(`,"level":"error","time":"2026-11-22T03:04:05Z","msg":"disk full"}`)
	got, _ := newEncoder(t, encode.Options{MaxRecord: 1 << 10}).AppendObject(nil, []byte(in.String()))
	if _, values := members(t, got); string(values["level"]) != `"error"` {
		t.Errorf("got %s", got)
	}
}

func TestMessageBehindManyLongStringsHasItsShare(t *testing.T) {
	var in strings.Builder
	for i := range 20 {
		fmt.Fprintf(&in, `%c"s%d":"%s"`, "{,"[min(i, 1)], i, strings.Repeat("a", 900))
	}
	in.WriteString(`,"msg":"` + strings.Repeat("b", 5000) + `"}`)
	got, _ := newEncoder(t, encode.Options{MaxRecord: 1 << 10}).AppendObject(nil, []byte(in.String()))
	if n := bytes.Count(got, []byte("b")); n < 200 {
		t.Errorf("%d bytes of the message are left: %s", n, got)
	}
}

func TestCutFallsBetweenCharacters(t *testing.T) {
	for _, unit := range []string{"é", "世", "🎉", "\x00", "\"", "\\", "\n", "\xff", "\u2028", "a"} {
		for pad := range 13 {
			msg := strings.Repeat("a", pad) + strings.Repeat(unit, 2000)
			r := slog.NewRecord(time.Time{}, slog.LevelInfo, msg, 0)
			got := newEncoder(t, encode.Options{MaxRecord: 1 << 10}).AppendRecord(nil, &r, nil)
			var v struct{ Msg string }
			if err := json.Unmarshal(got, &v); err != nil {
				t.Fatalf("%q: %v", unit, err)
			}
			if valid := strings.ToValidUTF8(msg, "\ufffd"); unit != "\xff" && !strings.HasPrefix(valid, v.Msg) || len(got) < 1<<10-12 {
				t.Errorf("%q: %d bytes, …%q", unit, len(got), v.Msg[len(v.Msg)-10:])
			}
		}
	}
	object := `{"msg":"` + strings.Repeat(`\ud83d\ude00`, 1000) + `"}`
	for pad := range 12 {
		got, _ := newEncoder(t, encode.Options{MaxRecord: 1<<10 + pad}).AppendObject(nil, []byte(object))
		if !json.Valid(got) || bytes.Contains(got, []byte(`\ud83d"`)) {
			t.Errorf("a pair of escapes is cut: %s", got)
		}
	}
}

func TestCutOpensNoMask(t *testing.T) {
	for pad := range 300 {
		msg := strings.Repeat("x", 700+pad) + " http://user:" + canary + "@host " + strings.Repeat("y", 500)
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, msg, 0)
		r.AddAttrs(slog.String("password", canary))
		if got := newEncoder(t, encode.Options{MaxRecord: 1 << 10}).AppendRecord(nil, &r, nil); bytes.Contains(got, []byte("hunt")) {
			t.Fatalf("got %s", got)
		}
	}
}

func TestLineThatGrowsByItsEscapesIsCut(t *testing.T) {
	e := newEncoder(t, encode.Options{MaxRecord: 1 << 10})
	in := bytes.Repeat([]byte{0}, 1000)
	for _, original := range []int64{1000, 5000} {
		got := e.AppendLine(nil, time.Unix(0, 0), slog.LevelInfo, in, original)
		if _, values := members(t, got); len(got) > 1<<10 || string(values["original_size"]) != fmt.Sprint(original) {
			t.Errorf("%d bytes: %s", len(got), got)
		}
	}
}

func FuzzRecordWithALimit(f *testing.F) {
	f.Add([]byte("0123456789"), uint16(0))
	f.Add([]byte("\x04\x08\x13abc\xff\x01\x02\x03\x07\x09"), uint16(100))
	f.Fuzz(func(t *testing.T, data []byte, extra uint16) {
		limit := 1<<10 + int(extra)%5000
		g := &generator{data: data}
		l := g.line()
		l.record.AddAttrs(slog.String("long", strings.Repeat(g.string(), 300)), slog.Any("n", []string{string(data)}))
		l.record.Message += string(data)
		e := newEncoder(t, encode.Options{MaxRecord: limit, ReplaceAttr: l.replace, AddSource: l.addSource})
		got := e.WithGroup("g").WithAttrs(l.extra).AppendRecord(nil, &l.record, l.extra)
		if !json.Valid(got) || len(got) > limit {
			t.Fatalf("limit %d, %d bytes: %s", limit, len(got), got)
		}
		if l.replace == nil {
			_, values := members(t, got)
			if values["level"] == nil || values["msg"] == nil || values["time"] == nil && !l.record.Time.IsZero() {
				t.Fatalf("a member is gone that should not be: %s", got)
			}
		}
	})
}
