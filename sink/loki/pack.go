package loki

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
)

// other is the label of the values beyond Config.LabelValues.
const other = "other"

// stream is the records of a batch that have the same labels.
type stream struct {
	labels string // as JSON
	json   []byte // the stream up to its last record; of the first one, with what stands before it

	empty          bool  // it has no record yet
	oldest, newest int64 // times of the records
}

// packer puts the records of a batch into the streams of a request. Its memory is used
// again for the next batch.
type packer struct {
	*destination
	now     time.Time
	streams []stream // in the order of their first records
	index   map[string]int
	refused []sink.ItemError
	oldest  map[string]int64 // the oldest record of each stream by its labels; nil: not known yet
	raw     []encode.Raw     // values of a record's fields
	before  []encode.Raw     // those that are labels, of the record before
	current int              // the stream of that record; -1: there is none
	labels  []byte           // those of a record
	text    []byte
	fit     []byte
}

// maxKept is the capacity of the streams up to which a packer is used again: several
// times what a batch makes.
const maxKept = 4 << 20

// packer returns one for release.
func (d *destination) packer() *packer {
	if p, ok := d.packers.Get().(*packer); ok {
		return p
	}
	n := len(d.fields.names)
	return &packer{destination: d, index: map[string]int{}, raw: make([]encode.Raw, n), before: make([]encode.Raw, d.fields.labels)}
}

// release lets the next batch have p's memory, which what pack has returned is part of.
func (p *packer) release() {
	p.reset()
	p.oldest = nil
	kept := cap(p.text)
	for _, s := range p.streams[:cap(p.streams)] {
		kept += cap(s.json)
	}
	if kept <= maxKept {
		p.packers.Put(p)
	}
}

// reset forgets the records.
func (p *packer) reset() {
	p.streams, p.refused, p.current = p.streams[:0], nil, -1
	clear(p.index)
	clear(p.raw)
	clear(p.before)
}

// pack returns the body of the request for batch, and the records that are not in it
// because a limit was passed. Those that are only for a later request are postponed; another
// record of their stream is in this one.
func (p *packer) pack(batch []sink.Record, now time.Time) ([]byte, []sink.ItemError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = now
	p.reset()
	p.addAll(batch)
	if p.tooWide() {
		p.oldest = make(map[string]int64, len(p.streams))
		for _, s := range p.streams {
			p.oldest[s.labels] = s.oldest
		}
		p.reset()
		p.addAll(batch)
	}
	return p.body(), p.refused
}

func (p *packer) addAll(batch []sink.Record) {
	for i := range batch {
		if verdict, err := p.add(&batch[i]); err != nil {
			p.refused = append(p.refused, sink.ItemError{Index: i, Verdict: verdict, Err: err})
		}
	}
}

// tooWide reports whether a stream spans more time than one request may.
func (p *packer) tooWide() bool {
	return slices.ContainsFunc(p.streams, func(s stream) bool { return p.apart(s.oldest, s.newest) })
}

// apart reports whether two times are too far apart for one request. The difference of
// two int64 always fits into a uint64.
func (p *packer) apart(oldest, at int64) bool {
	return at > oldest && uint64(at)-uint64(oldest) > uint64(p.maxSpan)
}

var errPostponed = errors.New("max-span later than the oldest record of its stream; sent in a later request")

// add puts r into its stream, or says why it is not sent.
func (p *packer) add(r *sink.Record) (sink.Verdict, error) {
	at, err := p.timeOf(r)
	if err != nil {
		return sink.Rejected, err
	}
	line, err := p.line(r.JSON)
	if err != nil {
		return sink.TooLarge, err
	}
	p.fields.find(r, p.raw)
	s := p.stream()
	if oldest, known := p.oldest[s.labels]; known && p.apart(oldest, at) {
		return sink.Postponed, errPostponed
	}
	json := s.json
	if s.empty {
		s.empty, s.oldest, s.newest = false, at, at
	} else {
		s.oldest, s.newest = min(s.oldest, at), max(s.newest, at)
		json = append(json, ',')
	}
	json = append(json, `["`...)
	json = strconv.AppendInt(json, at, 10)
	json = append(json, `",`...)
	json = appendLine(json, line)
	json = p.appendMetadata(json)
	s.json = append(json, ']')
	return 0, nil
}

// body returns the request. It is the first stream, which the others are appended to:
// with one stream nothing is copied.
func (p *packer) body() []byte {
	const end = `]}`
	if len(p.streams) == 0 {
		return nil
	}
	first := &p.streams[0]
	size := len(first.json) + 2*len(end)
	for _, s := range p.streams[1:] {
		size += len(`,`) + len(s.json) + len(end)
	}
	first.json = slices.Grow(first.json, size-len(first.json))
	first.json = append(first.json, end...)
	for _, s := range p.streams[1:] {
		first.json = append(first.json, ',')
		first.json = append(first.json, s.json...)
		first.json = append(first.json, end...)
	}
	first.json = append(first.json, end...)
	return first.json
}

