package encode_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/encode"
)

func TestObjectPassesThroughWithItsBytes(t *testing.T) {
	e := newEncoder(t, encode.Options{})
	for _, in := range []string{
		`{}`, ` { } `, "\t{\"a\" : 1 ,\r\n \"b\":[ ] }\n", `{"a":1,"a":2}`, `{"n":-0.0e+5,"m":1E400,"k":0}`, `{"a":"\u00e9\/\ud83d\"\\"}`, "{\"a\":\"\xff\x7f\"}",
		`{"author":"x","tokens_used":1,"":null}`, `{"a":[[[{"b":[true,false,null]}]]]}`, `{"a":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `}`,
		`{"url":"http://h:80/@x","mail":"a@b","e":"\u0040"}`, `{"time":1,"level":2,"msg":3,"source":4}`,
	} {
		got, ok := e.AppendObject([]byte("before"), []byte(in))
		if want := "before" + asOneLine(in); !ok || string(got) != want {
			t.Errorf("%.100s: %v\ngot  %.100s\nwant %.100s", in, ok, got, want)
		}
	}
}

// asOneLine is what a valid object becomes that has nothing to mask.
func asOneLine(object string) string {
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(strings.Trim(object, " \t\r\n"))
}

func TestRecordOfAnObjectIsOneLine(t *testing.T) {
	for _, o := range []encode.Options{{}, {Redact: encode.Redact{Off: true}}, {Redact: encode.Redact{Patterns: []string{"x"}}}} {
		e := newEncoder(t, o)
		for in, want := range map[string]string{
			"{\n  \"a\": 1,\r\n  \"b\": [\n1\r]\n}\n": `{   "a": 1,    "b": [ 1 ] }`,
			"{\r\"a\"\r:\r\"b\"\r}":                   `{ "a" : "b" }`,
			"{\"a\":1\n,\"b\":\"\\n\"\n}":             `{"a":1 ,"b":"\n" }`,
		} {
			if got, ok := e.AppendObject(nil, []byte(in)); !ok || string(got) != want {
				t.Errorf("%q became %q, want %q", in, got, want)
			}
		}
	}
}

func TestOwnMembersOfAnObjectAreExemptFromFurtherKeys(t *testing.T) {
	e := newEncoder(t, encode.Options{AddSource: true, Redact: encode.Redact{Keys: []string{"time", "msg", "line", "file", "level", "source", "function"}}})
	got, _ := e.AppendObject(nil, []byte(`{"time":1,"level":2,"msg":3,"source":{"line":4},"line":5,"a":{"msg":6}}`))
	if want := `{"time":1,"level":2,"msg":3,"source":{"line":"***"},"line":"***","a":{"msg":"***"}}`; string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r := slog.NewRecord(time.Unix(0, 0), slog.LevelInfo, "m", here)
	if got := e.AppendRecord(nil, &r, nil); bytes.Contains(got, []byte("***")) {
		t.Errorf("got %s", got)
	}
}

func TestWhatIsNotOneObjectIsRefused(t *testing.T) {
	e := newEncoder(t, encode.Options{})
	for _, in := range []string{
		"", " ", "{", "}", "[]", `"a"`, "1", "null", "text", `{"a"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `{"a":1}}`, `{"a":1}{"b":2}`, `{"a":1} x`, `{a:1}`, `{'a':1}`,
		`{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":+1}`, `{"a":-}`, `{"a":1e}`, `{"a":tru}`, `{"a":nulll}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"\u12`, `{"a":"`, "{\"a\":\"\n\"}",
		"{\"a\":\"\x00\"}", `{"a":[1,]}`, `{"a":[1}`, `{"a":{]}`, `{"a" 1}`, `{"a":1 "b":2}`, "\ufeff{}", "{\"a\":1}\x00", "\v{}", `{"password":{"a":}}`, `{"a":NaN}`,
		`{"a":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`,
	} {
		if json.Valid([]byte(in)) && strings.HasPrefix(strings.TrimSpace(in), "{") {
			t.Errorf("%s is valid", in)
		}
		if got, ok := e.AppendObject([]byte("before"), []byte(in)); ok || string(got) != "before" {
			t.Errorf("%.100s is accepted as %.100s", in, got)
		}
	}
}

// FuzzObject holds AppendObject against encoding/json.
func FuzzObject(f *testing.F) {
	for _, s := range []string{
		`{}`, ` {"a":1,"password":{"b":[1,"x"]}} `, `{"a":"http://u:p@h","b":"\/\/"}`, `{"pass\u0077ord":1,"x":[{"token":null}]}`, `{"a":[1,2.5e-3,true]}`, `{"a":"\ud83d\ude00"}`, `{"a":1}{`, `{"a":tru`,
	} {
		f.Add([]byte(s), []byte(`"x"`))
	}
	plain := newEncoder(f, encode.Options{Redact: encode.Redact{Off: true}, MaxRecord: 1 << 30})
	redacting := newEncoder(f, encode.Options{MaxRecord: 1 << 30})
	small := newEncoder(f, encode.Options{MaxRecord: 1 << 10})
	f.Fuzz(func(t *testing.T, line, value []byte) {
		trimmed := bytes.Trim(line, " \t\r\n")
		valid := json.Valid(line) && len(trimmed) > 0 && trimmed[0] == '{'
		got, ok := plain.AppendObject(nil, line)
		if ok != valid {
			t.Fatalf("%q: ok = %v, but encoding/json says %v", line, ok, valid)
		}
		if ok && string(got) != asOneLine(string(line)) {
			t.Fatalf("%q became %q without redaction", line, got)
		}
		got, ok = redacting.AppendObject(nil, line)
		if ok != valid || ok && !json.Valid(got) {
			t.Fatalf("%q: ok = %v: %q", line, ok, got)
		}
		if ok && !sensitive(trimmed) && string(got) != asOneLine(string(line)) {
			t.Fatalf("%q has nothing to mask and became %q", line, got)
		}
		if again, _ := redacting.AppendObject(nil, got); ok && !bytes.Equal(again, got) {
			t.Fatalf("%q is masked again: %q", got, again)
		}
		if got, ok := small.AppendObject(nil, line); ok && (!json.Valid(got) || len(got) > 1<<10) {
			t.Fatalf("%q cut: %q", line, got)
		}
		if !json.Valid(value) {
			return
		}
		planted := []byte(`{"a":[{"b":1,"db_pass\u0077ord":{"x":[` + string(value) + `,"` + canary + `"]},"c":` + string(value) + `}],"d":"x:\/\/u:` + canary + `@h"}`)
		got, ok = redacting.AppendObject(nil, planted)
		if !ok && json.Valid(planted) {
			t.Fatalf("%q is refused", planted)
		}
		if ok && !bytes.Contains(value, []byte(canary)) && bytes.Contains(got, []byte(canary)) {
			t.Fatalf("the secret is in %q", got)
		}
	})
}

