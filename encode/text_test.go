package encode

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// textInUTC makes local time UTC for one test.
func textInUTC(t testing.TB) {
	local := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = local })
}

func TestTextOfARecord(t *testing.T) {
	textInUTC(t)
	for _, tt := range []struct{ name, obj, pretty, logfmt string }{
		{"all of it",
			`{"time":"2024-01-02T15:04:05.678901Z","level":"INFO","source":{"function":"main.main","file":"/home/u/app/cmd/main.go","line":12},"msg":"request served","n":1,"ok":true,"err":null}`,
			`15:04:05.678 INFO  request served source=cmd/main.go:12 n=1 ok=true err=null`,
			`time=2024-01-02T15:04:05.678901Z level=INFO msg="request served" source=/home/u/app/cmd/main.go:12 n=1 ok=true err=null`},
		{"another program's names",
			`{"a":1,"message":"x","severity":"warning","ts":1704207845.5}`,
			`15:04:05.500 WARNING x a=1`,
			`ts=1704207845.5 severity=warning message=x a=1`},
		{"a level in an object", `{"log":{"level":"error","logger":"a"},"message":"x"}`, `ERROR x log.level=error log.logger=a`, `message=x log.level=error log.logger=a`},
		{"a level in numbers", `{"level":35,"msg":"x"}`, `NOTICE x`, `level=35 msg=x`},
		{"a level with an offset", `{"level":"DEBUG-4","msg":"x"}`, `DEBUG-4 x`, `level=DEBUG-4 msg=x`},
		{"names that say nothing", `{"time":"noon","level":"?","msg":5}`, `time=noon level=? msg=5`, `time=noon level=? msg=5`},
		{"the later of two times", `{"time":"noon","ts":0,"msg":"x"}`, `00:00:00.000 x time=noon`, `ts=0 msg=x time=noon`},
		{"nothing", `{}`, ``, ``},
		{"groups", `{"a":{"b":{"c":1,"d":"e"},"f":{}},"g":{}}`, `a.b.c=1 a.b.d=e a.f={} g={}`, `a.b.c=1 a.b.d=e a.f={} g={}`},
		{"lists", `{"a":[1, "b c",{"d" : [ ]}],"e":[1,2]}`, `a=[1,"b c",{"d":[]}] e=[1,2]`, `a="[1,\"b c\",{\"d\":[]}]" e=[1,2]`},
		{"quotes", `{"a":"","b":"c d","e":"f=g","h":"i\"j","k":"l\\m","n":"o\\ p"}`,
			`a="" b="c d" e="f=g" h="i\"j" k=l\m n="o\\ p"`, `a="" b="c d" e="f=g" h="i\"j" k=l\m n="o\\ p"`},
		{"a message with quotes", `{"msg":"say \"hi\" to C:\\x"}`, `say "hi" to C:\x`, `msg="say \"hi\" to C:\\x"`},
		{"names to quote", `{"a b":1,"":2,"c=d":3,"e\nf":{"g\"h":4},"i\u001bj":5,"\ud800":6}`,
			`"a b"=1 ""=2 "c=d"=3 "e\nf"."g\"h"=4 "i\u001bj"=5 ` + "\ufffd=6", `a_b=1 _=2 c_d=3 e_f.g_h=4 i_j=5 _=6`},
		{"a second line", `{"msg":"a\nb\r\n\tc","d":"e\nlevel=ERROR"}`, `a\nb\r\n\tc d="e\nlevel=ERROR"`, `msg="a\nb\r\n\tc" d="e\nlevel=ERROR"`},
		{"terminal commands", `{"msg":"\u001b[2J\u009b31m","a":"\u001b]0;x\u0007","b":"` + "\x7f\u009b" + `","c":["` + "\u009b" + `"]}`,
			`\u001b[2J\u009b31m a="\u001b]0;x\u0007" b="\u007f\u009b" c=["\u009b"]`, `msg="\u001b[2J\u009b31m" a="\u001b]0;x\u0007" b="\u007f\u009b" c="[\"\\u009b\"]"`},
		{"separators and direction", `{"a":"\u2028","b":"` + "\u2029\u202e\u2066" + `","c":["` + "\u202e" + `"]}`,
			`a="\u2028" b="\u2029\u202e\u2066" c=["\u202e"]`, `a="\u2028" b="\u2029\u202e\u2066" c="[\"\\u202e\"]"`},
		{"invalid UTF-8", "{\"a\":\"x\xffy\",\"b\":[\"\xff\"]}", "a=x\ufffdy b=[\"\ufffd\"]", "a=x\ufffdy b=\"[\\\"\ufffd\\\"]\""},
		{"other scripts", `{"msg":"Grüße 世界 😀","a":"שלום","b":"x\u00a0y"}`, "Grüße 世界 😀 a=שלום b=\"x\u00a0y\"", "msg=\"Grüße 世界 😀\" a=שלום b=\"x\u00a0y\""},
		{"a source that is something else", `{"source":"api","x":{"source":{"file":"/a/b/c.go","line":1}}}`, `source=api x.source.file=/a/b/c.go x.source.line=1`, `source=api x.source.file=/a/b/c.go x.source.line=1`},
		{"a short source", `{"source":{"file":"c.go","line":1}}`, `source=c.go:1`, `source=c.go:1`},
		{"a source to quote", `{"source":{"file":"a b/c\u001b.go","line":1}}`, `source="a b/c\u001b.go:1"`, `source="a b/c\u001b.go:1"`},
		{"a source with more in it", `{"source":{"file":"c.go","line":1,"host":"a"}}`, `source.file=c.go source.line=1 source.host=a`, `source.file=c.go source.line=1 source.host=a`},
		{"a source with a function of its own kind", `{"source":{"function":["f"],"file":"c.go","line":1}}`, `source.function=["f"] source.file=c.go source.line=1`, `source.function="[\"f\"]" source.file=c.go source.line=1`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !json.Valid([]byte(tt.obj)) {
				t.Fatalf("the case is not JSON: %s", tt.obj)
			}
			if got := string(AppendPretty(nil, []byte(tt.obj), false)); got != tt.pretty {
				t.Errorf("pretty:\n got %s\nwant %s", got, tt.pretty)
			}
			if got := string(AppendLogfmt([]byte("x"), []byte(tt.obj))); got != "x"+tt.logfmt {
				t.Errorf("logfmt:\n got %s\nwant x%s", got, tt.logfmt)
			}
			colored := string(AppendPretty(nil, []byte(tt.obj), true))
			if got := textSGR.ReplaceAllString(colored, ""); got != tt.pretty {
				t.Errorf("pretty without its colours:\n got %s\nwant %s", got, tt.pretty)
			}
		})
	}
}

