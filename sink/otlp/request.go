package otlp

import (
	"maps"
	"slices"
	"time"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
)

// scope names what has made the records.
const scope = "github.com/fapilog/fapilog"

// encoder makes requests: an ExportLogsServiceRequest
// (https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/collector/logs/v1/logs_service.proto)
// as JSON (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). It is safe for concurrent use.
type encoder struct {
	head   []byte // all that stands before the records
	fields fields
}

// fields are the names of members with a meaning.
type fields struct{ trace, span, flags string }

// tail is what stands behind the records.
const tail = `]}]}]}`

func newEncoder(c Config) *encoder {
	var w writer
	w.raw(`{"resourceLogs":[{"resource":{"attributes":[`)
	resource := c.resource()
	for i, key := range slices.Sorted(maps.Keys(resource)) {
		w.comma(i)
		w.attribute([]byte(key))
		w.raw(`{"stringValue":`)
		w.quote([]byte(resource[key]))
		w.raw(`}}`)
	}
	w.raw(`]},"scopeLogs":[{"scope":{"name":"` + scope + `"},"logRecords":[`)
	return &encoder{head: w.buf, fields: fields{c.TraceField, c.SpanField, c.FlagsField}}
}

// request returns the request with these records. now counts for those that have no
// time.
func (e *encoder) request(batch []sink.Record, now time.Time) []byte {
	w := writer{fields: &e.fields, now: now}
	w.buf = append(make([]byte, 0, len(e.head)+len(tail)+sizeOf(batch)), e.head...)
	for i := range batch {
		w.comma(i)
		w.record(&batch[i])
	}
	w.raw(tail)
	return w.buf
}

// sizeOf estimates how much the records of a batch take. An attribute takes about 40
// bytes more than a member does.
func sizeOf(batch []sink.Record) int {
	n := 0
	for i := range batch {
		n += 360 + 5*len(batch[i].JSON)/2
	}
	return n
}

// writer appends to a request.
type writer struct {
	buf    []byte
	fields *fields
	now    time.Time

	members []member // of the objects that are being written, the innermost ones last
	text    []byte   // to work in
}

// member is one of an object.
type member struct {
	key   []byte     // its text
	value encode.Raw // nil: not to be written
}

func (w *writer) raw(s string) { w.buf = append(w.buf, s...) }

// comma separates the i-th item from the one before.
func (w *writer) comma(i int) {
	if i > 0 {
		w.buf = append(w.buf, ',')
	}
}

// attribute appends a KeyValue up to its value; a } is to follow it.
func (w *writer) attribute(key []byte) {
	w.raw(`{"key":`)
	w.quote(key)
	w.raw(`,"value":`)
}
