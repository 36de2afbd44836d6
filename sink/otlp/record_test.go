package otlp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/otlp"
)

func contextFor(t *testing.T, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), limit)
}

const (
	traceID = "5b8efff798038103d269b633813fc60c"
	spanID  = "eee19b7ec3c1b174"
)

// noon is the time of the records below.
var noon = time.Date(2026, 5, 4, 12, 0, 0, 123456789, time.UTC)

// sent returns the record as a collector gets it.
func sent(t *testing.T, c func(*otlp.Config), r sink.Record) (got logRecord) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := collect(t)
		config := server.config()
		if c != nil {
			c(&config)
		}
		if err := write(t, open(t, config), r); err != nil {
			t.Fatal(err)
		}
		if len(server.accepted) != 1 {
			t.Fatalf("%d records arrived", len(server.accepted))
		}
		got = server.accepted[0]
	})
	return got
}

// attributes is what becomes of a record's members.
type attributes = map[string]any

func TestMembersOfARecord(t *testing.T) {
	ns := uint64(noon.UnixNano())
	for _, test := range []struct {
		name string
		json string
		want logRecord // less the times
	}{
		{"time, level and msg have fields of their own", `{"time":"2026-05-04T12:00:00.123456789Z","level":"WARN","msg":"hello"}`,
			logRecord{Number: 13, Text: "WARN", Body: "hello"}},
		{"in the names of other loggers too", `{"@timestamp":"2026-05-04T14:00:00.123456789+02:00","severity":"warning","message":"hello"}`,
			logRecord{Number: 13, Text: "warning", Body: "hello"}},
		{"a log that is text is no level", `{"log":"warn","level":"warn","msg":"hello"}`, logRecord{Number: 13, Text: "warn", Body: "hello", Attributes: attributes{"log": "warn"}}},
		{"a level that is a number", `{"level":40,"msg":""}`, logRecord{Number: 13, Text: "WARN", Body: ""}},
		{"no members at all", `{}`, logRecord{Number: 13, Text: "WARN"}},
		{"in those of Serilog", `{"@mt":"{A}","@m":"hello","@l":"Warning"}`, logRecord{Number: 13, Text: "Warning", Body: "hello", Attributes: attributes{"@mt": "{A}"}}},
		{"msg goes before message", `{"message":"a","msg":"b"}`, logRecord{Number: 13, Text: "WARN", Body: "b", Attributes: attributes{"message": "a"}}},
		{"a second msg is an attribute", `{"msg":"a","msg":"b"}`, logRecord{Number: 13, Text: "WARN", Body: "a", Attributes: attributes{"msg": "b"}}},
		{"a msg that is no text is an attribute", `{"msg":{"a":1}}`, logRecord{Number: 13, Text: "WARN", Attributes: attributes{"msg": attributes{"a": int64(1)}}}},
		{"a time and a level that are not the record's are attributes", `{"time":"2020-01-01T00:00:00Z","level":"loud","ts":1,"lvl":"ERROR"}`,
			logRecord{Number: 13, Text: "WARN", Attributes: attributes{"time": "2020-01-01T00:00:00Z", "level": "loud", "ts": int64(1), "lvl": "ERROR"}}},
		{"a trace", `{"trace_id":"` + traceID + `","span_id":"` + spanID + `","trace_flags":"01"}`,
			logRecord{Number: 13, Text: "WARN", Trace: traceID, Span: spanID, Flags: 1}},
		{"a trace in upper case, flags as a number", `{"trace_flags":3,"trace_id":"` + strings.ToUpper(traceID) + `"}`,
			logRecord{Number: 13, Text: "WARN", Trace: traceID, Flags: 3}},
		{"ids that are none", `{"trace_id":"` + strings.Repeat("0", 32) + `","span_id":"` + spanID + `","trace_flags":"01"}`,
			logRecord{Number: 13, Text: "WARN", Attributes: attributes{"trace_id": strings.Repeat("0", 32), "span_id": spanID, "trace_flags": "01"}}},
		{"ids of other forms", `{"trace_id":"` + traceID + `","span_id":"` + spanID + `ff","trace_flags":"1"}`,
			logRecord{Number: 13, Text: "WARN", Trace: traceID, Attributes: attributes{"span_id": spanID + "ff", "trace_flags": "1"}}},
		{"a number is no id", `{"trace_id":` + strings.Repeat("1", 34) + `,"span_id":1234567890123456}`,
			logRecord{Number: 13, Text: "WARN", Attributes: attributes{"trace_id": strings.Repeat("1", 34), "span_id": int64(1234567890123456)}}},
		{"values keep their types", `{"s":"a\n\"\u00e9😀","t":true,"f":false,"n":null,"i":-17,"d":1.5e3,"a":[1,"x",[],null],"g":{"k":{"k":2}},"o":{}}`,
			logRecord{Number: 13, Text: "WARN", Attributes: attributes{
				"s": "a\n\"é😀", "t": true, "f": false, "n": nil, "i": int64(-17), "d": 1500.0,
				"a": []any{int64(1), "x", []any{}, nil}, "g": attributes{"k": attributes{"k": int64(2)}}, "o": attributes{},
			}}},
		{"numbers at the limits", `{"max":9223372036854775807,"min":-9223372036854775808,"over":9223372036854775808,"under":-9223372036854775809,"huge":1e400,"tiny":1e-400,"zero":-0,"fraction":3.0}`,
			logRecord{Number: 13, Text: "WARN", Attributes: attributes{
				"max": int64(9223372036854775807), "min": int64(-9223372036854775808), "over": "9223372036854775808", "under": "-9223372036854775809",
				"huge": "1e400", "tiny": 0.0, "zero": 0.0, "fraction": 3.0,
			}}},
		{"the last of several members of one name", `{"a":1,"b":{"x":1,"x":2},"\u0061":3}`,
			logRecord{Number: 13, Text: "WARN", Attributes: attributes{"a": int64(3), "b": attributes{"x": int64(2)}}}},
		{"a member without a name", `{"":1,"g":{"":2}}`, logRecord{Number: 13, Text: "WARN", Attributes: attributes{"_": int64(1), "g": attributes{"_": int64(2)}}}},
		{"text that is not UTF-8", "{\"a\xff\":\"\xfe\",\"s\":\"\\ud800x\"}", logRecord{Number: 13, Text: "WARN", Attributes: attributes{"a\ufffd": "\ufffd", "s": "\ufffdx"}}},
		{"an id of the record's own", `{"log.record.uid":"mine"}`, logRecord{Number: 13, Text: "WARN", Attributes: attributes{"log.record.uid": "mine"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := sent(t, nil, sink.Record{Time: noon, Level: slog.LevelWarn, JSON: []byte(test.json)})
			if test.want.Time, test.want.Observed = ns, ns; !reflect.DeepEqual(got, test.want) {
				t.Errorf("%+v\nwant %+v", got, test.want)
			}
		})
	}
}

// What a logger writes needs no attributes but those of the caller.
func TestRecordOfALogger(t *testing.T) {
	var line strings.Builder
	h := slog.NewJSONHandler(&line, &slog.HandlerOptions{Level: slog.LevelDebug - 4})
	for level, want := range map[slog.Level]string{slog.LevelDebug - 4: "DEBUG-4", slog.LevelInfo: "INFO", slog.LevelError + 1: "ERROR+1"} {
		line.Reset()
		r := slog.NewRecord(noon.In(time.FixedZone("", 3600)), level, "hello", 0)
		r.AddAttrs(slog.Group("http", "status", 200))
		if err := h.Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		got := sent(t, nil, sink.Record{ID: sink.ID{Seq: 7}, Time: noon, Level: level, JSON: []byte(strings.TrimSpace(line.String()))})
		id := strings.Repeat("0", 32) + "-" + "0000000000000007"
		if want := (attributes{"log.record.uid": id, "http": attributes{"status": int64(200)}}); !reflect.DeepEqual(got.Attributes, want) {
			t.Errorf("the attributes are %v, want %v", got.Attributes, want)
		}
		if got.Text != want || got.Body != "hello" || got.Time != uint64(noon.UnixNano()) {
			t.Errorf("%+v", got)
		}
	}
}

func TestSeverity(t *testing.T) {
	for level, want := range map[slog.Level]int{
		-1 << 31: 1, -9: 1, -8: 1, -5: 4, slog.LevelDebug: 5, slog.LevelInfo: 9, 2: 11, slog.LevelWarn: 13,
		slog.LevelError: 17, 11: 20, 12: 21, 15: 24, 16: 24, 1<<31 - 1: 24,
	} {
		if got := sent(t, nil, sink.Record{Time: noon, Level: level, JSON: []byte(`{}`)}); got.Number != want || got.Text != level.String() {
			t.Errorf("%v: %d %s, want %d", level, got.Number, got.Text, want)
		}
	}
}

func TestTimes(t *testing.T) {
	start := uint64(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()) // of a synctest bubble
	for _, test := range []struct {
		time time.Time
		want uint64 // 0: it is not told
	}{
		{noon, uint64(noon.UnixNano())},
		{time.Time{}, 0},
		{time.Unix(0, 1), 1},
		{time.Unix(0, 0), 0},
		{time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC), 0},
		{time.Date(2500, 1, 1, 0, 0, 0, 1, time.UTC), 16725225600000000001},
		{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 0},
	} {
		text := test.time.Format(time.RFC3339Nano)
		got := sent(t, nil, sink.Record{Time: test.time, JSON: fmt.Appendf(nil, `{"time":%q}`, text)})
		observed, attribute := test.want, any(nil)
		if test.want == 0 {
			observed, attribute = start, text // what the fields cannot say is kept
		}
		if got.Time != test.want || got.Observed != observed || got.Attributes["time"] != attribute {
			t.Errorf("%v: %+v", test.time, got)
		}
	}
}

