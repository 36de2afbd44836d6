package syslog

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fapilog/fapilog/sink"
)

// testConfig is one whose header does not depend on the machine, and that keeps its
// connection.
func testConfig(change ...func(*Config)) *Config {
	c := &Config{Host: "logs", Hostname: "web-1", AppName: "api", ProcID: "4711", Confirm: Never}
	for _, f := range change {
		f(c)
	}
	return c
}

// render returns a record as a message, after the strict parser has read it.
func render(t testing.TB, c *Config, r sink.Record) (string, message) {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	f := newForm(c)
	b := f.append(nil, &r)
	m, err := parse(b)
	if err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	if !utf8.Valid(b) {
		t.Errorf("not UTF-8: %q", b)
	}
	if len(b) > int(c.maxMsg()) {
		t.Errorf("the message has %d bytes, more than %d", len(b), c.maxMsg())
	}
	return string(b), m
}

func TestARecordIsOneMessage(t *testing.T) {
	when := time.Date(2023, 11, 14, 23, 13, 20, 42999, time.FixedZone("", 3600))
	for _, test := range []struct {
		name   string
		change func(*Config)
		record sink.Record
		want   string
	}{
		{"as it is", func(*Config) {}, sink.Record{Time: when, JSON: []byte(`{"msg":"a\nb","n":"ü"}`)},
			`<14>1 2023-11-14T22:13:20.000042Z web-1 api 4711 - - {"msg":"a\nb","n":"ü"}`},
		{"without a time", func(*Config) {}, sink.Record{JSON: []byte(`{}`)}, `<14>1 - web-1 api 4711 - - {}`},
		{"with a year that the format does not have", func(*Config) {}, sink.Record{Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), JSON: []byte(`{}`)}, `<14>1 - web-1 api 4711 - - {}`},
		{"with white space", func(*Config) {}, sink.Record{JSON: []byte("{\n\t\"a\": 1\r\n}")}, `<14>1 - web-1 api 4711 - - {  "a": 1  }`},
		{"with bytes that are not UTF-8", func(c *Config) { c.Fields = sink.List{"a"} }, sink.Record{JSON: []byte("{\"a\":\"\xffü\xed\xa0\x80\"}")},
			`<14>1 - web-1 api 4711 - [fields@32473 a="` + "\ufffdü\ufffd\ufffd\ufffd" + `"] {"a":"` + "\ufffdü\ufffd\ufffd\ufffd" + `"}`},
		{"with a facility", func(c *Config) { c.Facility = "Local3" }, sink.Record{Level: slog.LevelError, JSON: []byte(`{}`)}, `<155>1 - web-1 api 4711 - - {}`},
		{"with a header that has to be made to fit", func(c *Config) {
			c.Hostname, c.AppName, c.ProcID, c.MsgID = "wéb 1\n", strings.Repeat("x", 49), "-", "\x7f"
		}, sink.Record{JSON: []byte(`{}`)}, `<14>1 - w_b_1_ ` + strings.Repeat("x", 48) + ` - _ - {}`},
		{"with fields", func(c *Config) { c.Fields = sink.List{"user.id", "a", "e]\"=é", "none", "null", "o", "empty"} },
			sink.Record{JSON: []byte(`{"a":"q\"b\\s]\n\u001b","e]\"=é":1,"user":{"id":7},"null":null,"o":{"x":[true]},"empty":""}`)},
			`<14>1 - web-1 api 4711 - [fields@32473 user.id="7" a="q\"b\\s\]\\n\\u001b" e____="1" o="{\"x\":[true\]}" empty=""] {"a":"q\"b\\s]\n\u001b","e]\"=é":1,"user":{"id":7},"null":null,"o":{"x":[true]},"empty":""}`},
		{"without any of the fields", func(c *Config) { c.Fields = sink.List{"a"} }, sink.Record{JSON: []byte(`{}`)}, `<14>1 - web-1 api 4711 - - {}`},
		{"with an id of one's own", func(c *Config) { c.Fields, c.SDID = sink.List{"a.b"}, "x@1.2" }, sink.Record{JSON: []byte(`{"a":{"c":1},"a.b":2}`)},
			`<14>1 - web-1 api 4711 - [x@1.2 a.b="2"] {"a":{"c":1},"a.b":2}`},
		{"as text", func(c *Config) { c.Message = Msg }, sink.Record{JSON: []byte("{\"msg\":\"a\\nb\\\\n \\u001b[31m\\u2028\\u202e\\u0085\\ufeff \\\"q\\\" ü\"}")},
			`<14>1 - web-1 api 4711 - - a\nb\n \u001b[31m\u2028\u202e\u0085\ufeff "q" ü`},
		{"as text that begins with a byte order mark", func(c *Config) { c.Message = Msg }, sink.Record{JSON: []byte(`{"msg":"\ufeff"}`)}, `<14>1 - web-1 api 4711 - - \ufeff`},
		{"as text that is empty", func(c *Config) { c.Message = Msg }, sink.Record{JSON: []byte(`{"msg":""}`)}, `<14>1 - web-1 api 4711 - - `},
		{"as text without one", func(c *Config) { c.Message = Msg }, sink.Record{JSON: []byte(`{"m":1}`)}, `<14>1 - web-1 api 4711 - - {"m":1}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, _ := render(t, testConfig(test.change), test.record); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestLevelsBecomeSeverities(t *testing.T) {
	for level, want := range map[slog.Level]int{-8: 7, -4: 7, -1: 7, 0: 6, 1: 6, 2: 5, 3: 5, 4: 4, 7: 4, 8: 3, 11: 3, 12: 2, 13: 2, 14: 1, 15: 1, 16: 0, 100: 0} {
		for number, name := range facilities {
			_, m := render(t, testConfig(func(c *Config) { c.Facility = strconv.Itoa(number) }), sink.Record{Level: level, JSON: []byte(`{}`)})
			if m.severity != want || m.facility != number {
				t.Errorf("%v of %s is severity %d of facility %d, want %d of %d", level, name, m.severity, m.facility, want, number)
			}
		}
	}
}

func TestTheHeaderNamesMachineAndProgram(t *testing.T) {
	_, m := render(t, &Config{Host: "logs"}, sink.Record{JSON: []byte(`{}`)})
	host, _ := os.Hostname()
	if m.host != printable(host, maxHostname) || m.app != printable(programName(), maxAppName) || m.procID != strconv.Itoa(os.Getpid()) || m.msgID != "-" || m.facility != 1 {
		t.Errorf("%+v", m)
	}
}

func TestALongRecordIsCutAndMarked(t *testing.T) {
	long := strings.Repeat("ü€", 2000)
	obj := []byte(fmt.Sprintf(`{"time":"2023-11-14T22:13:20Z","level":"INFO","msg":"x","a":"%s","b":1}`, long))
	t.Run("JSON remains an object", func(t *testing.T) {
		_, m := render(t, testConfig(), sink.Record{JSON: obj})
		var got struct {
			Time, Level, Msg, A string
			B                   int
			Truncated           bool
			Size                int `json:"original_size"`
		}
		if err := json.Unmarshal([]byte(m.text), &got); err != nil {
			t.Fatal(err)
		}
		if !got.Truncated || got.Size != len(obj) || got.Msg != "x" || got.Level != "INFO" || got.B != 1 || !strings.HasPrefix(long, got.A) || len(got.A) < 7000 {
			t.Errorf("%.200s…", m.text)
		}
	})
	for name, test := range map[string]struct {
		change func(*Config)
		json   string
		whole  string
	}{
		"text":                              {func(c *Config) { c.Message, c.MaxMessage = Msg, 500 }, `{"msg":"` + long + `"}`, long},
		"JSON that has too little room":     {func(c *Config) { c.MaxMessage = 500 }, string(obj), string(obj)},
		"what is no JSON, and not UTF-8":    {func(*Config) {}, strings.Repeat("\xffx", 4000), strings.Repeat("\ufffdx", 4000)},
		"what is no JSON":                   {func(*Config) {}, strings.Repeat("x", 9000), strings.Repeat("x", 9000)},
		"JSON behind much structured data":  {func(c *Config) { c.MaxMessage, c.Fields = 2000, sink.List{"a"} }, string(obj), string(obj)},
		"a datagram by the limit of others": {func(c *Config) { c.Transport, c.Message = UDP, Msg }, `{"msg":"` + long + `"}`, long},
	} {
		t.Run(name, func(t *testing.T) {
			c := testConfig(test.change)
			b, m := render(t, c, sink.Record{JSON: []byte(test.json)})
			head, ok := strings.CutSuffix(m.text, fmt.Sprintf(" [truncated from %d bytes]", len(test.whole)))
			if !ok || !strings.HasPrefix(test.whole, head) || !utf8.ValidString(head) || len(b) < int(c.maxMsg())-2 {
				t.Errorf("%d bytes: %s", len(b), b)
			}
		})
	}
}

func TestStructuredDataLeavesRoomForTheMessage(t *testing.T) {
	c := testConfig(func(c *Config) { c.Fields, c.MaxMessage, c.Message = sink.List{"a", "b", "c"}, 600, Msg })
	for name, test := range map[string]struct{ a, b, want string }{
		"a value is cut":                       {strings.Repeat(`]`, 900), "", "..."},
		"the second is cut":                    {"1", strings.Repeat("é", 900), "..."},
		"what has no room is left out":         {strings.Repeat("x", 252), strings.Repeat("y", 900), "x"},
		"what is escaped is cut as a whole":    {strings.Repeat(`\u0001`, 900), "", "..."},
		"a value that just fits remains whole": {strings.Repeat("x", 200), "y", "y"},
	} {
		t.Run(name, func(t *testing.T) {
			obj := fmt.Sprintf(`{"msg":"the text","a":"%s","b":"%s"}`, test.a, test.b)
			b, m := render(t, c, sink.Record{JSON: []byte(obj)})
			last := ""
			for _, p := range m.params {
				if p[1] != "" {
					last = p[1]
				}
			}
			if m.text != "the text" || !strings.HasSuffix(last, test.want) {
				t.Errorf("%s", b)
			}
		})
	}
}

// Whatever the record, the message is one by the RFC, within its limit, in one line,
// and ends as it should.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"msg":"a","f":"b"}`), int64(0), 0, 600, "f", true)
	f.Add([]byte("{\"msg\":\"\\ufeff\\n\",\"f\":{\"g\":\"]\\\"\\\\\"}}"), int64(1e18), 12, 1500, "f.g", false)
	f.Add([]byte("{\"a\":\"\xff\xff\"}"), int64(0), 0, 600, "a", false)
	f.Add([]byte("\xff\xfe"), int64(-1e18), -9, 480, "\xff=", false)
	f.Fuzz(func(t *testing.T, obj []byte, ns int64, level, limit int, field string, text bool) {
		c := testConfig(func(c *Config) {
			c.MaxMessage, c.AppName, c.MsgID = sink.Bytes(480+max(0, limit)%10000), field, field
			c.Fields.Set(field)
			if text {
				c.Message = Msg
			}
		})
		if c.Validate() != nil {
			return
		}
		b, m := render(t, c, sink.Record{Time: time.Unix(0, ns), Level: slog.Level(level), JSON: obj})
		for _, r := range b {
			if r < ' ' {
				t.Fatalf("a control character in %q", b)
			}
		}
		if json.Valid(obj) && !text && len(obj) < 200 {
			var want, got any
			if json.Unmarshal(obj, &want) != nil || json.Unmarshal([]byte(m.text), &got) != nil || fmt.Sprint(want) != fmt.Sprint(got) {
				t.Errorf("%q becomes %q", obj, m.text)
			}
		}
	})
}
