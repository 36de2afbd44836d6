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

// textOf returns the message of the record that line becomes, by all ways a line can
// take, which is to be a text.
func textOf(t testing.TB, e *encode.Encoder, line string, missing int64) string {
	t.Helper()
	size := int64(len(line)) + missing
	record := e.AppendLine(nil, time.Time{}, slog.LevelInfo, []byte(line), size)
	var lines encode.Lines
	lines.Begin(e, time.Time{}, slog.LevelInfo)
	if got, _, _ := lines.Append(nil, []byte(line), size); !bytes.Equal(got, record) {
		t.Errorf("Append: %s, AppendLine: %s", got, record)
	}
	if missing == 0 && !strings.Contains(line, "\n") {
		if got, _, _, _ := lines.Next([]byte(line)); !bytes.Equal(got, record) {
			t.Errorf("Next: %s, AppendLine: %s", got, record)
		}
	}
	var v struct{ Msg string }
	if err := json.Unmarshal(record, &v); err != nil {
		t.Fatalf("%v in %s", err, record)
	}
	return v.Msg
}

func TestLineThatIsAlmostAnObjectIsMaskedLikeOne(t *testing.T) {
	e := newEncoder(t, encode.Options{})
	for line, want := range map[string]string{
		`{"password":"x","ratio":NaN}`:                    `{"password":"***","ratio":NaN}`,
		`{"password":"a"}{"password":"b"}`:                `{"password":"***"}{"password":"***"}`,
		`[{"password":"x"},{"a":{"api_key" : 12 }}]`:      `[{"password":"***"},{"a":{"api_key" : "***" }}]`,
		`2026-11-22 INFO {"password":"x","n":1}`:          `2026-11-22 INFO {"password":"***","n":1}`,
		"\ufeff" + `{"password":"x"}`:                     "\ufeff" + `{"password":"***"}`,
		`{"a":"b","token":["x",{"y":"]"}],"c":}`:          `{"a":"b","token":"***","c":}`,
		`{"token":{"a":NaN,"b":"}"},"c":}`:                `{"token":"***","c":}`,
		`{"p\u0061ssword":"x",}`:                          `{"p\u0061ssword":"***",}`,
		`{"a\"password":"x",}`:                            `{"a\"password":"***",}`,
		`{"password":"x\"y\\","b":"z",}`:                  `{"password":"***","b":"z",}`,
		`{"pwd":-1.5e3,"pwd":true,"pwd":None,"pwd":1]`:    `{"pwd":"***","pwd":"***","pwd":"***","pwd":"***"]`,
		`{"url":"http://u:p@h","u":"http:\/\/u:p@h\/x",}`: `{"url":"http://u:***@h","u":"http:\/\/u:***@h\/x",}`,
		`u=http:\/\/u:p@h`:                                `u=http:\/\/u:***@h`,
		`  "password" : "x",`:                             `  "password" : "***",`, // of an object on several lines
		"{\n\"password\":\n  \"x\",\n}":                   "{\n\"password\":\n  \"***\",\n}",
		// What was split or broke off.
		`xyz","password":"x","b":1}`: `xyz","password":"***","b":1}`,
		`_token":"x","b":1}`:         `_token":"***","b":1}`,
		`{"a":1,"password":"x`:       `{"a":1,"password":"***"`,
		`{"a":1,"password":"x\`:      `{"a":1,"password":"***"`,
		`{"a":1,"password":{"b":"x`:  `{"a":1,"password":"***"`,
		`{"a":1,"password":[1,{}`:    `{"a":1,"password":"***"`,
		`{"a":1,"password":12`:       `{"a":1,"password":"***"`,
		// What stays as it is.
		`{"a":1,"password":`:                     `{"a":1,"password":`,
		`{"a":1,"password"`:                      `{"a":1,"password"`,
		`{"a":1,"password":}`:                    `{"a":1,"password":}`,
		`the "password" is: "x"`:                 `the "password" is: "x"`,
		`{"passwords_left":3,"a":"token",}`:      `{"passwords_left":3,"a":"token",}`,
		`password: "x" token="y"`:                `password: "x" token="y"`,
		`{"msg":"{\"password\":\"x\"}","r":NaN}`: `{"msg":"{\"password\":\"x\"}","r":NaN}`,
		`a ": b`:                                 `a ": b`,
		`":`:                                     `":`,
		`"`:                                      `"`,
	} {
		if got := textOf(t, e, line, 0); got != want {
			t.Errorf("%s became\n%s, want\n%s", line, got, want)
		}
	}
	off := newEncoder(t, encode.Options{Redact: encode.Redact{Off: true}})
	if line := `{"password":"x","u":"x:\/\/u:p@h",}`; textOf(t, off, line, 0) != line {
		t.Error("masked with redaction off")
	}
	more := newEncoder(t, encode.Options{Redact: encode.Redact{Keys: []string{"ssn"}, Patterns: []string{"[0-9]+"}}})
	if got, want := textOf(t, more, `{"SSN":"x","n":17,}`, 0), `{"SSN":"***","n":***,}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzAlmostAnObject: whatever stands around an object, before and behind it, and wherever
// it is broken off, the values of its sensitive keys are in no record.
func FuzzAlmostAnObject(f *testing.F) {
	for _, s := range []string{"", "2026 INFO ", "[", `{"a":1}`, `"`, `{"a":"`, `","b":NaN,"c":`, `\`} {
		f.Add(s, s)
	}
	e := newEncoder(f, encode.Options{})
	f.Fuzz(func(t *testing.T, before, behind string) {
		const object = `{"level":"info","password":"word-815","a":{"api-key":["word-815",{"b":"word-815"}]}}`
		if strings.Contains(before+behind, "word") {
			return
		}
		for n := range len(object) + 1 {
			for _, missing := range []int64{0, 7} {
				line := before + object[:n]
				if n == len(object) {
					line += behind
				}
				var lines encode.Lines
				lines.Begin(e, time.Time{}, slog.LevelInfo)
				got, _, _ := lines.Append(nil, []byte(line), int64(len(line))+missing)
				if !json.Valid(got) || bytes.Contains(got, []byte("word-")) {
					t.Fatalf("%q became %q", line, got)
				}
			}
		}
	})
}