func TestNamesOfMembersCanBeOthers(t *testing.T) {
	got := sent(t, func(c *otlp.Config) { c.TraceField, c.SpanField, c.FlagsField = "dd.trace", "dd.span", "dd.flags" }, sink.Record{
		Time: noon, JSON: []byte(`{"trace_id":"` + traceID + `","dd.trace":"` + traceID + `","dd.span":"` + spanID + `","dd.flags":"ff"}`)})
	if got.Trace != traceID || got.Span != spanID || got.Flags != 255 || !reflect.DeepEqual(got.Attributes, attributes{"trace_id": traceID}) {
		t.Errorf("%+v", got)
	}
}

func TestDeepValuesBecomeText(t *testing.T) {
	for _, brackets := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
		for _, n := range []int{24, 25, 5000} {
			value := strings.Repeat(brackets[0], n) + `"x"` + strings.Repeat(brackets[1], n)
			got := sent(t, nil, sink.Record{Time: noon, JSON: []byte(`{"v":` + value + `}`)}).Attributes["v"]
			depth := 0
			for ; ; depth++ {
				if list, ok := got.([]any); ok {
					got = list[0]
				} else if object, ok := got.(attributes); ok {
					got = object["a"]
				} else {
					break
				}
			}
			want := strings.Repeat(brackets[0], n-24) + `"x"` + strings.Repeat(brackets[1], n-24)
			if n == 24 {
				want = "x"
			}
			if depth != 24 || got != want {
				t.Errorf("%d levels: %d and %v", n, depth, got)
			}
		}
	}
}

