package encode

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestMetaReadsTimes(t *testing.T) {
	utc := func(y, mo, d, h, m, s, ns int) time.Time {
		return time.Date(y, time.Month(mo), d, h, m, s, ns, time.UTC)
	}
	at := utc(2024, 1, 2, 3, 4, 5, 0)
	for _, tt := range []struct {
		json string
		want time.Time
	}{
		{`"2024-01-02T03:04:05Z"`, at},
		{`"2024-01-02t03:04:05z"`, at},
		{`"2024-01-02T03:04:05.123456789Z"`, at.Add(123456789)},
		{`"2024-01-02T03:04:05.1234567899Z"`, at.Add(123456789)},
		{`"2024-01-02T05:34:05+02:30"`, at},
		{`"2024-01-02T00:34:05-02:30"`, at},
		{`"2024-01-02T05:34:05+0230"`, at},
		{`"2024-01-02T05:04:05+02"`, at},
		{`"2024-01-02 03:04:05"`, at},
		{`"2024-01-02 03:04:05,250"`, at.Add(250 * time.Millisecond)},
		{`"2024-01-02 03:04:05.5 +0000"`, at.Add(500 * time.Millisecond)},
		{`" 2024-01-02T03:04:05 Z "`, at},
		{`"2024-01-02T03:04"`, utc(2024, 1, 2, 3, 4, 0, 0)},
		{`"2024-01-02T03:04Z"`, utc(2024, 1, 2, 3, 4, 0, 0)},
		{`"2024\u002d01-02T03:04:05Z"`, at},
		{`"2024-02-29T00:00:00Z"`, utc(2024, 2, 29, 0, 0, 0, 0)},
		{`"2016-12-31T23:59:60Z"`, utc(2017, 1, 1, 0, 0, 0, 0)}, // a leap second
		{`"0001-01-01T00:00:01Z"`, utc(1, 1, 1, 0, 0, 1, 0)},

		{`1704164645`, at},
		{`"1704164645"`, at},
		{`1704164645.25`, at.Add(250 * time.Millisecond)},
		{`1704164645.123456789`, at.Add(123456789)}, // no float64 holds it
		{`1704164645.1234567899`, at.Add(123456789)},
		{`1.704164645e9`, at},
		{`17041646450e-1`, at},
		{`170416464512.3e-2`, at.Add(123 * time.Millisecond)},
		{`1704164645123`, at.Add(123 * time.Millisecond)},
		{`1704164645123.456789`, at.Add(123456789)},
		{`1704164645123456`, at.Add(123456 * time.Microsecond)},
		{`1704164645123456.789`, at.Add(123456789)},
		{`1704164645123456789`, at.Add(123456789)},
		{`"1704164645123456789"`, at.Add(123456789)},
		{`1.704164645123456789E+18`, at.Add(123456789)},
		{`0`, time.Unix(0, 0)},
		{`0.000000001`, time.Unix(0, 1)},
		{`0.00000000001`, time.Unix(0, 0)},
		{`-1.5`, time.Unix(-2, 5e8)},
		{`99999999999`, time.Unix(99999999999, 0)},
		{`100000000000`, time.UnixMilli(100000000000)},
		{`99999999999999`, time.UnixMilli(99999999999999)},
		{`100000000000000`, time.UnixMicro(100000000000000)},
		{`99999999999999999`, time.UnixMicro(99999999999999999)},
		{`100000000000000000`, time.Unix(0, 100000000000000000)},
		{`99999999999999999999`, time.Unix(99999999999, 999999999)}, // beyond int64
	} {
		got, _, _, _ := Meta([]byte(`{"time":` + tt.json + `}`))
		if !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.json, got, tt.want)
		}
		if got.Location() != time.UTC {
			t.Errorf("%s: in %v", tt.json, got.Location())
		}
	}
}

