package elasticsearch

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

// documents makes the bodies of bulk requests.
type documents struct {
	index  pattern
	opened time.Time // stands for the time of a record that has none
	field  string    // of the time; empty: none is added
	head   []byte    // {"field":"
}

func newDocuments(index pattern, field string, opened time.Time) documents {
	d := documents{index: index, opened: opened, field: field}
	if field != "" {
		name, _ := json.Marshal(field) // a string can be marshalled
		d.head = append(append([]byte{'{'}, name...), ':', '"')
	}
	return d
}

// actionBytes is what the action of a record takes beside a long name of its
// index, with its time.
const actionBytes = 256

// appendBulk appends the body for batch: two lines for each record.
func (d *documents) appendBulk(body []byte, batch []sink.Record) []byte {
	size := 0
	for i := range batch {
		size += len(batch[i].JSON) + actionBytes
	}
	body = slices.Grow(body, size)
	for i := range batch {
		r := &batch[i]
		t := d.timeOf(r)
		body = append(body, `{"create":{"_index":"`...)
		body = d.index.append(body, t, r.JSON)
		body = append(body, `","_id":"`...)
		body = httppost.AppendID(body, r.ID)
		body = append(body, "\"}}\n"...)
		body = d.appendSource(body, t, r.JSON)
		body = append(body, '\n')
	}
	return body
}

// timeOf returns when r was logged, as far as Elasticsearch can read it. It is the
// same in every attempt: the index may depend on it.
func (d *documents) timeOf(r *sink.Record) time.Time {
	t := r.Time.UTC()
	if y := t.Year(); r.Time.IsZero() || y < 0 || y > 9999 {
		return d.opened.UTC()
	}
	return t
}

// astray reports whether r goes to another index than what is logged now: a member names its index, or
// its time does, and it is an earlier or a later one.
func (d *documents) astray(r *sink.Record, now time.Time) bool {
	return d.index.fields || !bytes.Equal(d.index.append(nil, d.timeOf(r), nil), d.index.append(nil, now, nil))
}

// appendSource appends obj with its time, in one line. What is not UTF-8 becomes
// U+FFFD: Elasticsearch refuses a document that has it.
func (d *documents) appendSource(dst []byte, t time.Time, obj []byte) []byte {
	obj = bytes.Trim(obj, " \t\r\n")
	if !utf8.Valid(obj) {
		obj = bytes.ToValidUTF8(obj, []byte("\uFFFD"))
	}
	if d.field != "" && len(obj) > 0 && obj[0] == '{' && !has(obj, d.field) {
		dst = t.AppendFormat(append(dst, d.head...), time.RFC3339Nano)
		dst = append(dst, '"')
		obj = bytes.TrimLeft(obj[1:], " \t\r\n")
		if len(obj) > 0 && obj[0] != '}' {
			dst = append(dst, ',')
		}
	}
	start := len(dst)
	dst = append(dst, obj...)
	for {
		// In JSON a newline is white space between tokens; here it would end the document.
		i := bytes.IndexByte(dst[start:], '\n')
		if i < 0 {
			return dst
		}
		start += i
		dst[start] = ' '
	}
}

func has(obj []byte, name string) bool {
	for key := range encode.Fields(obj) {
		if key.Is(name) {
			return true
		}
	}
	return false
}