func TestPrettyIsColoredByLevel(t *testing.T) {
	for level, want := range map[string]string{"debug": "\x1b[90mDEBUG", "info": "\x1b[32mINFO ", "warn": "\x1b[33mWARN ", "error": "\x1b[31mERROR", "fatal": "\x1b[1;31mFATAL"} {
		got := string(AppendPretty(nil, []byte(`{"level":"`+level+`","msg":"x","a":1}`), true))
		if want += "\x1b[0m x \x1b[36ma=\x1b[0m1"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestLevelNumbersHaveNames(t *testing.T) {
	for n, want := range map[int]string{0: "EMERG", 1: "ALERT", 2: "FATAL", 3: "ERROR", 4: "WARN ", 5: "NOTICE", 6: "INFO ", 7: "DEBUG", 10: "TRACE", 60: "FATAL"} {
		if got := string(AppendPretty(nil, fmt.Appendf(nil, `{"level":%d}`, n), false)); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestDeepGroupsAndLongNamesAreWrittenAsJSON(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 10) + `1` + strings.Repeat(`}`, 10)
	if got, want := string(AppendPretty(nil, []byte(deep), false)), `a.a.a.a.a.a.a.a.a={"a":1}`; got != want {
		t.Errorf("ten groups: %s, want %s", got, want)
	}
	long := strings.Repeat("x", 200)
	if got, want := string(AppendPretty(nil, []byte(`{"`+long+`":{"a":1}}`), false)), long+`={"a":1}`; got != want {
		t.Errorf("a long name: %s, want %s", got, want)
	}
}

// A line that is thousands of times longer than its record would stop the console.
func TestTextStaysInProportionToTheRecord(t *testing.T) {
	const members = 10_000
	name := strings.Repeat("n", textMaxPath-2)
	wide := `{"` + name + `":{` + strings.TrimSuffix(strings.Repeat(`"a":1,`, members), ",") + `}}`
	deep := strings.Repeat(`{"a":1,"b":`, members) + `{}` + strings.Repeat(`}`, members)
	for _, obj := range []string{wide, deep} {
		if got := len(AppendLogfmt(nil, []byte(obj))); got > members*(textMaxPath+5) {
			t.Errorf("%d bytes of JSON became %d", len(obj), got)
		}
	}
}

var textSGR = regexp.MustCompile("\x1b\\[[0-9;]+m")

// FuzzText demands of any text, JSON or not, that what is shown of it is one line
// that commands nothing.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		`{"time":1,"level":"INFO","msg":"a\nb","c":{"d":["\u001b"]},"source":{"file":"/a/b/c.go","line":1}}`,
		"{\"a\x1b\":\"\x1b\u202e\xff\\\x1b\",\"b\":[\"\\\x1b\",\u2028]}", "{\"a\":\x1b[31m}", "{\"a\":1\x1b}", `{"a":"\`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, obj []byte) {
		colored := AppendPretty(nil, obj, true)
		plain := AppendPretty(nil, obj, false)
		if got := textSGR.ReplaceAll(colored, nil); string(got) != string(plain) {
			t.Fatalf("colours change the text of %q:\n%q\n%q", obj, got, plain)
		}
		for _, line := range [][]byte{plain, AppendLogfmt(nil, obj)} {
			if !utf8.Valid(line) {
				t.Fatalf("%q is not UTF-8", line)
			}
			for _, r := range string(line) {
				if r < ' ' || 0x7f <= r && r <= 0x9f || strings.ContainsRune("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", r) {
					t.Fatalf("%q has %U, from %q", line, r, obj)
				}
			}
		}
	})
}

func BenchmarkAppendPretty(b *testing.B) {
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendPretty(dst[:0], fieldsLine, true)
	}
}

func BenchmarkAppendLogfmt(b *testing.B) {
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendLogfmt(dst[:0], fieldsLine)
	}
}

func ExampleAppendLogfmt() {
	record := []byte(`{"time":"2024-01-02T15:04:05Z","level":"INFO","msg":"request served","http":{"status":200}}`)
	fmt.Printf("%s\n", AppendLogfmt(nil, record))
	// Output: time=2024-01-02T15:04:05Z level=INFO msg="request served" http.status=200
}

func ExampleAppendPretty() {
	record := []byte(`{"level":"WARN","msg":"disk almost full","disk":{"free":"2%"}}`)
	fmt.Printf("%s\n", AppendPretty(nil, record, false))
	// Output: WARN  disk almost full disk.free=2%
}