func TestMetaDoesNotInventTimes(t *testing.T) {
	for _, json := range []string{
		`null`, `true`, `[]`, `{}`, `""`, `"now"`, `"2024-01-02"`, `"2024-1-2T03:04:05Z"`, `"2024-13-02T03:04:05Z"`, `"2024-00-02T03:04:05Z"`,
		`"2023-02-29T03:04:05Z"`, `"2024-01-00T03:04:05Z"`, `"2024-01-02T24:04:05Z"`, `"2024-01-02T03:60:05Z"`, `"2024-01-02T03:04:61Z"`,
		`"2024-01-02T03:04:05.Z"`, `"2024-01-02T03:04:05+"`, `"2024-01-02T03:04:05+2"`, `"2024-01-02T03:04:05+02:"`, `"2024-01-02T03:04:05Zulu"`,
		`"2024-01-02T03:04:0`, `"2024-01-02T03:04:05 UTC"`, `"2024-"`, `"-"`, `"1e"`, `"1e99999"`, `"1.e3"`, `".5"`, `"1_000"`, `"0x10"`, `"Infinity"`,
		`100000000000000000000`, `1e20`, `1e9999`, `"` + strings.Repeat("0", 100) + `"`,
	} {
		if got, _, _, _ := Meta([]byte(`{"time":` + json + `}`)); !got.IsZero() {
			t.Errorf("%s: %v", json, got)
		}
	}
}

func TestMetaReadsLevels(t *testing.T) {
	for want, all := range map[slog.Level][]string{
		-8: {`"trace"`, `"TRACE"`, `"Verbose"`, `"finest"`, `"finer"`, `10`, `"10"`},
		-4: {`"debug"`, `"Debug"`, `"fine"`, `7`, `20`, `"20"`},
		0:  {`"info"`, `"INFO"`, `"INFO "`, `"Information"`, `"informational"`, `6`, `"6"`, `30`},
		2:  {`"notice"`, `5`, `35`, `"INFO+2"`, `"warn-2"`},
		4:  {`"warn"`, `"WARNING"`, `4`, `40`},
		6:  {`"WARN+2"`, `45`},
		8:  {`"error"`, `"err"`, `"SEVERE"`, `3`, `50`},
		12: {`"critical"`, `"crit"`, `"FATAL"`, `"dpanic"`, `"ERROR+4"`, `"\u0066atal"`, `2`, `60`},
		14: {`"alert"`, `1`},
		16: {`"emergency"`, `"emerg"`, `"panic"`, `0`, `"0"`},
		-9: {`"DEBUG-5"`},
	} {
		for _, json := range all {
			if _, got, ok, _ := Meta([]byte(`{"level":` + json + `}`)); !ok || got != want {
				t.Errorf("%s: %d, %v, want %d", json, got, ok, want)
			}
		}
	}
	for _, json := range []string{`null`, `true`, `{}`, `[]`, `""`, `" "`, `"default"`, `8`, `9`, `61`, `-1`, `1.5`, `3e1`, `"30.0"`, `"INFO+"`, `"INFO+x"`, `"INFO+2-1"`, `"+2"`, `"INFO+12345"`, `99999999999`, `"infoo"`} {
		if _, got, ok, _ := Meta([]byte(`{"level":` + json + `}`)); ok {
			t.Errorf("%s is taken for level %d", json, got)
		}
	}
}

func TestMetaReadsEveryLevelThatSlogWrites(t *testing.T) {
	for l := slog.Level(-1000); l <= 1000; l++ {
		if _, got, ok, _ := Meta(fmt.Appendf(nil, `{"level":%q}`, l)); !ok || got != l {
			t.Fatalf("%v: %d, %v", l, got, ok)
		}
	}
}

