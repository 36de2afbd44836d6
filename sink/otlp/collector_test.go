package otlp_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/otlp"
	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// logRecord is a LogRecord as a collector understands it.
type logRecord struct {
	Time, Observed uint64
	Number         int
	Text           string
	Body           any
	Attributes     map[string]any
	Flags          uint64
	Trace, Span    string
}

// request is an ExportLogsServiceRequest with at most one resource and scope.
type request struct {
	Resource map[string]any
	Scope    string
	Records  []logRecord
}

// decode reads a request as strictly as the specification of OTLP/JSON allows
// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): names of fields in
// lowerCamelCase and none twice, 64-bit integers as strings, enums as numbers, ids in hexadecimal,
// at most one value in an AnyValue, unique keys, UTF-8, no deeper than 100 messages.
func decode(body []byte) (q request, err error) {
	defer func() {
		if p := recover(); p != nil {
			m, ok := p.(mistake)
			if !ok {
				panic(p)
			}
			err = fmt.Errorf("%s in %s", string(m), body)
		}
	}()
	if !utf8.Valid(body) || surrogate.Match(body) {
		fail("text that is not UTF-8")
	}
	for _, raw := range array(object(body, "resourceLogs")["resourceLogs"]) {
		logs := object(raw, "resource", "scopeLogs", "schemaUrl")
		q.Resource = keyValues(object(logs["resource"], "attributes", "droppedAttributesCount")["attributes"], 3)
		for _, raw := range array(logs["scopeLogs"]) {
			logs := object(raw, "scope", "logRecords", "schemaUrl")
			q.Scope = text(object(logs["scope"], "name", "version", "attributes")["name"])
			for _, raw := range array(logs["logRecords"]) {
				q.Records = append(q.Records, decodeRecord(raw))
			}
		}
	}
	return q, nil
}

// surrogate matches an escape of half a character, which may follow escaped backslashes.
var surrogate = regexp.MustCompile(`(^|[^\\])(\\\\)*\\u[dD][89a-fA-F]`)

// mistake is what decode panics with.
type mistake string

func fail(format string, args ...any) { panic(mistake(fmt.Sprintf(format, args...))) }

func decodeRecord(raw []byte) (r logRecord) {
	o := object(raw, "timeUnixNano", "observedTimeUnixNano", "severityNumber", "severityText", "body", "attributes",
		"droppedAttributesCount", "flags", "traceId", "spanId", "eventName")
	r.Time, r.Observed = fixed64(o["timeUnixNano"]), fixed64(o["observedTimeUnixNano"])
	if r.Observed == 0 {
		fail("no observedTimeUnixNano")
	}
	r.Number = int(number(o["severityNumber"], 24))
	r.Text = text(o["severityText"])
	if o["body"] != nil {
		r.Body = anyValue(o["body"], 5)
	}
	r.Attributes = keyValues(o["attributes"], 5)
	r.Flags = number(o["flags"], 1<<32-1)
	r.Trace, r.Span = id(o["traceId"], 16), id(o["spanId"], 8)
	if r.Span != "" && r.Trace == "" {
		fail("a span without a trace")
	}
	return r
}