// sensitive reports whether there may be anything to mask in the object line. It
// looks at what encoding/json reads, and errs on the side of yes.
func sensitive(line []byte) bool {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		text, ok := token.(string)
		if !ok {
			continue
		}
		if strings.Contains(text, "://") && strings.Contains(text, "@") {
			return true
		}
		text = strings.Map(func(c rune) rune {
			switch c {
			case '_', '-', '.':
				return -1
			case '\u017f':
				return 's'
			}
			return c
		}, strings.ToLower(text))
		for _, word := range []string{
			"password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "authorization", "cookie", "privatekey", "accesskey", "credentials",
		} {
			if strings.HasSuffix(text, word) {
				return true
			}
		}
	}
}

func TestLineBecomesTheMessageOfARecord(t *testing.T) {
	at := time.Date(2024, 1, 2, 3, 4, 5, 60_000_000, time.FixedZone("", -3600))
	e := newEncoder(t, encode.Options{}).WithAttrs([]slog.Attr{slog.Int("not", 1)})
	for _, c := range []struct {
		at       time.Time
		line     string
		original int64
		want     string
	}{
		{at, "plain", 5, `{"time":"2024-01-02T03:04:05.06-01:00","level":"WARN","msg":"plain"}`},
		{time.Time{}, "", 0, `{"level":"WARN","msg":""}`},
		{time.Time{}, "a\x00\"\xff\r", 0, `{"level":"WARN","msg":"a\u0000\"\ufffd\r"}`},
		{time.Time{}, "x://u:hunter2@h", 0, `{"level":"WARN","msg":"x://u:***@h"}`},
		{time.Time{}, "head", 100, `{"level":"WARN","msg":"head","truncated":true,"original_size":100}`},
		// A secret whose end is cut off.
		{time.Time{}, "x://u:hunter", 100, `{"level":"WARN","msg":"x://u:***","truncated":true,"original_size":100}`},
		{time.Time{}, "x://u:hun/ter", 100, `{"level":"WARN","msg":"x://u:***","truncated":true,"original_size":100}`},
		{time.Time{}, "x://u@d:hunter", 100, `{"level":"WARN","msg":"x://u@d:***","truncated":true,"original_size":100}`},
		{time.Time{}, "x://h:80 ", 100, `{"level":"WARN","msg":"x://h:80 ","truncated":true,"original_size":100}`},
		{time.Time{}, `{"a":1,"password":"hunter`, 100, `{"level":"WARN","msg":"{\"a\":1,\"password\":\"***\"","truncated":true,"original_size":100}`},
		{time.Time{}, ` {"a":{"password":{"b":["hunter2"],"c":`, 100, `{"level":"WARN","msg":" {\"a\":{\"password\":\"***\"","truncated":true,"original_size":100}`},
		{time.Time{}, `{"password":"hunter2","b":"x:\/\/u:hunter`, 100, `{"level":"WARN","msg":"{\"password\":\"***\",\"b\":\"x:\\/\\/u:***","truncated":true,"original_size":100}`},
		{time.Time{}, `{"password":"hunter2","b":"\u00`, 100, `{"level":"WARN","msg":"{\"password\":\"***\",\"b\":\"\\u00","truncated":true,"original_size":100}`},
		{time.Time{}, `{"a":1,"b":tr`, 100, `{"level":"WARN","msg":"{\"a\":1,\"b\":tr","truncated":true,"original_size":100}`},
		{time.Time{}, `{not JSON, x://u:hunter`, 100, `{"level":"WARN","msg":"{not JSON, x://u:***","truncated":true,"original_size":100}`},
	} {
		if got := string(e.AppendLine([]byte("+"), c.at, slog.LevelWarn, []byte(c.line), c.original)); got != "+"+c.want {
			t.Errorf("%q\ngot  %s\nwant +%s", c.line, got, c.want)
		}
	}
}

func TestLineIsEscapedAsSlogEscapesMessages(t *testing.T) {
	at := time.Unix(1, 0).UTC()
	e := newEncoder(t, encode.Options{Redact: encode.Redact{Off: true}})
	for _, s := range oddStrings {
		l := line{record: slog.NewRecord(at, slog.LevelInfo, s, 0)}
		if got, want := e.AppendLine(nil, at, slog.LevelInfo, []byte(s), int64(len(s))), l.slogs(t); !bytes.Equal(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