func TestMetaPrefersTheEarlierNameWithAUsableValue(t *testing.T) {
	for _, tt := range []struct{ obj, want string }{
		{`{"ts":1,"time":2}`, "2 - -"},
		{`{"time":2,"ts":1}`, "2 - -"},
		{`{"time":"soon","ts":1}`, "1 - -"},
		{`{"@timestamp":4,"timestamp":3}`, "3 - -"},
		{`{"time":2,"time":3}`, "2 - -"},
		{`{"time":null,"time":3}`, "3 - -"},
		{`{"severity":"error","lvl":"info"}`, "- 0 -"},
		{`{"level":"?","severity":"error"}`, "- 8 -"},
		{`{"message":"b","msg":"a"}`, "- - a"},
		{`{"msg":1,"message":"b"}`, "- - b"},
		{`{"msg":"","message":"b"}`, "- - "},
		{`{"@timestamp":4,"log.level":"error","message":"b"}`, "4 8 b"},
		{`{"@timestamp":4,"log":{"logger":"x","level":"error"},"message":"b"}`, "4 8 b"},
		{`{"log":{"level":"error"},"level":"info"}`, "- 0 -"},
		{`{"log":"level","a":{"log":{"level":"error"}}}`, "- - -"},
		{`{"log":["level"]}`, "- - -"}, {`{"log":{}}`, "- - -"}, {`{"log":{"a":{"level":3}}}`, "- - -"},
		{`{"asctime":"1970-01-01 00:00:05,000","levelname":"CRITICAL","message":"b"}`, "5 12 b"},
		{`{"datetime":"1970-01-01T00:00:05.000000+00:00","level":400,"level_name":"ERROR","message":"b"}`, "5 8 b"},
		{`{"@t":"1970-01-01T00:00:05.0000000Z","@mt":"{A}","@m":"b","@l":"Warning"}`, "5 4 b"},
		{`{"@t":"1970-01-01T00:00:05.0000000Z","@mt":"{A}"}`, "5 - {A}"},
		{`{"Timestamp":"1970-01-01T00:00:05Z","Level":"Fatal","Message":"b"}`, "5 12 b"},
		{`{"Timestamp":"1970-01-01T00:00:05Z","LogLevel":"Information","Message":"b"}`, "5 0 b"},
		{`{"Time":1,"MSG":"x","group":{"msg":"y"}}`, "- - -"},
		{`{"\u0074ime":7,"m\u0073g":"a\tb\ud800"}`, "7 - a\tb\ufffd"},
		{`not JSON`, "- - -"},
	} {
		ts, l, hasLevel, msg := Meta([]byte(tt.obj))
		parts := []string{"-", "-", "-"}
		if !ts.IsZero() {
			parts[0] = fmt.Sprint(ts.Unix())
		}
		if hasLevel {
			parts[1] = fmt.Sprint(int(l))
		}
		if msg != nil {
			parts[2] = string(msg)
		}
		if got := strings.Join(parts, " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.obj, got, tt.want)
		}
	}
}

func TestLinesAreOfTheLevelThatMetaReads(t *testing.T) {
	var l Lines
	l.Begin(newCleanEncoder(t, Options{}), time.Time{}, slog.LevelInfo)
	for _, tt := range []struct {
		obj  string
		want slog.Level
	}{
		{`{"log":"error","message":"b"}`, 0},
		{`{"log":{"level":"error"},"message":"b"}`, 8},
		{`{"log":"error","message":"b"}`, 0},
		{`{"log":{"level":"warn"},"level":"debug"}`, -4},
		{`{"level":"debug","log":{"level":"warn"}}`, -4},
		{`{"a":{"log":{"level":"warn"}}}`, 0},
		{`{"log":{"level":"warn"}}`, 4},
		{`{"a":{"log":1,"level":"warn"},"log":{}}`, 0},
		{`{"log.level":"warn"}`, 4},
		{`{"@t":"2026-01-01T00:00:00Z","@mt":"a","@l":"Error"}`, 8},
		{`{"@t":"2026-01-01T00:00:00Z","@mt":"a"}`, 0},
	} {
		for range 2 {
			if record, _, _, level := l.Next([]byte(tt.obj + "\n")); level != tt.want || string(record) != tt.obj {
				t.Errorf("%s: level %d, want %d", record, level, tt.want)
			}
		}
	}
}

func FuzzMeta(f *testing.F) {
	f.Add(`"2024-01-02T03:04:05.123456789+01:00"`)
	f.Add(`1704164645.123456789e3`)
	f.Add(`"WARN+2"`)
	f.Fuzz(func(t *testing.T, v string) {
		for _, key := range []string{"time", "level", "msg"} {
			ts, _, hasLevel, msg := Meta([]byte(`{"` + key + `":` + v + `}`))
			if y := ts.Year(); y < -3200 || y > 10000 {
				t.Fatalf("%s: year %d", v, y)
			}
			if hasLevel && key != "level" && !strings.Contains(v, ":") {
				t.Fatalf("%s: has a level under %s", v, key)
			}
			if !utf8.Valid(msg) {
				t.Fatalf("%s: message is not UTF-8", v)
			}
		}
		want, err := time.Parse(time.RFC3339Nano, v)
		if err != nil || want.Second() == 60 {
			return
		}
		if got, _, _, _ := Meta([]byte(`{"time":"` + v + `"}`)); !got.Equal(want) {
			t.Fatalf("%s: %v, want %v", v, got, want)
		}
	})
}

func ExampleMeta() {
	t, level, hasLevel, msg := Meta([]byte(`{"ts":1704164645250,"level":40,"msg":"disk almost full"}`))
	fmt.Println(t, level, hasLevel, string(msg))
	// Output: 2024-01-02 03:04:05.25 +0000 UTC WARN true disk almost full
}