// object returns the fields of an object; nil for none.
func object(raw []byte, allowed ...string) map[string]json.RawMessage {
	if raw == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if token, err := d.Token(); token != json.Delim('{') {
		fail("no object, %v", err)
	}
	fields := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		name, _ := token.(string)
		if err != nil || !slices.Contains(allowed, name) || fields[name] != nil {
			fail("the field %q, %v", name, err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			fail("%s: %v", name, err)
		}
		fields[name] = value
	}
	if _, err := d.Token(); err != nil {
		fail("%v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		fail("something behind an object: %v", err)
	}
	return fields
}

func array(raw []byte) (items []json.RawMessage) {
	if raw != nil && (raw[0] != '[' || json.Unmarshal(raw, &items) != nil) {
		fail("no array")
	}
	return items
}

func text(raw []byte) (s string) {
	if raw != nil && (raw[0] != '"' || json.Unmarshal(raw, &s) != nil) {
		fail("no string")
	}
	return s
}

func number(raw []byte, most uint64) uint64 {
	if raw == nil {
		return 0
	}
	n, err := strconv.ParseUint(string(raw), 10, 64)
	if err != nil || n > most {
		fail("the number %s, at most %d", raw, most)
	}
	return n
}

func fixed64(raw []byte) uint64 {
	if raw == nil {
		return 0
	}
	n, err := strconv.ParseUint(text(raw), 10, 64)
	if err != nil {
		fail("%v", err)
	}
	return n
}

func id(raw []byte, n int) string {
	s := text(raw)
	if b, err := hex.DecodeString(s); s != "" && (err != nil || len(b) != n) {
		fail("the id %q", s)
	}
	return s
}

func keyValues(raw []byte, depth int) map[string]any {
	if raw == nil {
		return nil
	}
	values := map[string]any{}
	for _, raw := range array(raw) {
		o := object(raw, "key", "value")
		key := text(o["key"])
		if _, again := values[key]; again || key == "" || o["value"] == nil {
			fail("the key %q", key)
		}
		values[key] = anyValue(o["value"], depth+1)
	}
	return values
}

// anyValue returns a string, bool, int64, float64, []any, map[string]any or nil.
func anyValue(raw []byte, depth int) any {
	if depth++; depth > 100 {
		fail("a value too deep")
	}
	o := object(raw, "stringValue", "boolValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue")
	if len(o) > 1 {
		fail("%d values in one", len(o))
	}
	for kind, raw := range o {
		switch kind {
		case "stringValue":
			return text(raw)
		case "boolValue":
			return string(raw) == "true" || string(raw) != "false" && boolFails(raw)
		case "intValue":
			n, err := strconv.ParseInt(text(raw), 10, 64)
			if err != nil {
				fail("%v", err)
			}
			return n
		case "doubleValue":
			f, err := strconv.ParseFloat(string(raw), 64)
			if err != nil {
				fail("%v", err)
			}
			return f
		case "arrayValue":
			items := []any{}
			for _, raw := range array(object(raw, "values")["values"]) {
				items = append(items, anyValue(raw, depth+1))
			}
			return items
		case "kvlistValue":
			return keyValues(object(raw, "values")["values"], depth+1)
		default:
			fail("a %s", kind)
		}
	}
	return nil
}

func boolFails(raw []byte) bool {
	fail("the bool %s", raw)
	return false
}

// collector is a server that takes only what the specification allows. It keeps what it
// has accepted.
type collector struct {
	*pipe.Listener
	// answer, if set, is asked before anything is kept: true if it has answered.
	answer func(w http.ResponseWriter, q request) bool

	mu       sync.Mutex
	requests []request // all
	accepted []logRecord
	headers  []http.Header
	sizes    []int // of bodies, as sent
}

// collect starts one for the length of the test.
func collect(t *testing.T) *collector {
	t.Helper()
	c := &collector{Listener: pipe.Listen()}
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, size, err := read(r)
		if err != nil {
			t.Error(err)
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		c.requests, c.headers, c.sizes = append(c.requests, q), append(c.headers, r.Header), append(c.sizes, size)
		answer := c.answer
		c.mu.Unlock()
		if answer != nil && answer(w, q) {
			return
		}
		c.accept(q.Records)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"partialSuccess":{}}`)
	})}
	go server.Serve(c.Listener)
	t.Cleanup(func() { server.Close() })
	return c
}

func (c *collector) accept(records []logRecord) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted = append(c.accepted, records...)
}

// read reads a request.
func read(r *http.Request) (q request, size int, err error) {
	if r.Method != "POST" || r.URL.Path != "/v1/logs" || r.Header.Get("Content-Type") != "application/json" {
		return q, 0, fmt.Errorf("%s %s with %s", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return q, 0, err
	}
	size = len(body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return q, 0, err
		}
		if body, err = io.ReadAll(z); err != nil {
			return q, 0, err
		}
	}
	q, err = decode(body)
	return q, size, err
}

// config returns settings for http://collector:4318/v1/logs.
func (c *collector) config() otlp.Config {
	return otlp.Config{Endpoint: otlp.Endpoint{URL: &url.URL{Scheme: "http", Host: "collector:4318", Path: "/v1/logs"}, Dial: c.Dial}}
}

// open returns a sink for the length of the test.
func open(t *testing.T, c otlp.Config) sink.Sink {
	t.Helper()
	s, err := otlp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// write makes an attempt with a deadline of 10 s.
func write(t *testing.T, s sink.Sink, records ...sink.Record) error {
	t.Helper()
	ctx, cancel := contextFor(t, 10*time.Second)
	defer cancel()
	return s.Write(ctx, records)
}