// earliest and latest are the times that nanoseconds since 1970 can say.
var (
	earliest = time.Unix(0, -1<<63)
	latest   = time.Unix(0, 1<<63-1)
)

// timeOf returns r's time in nanoseconds since 1970.
func (p *packer) timeOf(r *sink.Record) (int64, error) {
	switch t := r.Time; {
	case t.IsZero():
		return p.stamps.of(r.ID, p.now), nil
	case t.Before(earliest) || t.After(latest):
		return 0, fmt.Errorf("the time %s cannot be said in nanoseconds since 1970", t.UTC().Format(time.RFC3339))
	case p.maxAge > 0 && p.now.Sub(t) > p.maxAge:
		return 0, fmt.Errorf("the time %s is more than max-age=%v ago", t.UTC().Format(time.RFC3339Nano), sink.Duration(p.maxAge))
	default:
		return t.UnixNano(), nil
	}
}

var errNotJSON = errors.New("the line is longer than max-line and cannot be cut: it is not a JSON object")

// line returns the record's JSON as it is sent.
func (p *packer) line(json []byte) ([]byte, error) {
	line := validUTF8(json)
	if p.maxLine == 0 || len(line) <= p.maxLine {
		return line, nil
	}
	if p.cutter == nil {
		return nil, fmt.Errorf("the line has %d bytes, more than max-line=%v", len(line), sink.Bytes(p.maxLine))
	}
	cut, ok := p.cutter.AppendObject(nil, line)
	if !ok {
		return nil, errNotJSON
	}
	return cut, nil
}

// stream returns that of the record whose fields were found.
func (p *packer) stream() *stream {
	raw := p.raw[:p.fields.labels]
	if p.current >= 0 && slices.EqualFunc(raw, p.before, func(a, b encode.Raw) bool { return bytes.Equal(a, b) }) {
		return &p.streams[p.current] // what a field is becomes the same label each time
	}
	copy(p.before, raw)
	p.labels = append(p.labels[:0], p.destination.labels...)
	for field, value := range raw {
		p.text = appendText(p.text[:0], value)
		p.fit = fitValue(p.fit[:0], p.text)
		if len(p.fit) == 0 {
			continue
		}
		p.labels = append(p.labels, ',')
		p.labels = appendString(p.labels, p.fields.names[field])
		p.labels = append(p.labels, ':')
		if p.admit(field, p.fit) {
			p.labels = appendString(p.labels, p.fit)
		} else {
			p.labels = appendString(p.labels, other)
		}
	}
	p.labels = append(p.labels, '}')
	i, ok := p.index[string(p.labels)]
	if !ok {
		i = p.begin(string(p.labels))
	}
	p.current = i
	return &p.streams[i]
}

// begin begins a stream and returns its index.
func (p *packer) begin(labels string) int {
	i := len(p.streams)
	p.streams = slices.Grow(p.streams, 1)[:i+1]
	s := &p.streams[i]
	*s = stream{labels: labels, json: s.json[:0], empty: true}
	if i == 0 {
		s.json = append(s.json, `{"streams":[`...)
	}
	s.json = append(s.json, `{"stream":`...)
	s.json = append(s.json, labels...)
	s.json = append(s.json, `,"values":[`...)
	p.index[labels] = i
	return i
}

// admit reports whether value is among the first ones of a field. What was admitted once
// stays so, and what was not does too: the labels of a record are the same in each attempt.
func (d *destination) admit(field int, value []byte) bool {
	values := d.values[field]
	if _, ok := values[string(value)]; ok {
		return true
	}
	if len(values) >= d.most {
		return false
	}
	values[string(value)] = struct{}{}
	return true
}

// appendMetadata appends the metadata of the record whose fields were found, as the
// third element of its array, if there is any.
func (p *packer) appendMetadata(dst []byte) []byte {
	room, found := maxMetadata, false
	for _, name := range p.fields.names[p.fields.labels:] {
		room -= len(name)
	}
	for i, value := range p.raw[p.fields.labels:] {
		p.text = head(appendText(p.text[:0], value), room)
		if len(p.text) == 0 {
			continue
		}
		room -= len(p.text)
		if found {
			dst = append(dst, ',')
		} else {
			dst = append(dst, `,{`...)
		}
		found = true
		dst = appendString(dst, p.fields.names[p.fields.labels+i])
		dst = append(dst, ':')
		dst = appendString(dst, p.text)
	}
	if found {
		dst = append(dst, '}')
	}
	return dst
}

// appendLabels appends the beginning of a JSON object.
func appendLabels(dst []byte, labels []label) []byte {
	for i, l := range labels {
		dst = append(dst, "{,"[min(i, 1)])
		dst = appendString(dst, l.name)
		dst = append(dst, ':')
		dst = appendString(dst, l.value)
	}
	return dst
}
