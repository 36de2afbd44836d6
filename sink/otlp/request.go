package otlp

import (
	"maps"
	"slices"
	"sync"
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
	head    []byte // all that stands before the records
	fields  fields
	writers sync.Pool // of *writer
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

// writer returns one for [encoder.release].
func (e *encoder) writer() *writer {
	if w, ok := e.writers.Get().(*writer); ok {
		return w
	}
	return &writer{fields: &e.fields}
}

// maxKept is the capacity up to which the memory of a request is used again: several
// times what a batch makes.
const maxKept = 8 << 20

// release lets another request have w's memory.
func (e *encoder) release(w *writer) {
	if cap(w.buf) > maxKept || cap(w.text) > maxKept || cap(w.members) > maxKept>>6 {
		return
	}
	clear(w.members[:cap(w.members)]) // they are parts of the records
	e.writers.Put(w)
}

// request returns the request with these records, in w's memory. now counts for those
// that have no time.
func (w *writer) request(head []byte, batch []sink.Record, now time.Time) []byte {
	w.now, w.members = now, w.members[:0]
	w.buf = append(slices.Grow(w.buf[:0], len(head)+len(tail)+sizeOf(batch)), head...)
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
