package encode_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/encode"
)

var passwordCases = map[string]string{
	"http://user:hunter2@host/path":                       "http://user:***@host/path",
	"dial postgres://u:hunter2@db:5432/x?sslmode=off now": "dial postgres://u:***@db:5432/x?sslmode=off now",
	"redis://:hunter2@h":                                  "redis://:***@h",
	"://u:hunter2@":                                       "://u:***@",
	"a://u:hunter2@h b://v:hunter2@i":                     "a://u:***@h b://v:***@i",
	"a://u:hunter2@h,b://v:hunter2@i":                     "a://u:***@h,b://v:***@i",
	"http://u:hun@ter2@host":                              "http://u:***@host",
	"http://u@corp:hunter2@host":                          "http://u@corp:***@host",
	"http://u:hun:ter2@[::1]:80/":                         "http://u:***@[::1]:80/",
	"http://u:hun/ter2@host/a@b":                          "http://u:***@host/a@b",
	"http://u:hun?ter#2@host":                             "http://u:***@host",
	"http://ü:hünter2\xff@host":                           "http://ü:***@host",
	"http://u:***@host":                                   "http://u:***@host",
	"http://u:@host":                                      "http://u:***@host",
	`"http://u:hunter2@h"`:                                `"http://u:***@h"`,
	"x://y://u:hunter2@h":                                 "x://y://u:***@h",
	// What stays as it is.
	"http://user@host":                      "http://user@host",
	"http://host:8080/@scope/pkg":           "http://host:8080/@scope/pkg",
	"http://host:8080 mail joe@example.com": "http://host:8080 mail joe@example.com",
	"http://[::1]:8080/@x":                  "http://[::1]:8080/@x",
	"http://user@host:80/a":                 "http://user@host:80/a",
	"user:pass@host":                        "user:pass@host",
	"http:/u:p@h":                           "http:/u:p@h",
	"joe@example.com http://h/a:b":          "joe@example.com http://h/a:b",
	"http://h/a:b@c":                        "http://h/a:b@c",
	"@://":                                  "@://",
}

func TestPasswordsInURLsAreMaskedWhereverAStringStands(t *testing.T) {
	for in, want := range passwordCases {
		quoted := func(s string) string {
			var h strings.Builder
			slog.New(slog.NewJSONHandler(&h, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key != slog.MessageKey {
					return slog.Attr{}
				}
				return a
			}})).Info(s)
			return strings.TrimSuffix(strings.TrimPrefix(h.String(), `{"msg":`), "}\n")
		}
		w := quoted(want)
		for place, c := range map[string]struct{ got, want string }{
			"message":   {encoded(t, encode.Redact{}, in), `"msg":` + w + `}`},
			"string":    {encoded(t, encode.Redact{}, "m", slog.String("k", in)), `"msg":"m","k":` + w + `}`},
			"error":     {encoded(t, encode.Redact{}, "m", slog.Any("k", errors.New(in))), `"msg":"m","k":` + w + `}`},
			"panic":     {encoded(t, encode.Redact{}, "m", slog.Any("k", valuerPanic{in})), `"msg":"m","k":"!PANIC: ` + w[1:] + `}`},
			"key":       {encoded(t, encode.Redact{}, "m", slog.Int(in, 1)), `"msg":"m",` + w + `:1}`},
			"slice":     {encoded(t, encode.Redact{}, "m", slog.Any("k", []string{in})), `"msg":"m","k":[` + w + `]}`},
			"map key":   {encoded(t, encode.Redact{}, "m", slog.Any("k", map[string]int{in: 1})), `"msg":"m","k":{` + w + `:1}}`},
			"group key": {encoded(t, encode.Redact{}, "m", slog.Group(in, "a", 1)), `"msg":"m",` + w + `:{"a":1}}`},
		} {
			if c.got != c.want {
				t.Errorf("%s %q\ngot  %s\nwant %s", place, in, c.got, c.want)
			}
		}
	}
}

func TestPasswordsInEscapedURLsAreMasked(t *testing.T) {
	e := newEncoder(t, encode.Options{})
	for in, want := range map[string]string{
		`{"a":"http:\/\/u:hunter2@h\/x\n"}`:               `{"a":"http:\/\/u:***@h\/x\n"}`,
		`{"a":"http\u003a//u\u003Ahunter2\u0040h"}`:       `{"a":"http\u003a//u\u003A***\u0040h"}`,
		`{"a":"\ud83d\ude00 x:\/\/\u00fc:\ud83dp@h \\"}`:  `{"a":"\ud83d\ude00 x:\/\/\u00fc:***@h \\"}`,
		`{"a":["\\",{"b":"x://u:p\"q@h"}]}`:               `{"a":["\\",{"b":"x://u:p\"q@h"}]}`,
		`{"x:\/\/u:hunter2@h":"\/@"}`:                     `{"x:\/\/u:***@h":"\/@"}`,
		`{"token":"x://u:hunter2@h","b":"x://u:p@h"}`:     `{"token":"***","b":"x://u:***@h"}`,
		`{"a":"x://u:hunter2@h","b":"\/","token":[1,{}]}`: `{"a":"x://u:***@h","b":"\/","token":"***"}`,
	} {
		got, ok := e.AppendObject(nil, []byte(in))
		if !ok || string(got) != want {
			t.Errorf("%s, %v\ngot  %s\nwant %s", in, ok, got, want)
		}
	}
}