func TestManyMembersAreUnique(t *testing.T) {
	var line strings.Builder
	line.WriteString(`{"first":0`)
	const n = 20_000
	for i := range n {
		fmt.Fprintf(&line, `,"k%d":%d`, i%(n/2), i)
	}
	line.WriteString("}")
	got := sent(t, nil, sink.Record{Time: noon, JSON: []byte(line.String())}).Attributes
	if len(got) != n/2+1 || got["k0"] != int64(n/2) || got["k9999"] != int64(n-1) {
		t.Errorf("%d attributes, the first is %v", len(got), got["k0"])
	}
}

func TestResourceAndScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := collect(t)
		c := server.config()
		c.Resource = map[string]string{"service.name": "api", `a"b`: "c\n\xff"}
		s := open(t, c)
		for range 2 {
			if err := write(t, s, sink.Record{Time: noon, JSON: []byte(`{}`)}, sink.Record{Time: noon, JSON: []byte(`{}`)}); err != nil {
				t.Fatal(err)
			}
		}
		for _, q := range server.requests {
			want := attributes{"service.name": "api", `a"b`: "c\n\ufffd"}
			if !reflect.DeepEqual(q.Resource, want) || q.Scope != "github.com/fapilog/fapilog" || len(q.Records) != 2 {
				t.Errorf("%+v", q)
			}
		}
	})
}

func TestOrderIsThatOfTheBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := collect(t)
		var batch []sink.Record
		for i := range 1000 {
			batch = append(batch, sink.Record{ID: sink.ID{Seq: uint64(i)}, Time: noon, JSON: fmt.Appendf(nil, `{"n":%d}`, i)})
		}
		c := server.config()
		c.Gzip = true
		if err := write(t, open(t, c), batch...); err != nil {
			t.Fatal(err)
		}
		for i, r := range server.accepted {
			if r.Attributes["n"] != int64(i) {
				t.Fatalf("record %d is %v", i, r.Attributes)
			}
		}
		if len(server.accepted) != 1000 || server.headers[0].Get("Content-Encoding") != "gzip" || server.sizes[0] > 40_000 {
			t.Errorf("%d records in %d bytes of %s", len(server.accepted), server.sizes[0], server.headers[0].Get("Content-Encoding"))
		}
	})
}

// The same record is the same request in every attempt.
func TestAttemptsAreAlike(t *testing.T) {
	r := sink.Record{ID: sink.ID{Seq: 1}, Time: noon, JSON: []byte(`{"msg":"x"}`)}
	if a, b := sent(t, nil, r), sent(t, nil, r); !reflect.DeepEqual(a, b) {
		t.Errorf("%+v and %+v", a, b)
	}
}

func TestWritingAllocatesLittle(t *testing.T) {
	r := sink.Record{ID: sink.ID{Seq: 1}, Time: noon, JSON: []byte(`{"time":"2026-05-04T12:00:00.123456789Z","level":"INFO","msg":"a\nb","a":{"b":[1,2.5,"\u00e9"]},"trace_id":"` + traceID + `"}`)}
	batch := make([]sink.Record, 1000)
	for i := range batch {
		batch[i] = r
	}
	if n := testing.AllocsPerRun(10, func() { otlp.RequestForTest(batch) }); n > 30 { // the buffers and the encoder
		t.Errorf("%v allocations for %d records", n, len(batch))
	}
}

func BenchmarkRequest(b *testing.B) {
	line, err := json.Marshal(map[string]any{"time": noon, "level": "INFO", "msg": "request served", "method": "GET", "path": "/api/v1/items", "status": 200, "duration": 12.5, "remote": "10.0.0.1", "trace_id": traceID})
	if err != nil {
		b.Fatal(err)
	}
	batch := make([]sink.Record, 1000)
	for i := range batch {
		batch[i] = sink.Record{ID: sink.ID{Seq: uint64(i)}, Time: noon, JSON: line}
	}
	size := 0
	for b.Loop() {
		size = len(otlp.RequestForTest(batch))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
	b.ReportMetric(float64(size)/1000/float64(len(line)), "growth")
}