func TestPatternsApplyToEveryStringValue(t *testing.T) {
	redact := encode.Redact{Patterns: []string{`\b\d{4}-\d{4}\b`, `ey[A-Z]+`, `x*`, `[äé]+`}}
	for in, want := range map[string]string{
		"card 1234-5678 ok": "card *** ok", "eyABC eyD": "*** ***", "eyABC1234-5678": "***1234-5678", "none": "none", "": "",
		"äéb": "***b", "x://u:eyABC@h": "***://u:***@h", "xx\n1234-5678\xff": "***\\n***\\ufffd",
	} {
		if got, want := encoded(t, redact, in, slog.Any("a", errors.New(in)), slog.Group("g", "s", in)), `"msg":"`+want+`","a":"`+want+`","g":{"s":"`+want+`"}}`; got != want {
			t.Errorf("%q\ngot  %s\nwant %s", in, got, want)
		}
		if in == "" || strings.ContainsAny(in, "\n") {
			continue // encoding/json writes \ufffd itself
		}
		if got, want := encoded(t, redact, "m", slog.Any("a", []any{in, map[string]any{"k": in}})), `"msg":"m","a":["`+want+`",{"k":"`+want+`"}]}`; got != want {
			t.Errorf("%q\ngot  %s\nwant %s", in, got, want)
		}
	}
	if got, want := encoded(t, redact, "m", slog.Int("1234-5678", 12345678), slog.Any("j", json.RawMessage(`{"1234-5678":"1234\u002d5678"}`))), `"msg":"m","1234-5678":12345678,"j":{"1234-5678":"***"}}`; got != want {
		t.Errorf("keys and numbers\ngot  %s\nwant %s", got, want)
	}
}

func TestPatternsLeaveTimeAndLevelOfARecordAlone(t *testing.T) {
	redact := encode.Redact{Patterns: []string{`\d{4}-\d\d-\d\d`, `(?i)err\w*`, `(?i)warn\w*`}}
	at := time.Date(2026, 11, 22, 3, 4, 5, 0, time.UTC)
	same := func(_ []string, a slog.Attr) slog.Attr { return a }
	for _, o := range []encode.Options{{Redact: redact}, {Redact: redact, ReplaceAttr: same}} {
		e := newEncoder(t, o)
		r := slog.NewRecord(at, slog.LevelError, "an error of 2026-11-22", 0)
		r.AddAttrs(slog.String("level", "error"), slog.Any("least", slog.LevelWarn))
		got := string(e.AppendRecord(nil, &r, nil))
		if want := `{"time":"2026-11-22T03:04:05Z","level":"ERROR","msg":"an *** of ***","level":"***","least":"WARN"}`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		got = string(e.AppendLine(nil, at, slog.LevelError, []byte("an error of 2026-11-22"), 22))
		if want := `{"time":"2026-11-22T03:04:05Z","level":"ERROR","msg":"an *** of ***"}`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	for in, want := range map[string]string{
		`{"ts":"2026-11-22T03:04:05Z","lvl":"ERR","msg":"error","due":"2026-11-22"}`:                                                 `{"ts":"2026-11-22T03:04:05Z","lvl":"ERR","msg":"***","due":"***"}`,
		`{"due":"2026-11-22","l\u0065vel":"w\u0061rn","time":"2026-11-22 03:04:05","a":{"level":"error"}}`:                           `{"due":"***","l\u0065vel":"w\u0061rn","time":"2026-11-22 03:04:05","a":{"level":"***"}}`,
		`{"@timestamp":"2026-11-22T03:04:05Z","log":{"logger":"error","level":"error","a":{"level":"error"}},"b":{"level":"error"}}`: `{"@timestamp":"2026-11-22T03:04:05Z","log":{"logger":"***","level":"error","a":{"level":"***"}},"b":{"level":"***"}}`,
		// What tells neither is no exception.
		`{"time":"2026-11-22 or so","level":"errors","severity":{"level":"error"},"level":["error"]}`: `{"time":"*** or so","level":"***","severity":{"level":"***"},"level":["***"]}`,
	} {
		var lines encode.Lines
		lines.Begin(newEncoder(t, encode.Options{Redact: redact}), time.Time{}, slog.LevelInfo)
		got, told, level := lines.Append(nil, []byte(in), int64(len(in)))
		if string(got) != want {
			t.Errorf("%s became\n%s, want\n%s", in, got, want)
		}
		if tells := !strings.Contains(in, "or so"); tells != told.Equal(at) || tells != (level >= slog.LevelWarn) {
			t.Errorf("%s is of level %v at %v", in, level, told)
		}
	}
}

func TestOverlappingMatchesAreOneMask(t *testing.T) {
	redact := encode.Redact{Patterns: []string{"bcd", "def", "ghi", "cde", "a"}}
	for in, want := range map[string]string{"abcdefghi": "*********", "bcdef": "***", "-bcde-": "-***-", "x://u:ghi@def": "x://u:***@***"} {
		if got := encoded(t, redact, in); got != `"msg":"`+want+`"}` {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestMaskingTakesLinearTime(t *testing.T) {
	// A quadratic search would take a minute and more for some of these.
	e := newEncoder(t, encode.Options{MaxRecord: 64 << 20})
	for _, unit := range []string{
		"://", "://a:b", "://a:b/", "://a:b?@", "://@:", ":/", "@", "://[:", `:\/\/`, `:\/\/a:b`, `://a:b@:\/\/a:b@`, `"`, `"\`, `" `, `"token":"`, `"token":{`, `"token":[[`, `{"token":`, `"token": `, `"token":"a`,
	} {
		text := strings.Repeat(unit, 1<<20/len(unit)) + " @"
		e.AppendLine(nil, time.Time{}, slog.LevelInfo, []byte(text), int64(len(text))+1)
	}
}
