package loki

import (
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
	values []byte // the records, as the elements of a JSON array

	oldest, newest int64 // times of the records
}

// packer puts the records of a batch into the streams of a request.
type packer struct {
	*destination
	now     time.Time
	streams []stream // in the order of their first records
	index   map[string]int
	refused []sink.ItemError
	oldest  map[string]int64 // the oldest record of each stream by its labels; nil: not known yet
	raw     []encode.Raw     // values of a record's fields
	labels  []byte           // those of a record
	text    []byte
	fit     []byte
}

// pack returns the body of the request for batch, and the records that are not in it
// because a limit was passed. Those that are only for a later request have the verdict
// Retry.
func (d *destination) pack(batch []sink.Record, now time.Time) ([]byte, []sink.ItemError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := packer{destination: d, now: now, index: map[string]int{}, raw: make([]encode.Raw, len(d.fields.names))}
	p.addAll(batch)
	if p.tooWide() {
		p.oldest = make(map[string]int64, len(p.streams))
		for _, s := range p.streams {
			p.oldest[s.labels] = s.oldest
		}
		p.streams, p.index, p.refused = nil, map[string]int{}, nil
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
		return sink.Retry, errPostponed
	}
	if len(s.values) == 0 {
		s.oldest, s.newest = at, at
	} else {
		s.oldest, s.newest = min(s.oldest, at), max(s.newest, at)
		s.values = append(s.values, ',')
	}
	s.values = append(s.values, `["`...)
	s.values = strconv.AppendInt(s.values, at, 10)
	s.values = append(s.values, `",`...)
	s.values = appendString(s.values, line)
	s.values = p.appendMetadata(s.values)
	s.values = append(s.values, ']')
	return 0, nil
}

// body returns the request.
func (p *packer) body() []byte {
	size := len(`{"streams":[]}`)
	for _, s := range p.streams {
		size += len(s.labels) + len(s.values) + len(`{"stream":,"values":[]},`)
	}
	body := append(make([]byte, 0, size), `{"streams":[`...)
	for i, s := range p.streams {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"stream":`...)
		body = append(body, s.labels...)
		body = append(body, `,"values":[`...)
		body = append(body, s.values...)
		body = append(body, `]}`...)
	}
	return append(body, `]}`...)
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
	p.labels = append(p.labels[:0], p.destination.labels...)
	for field, value := range p.raw[:p.fields.labels] {
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
		i = len(p.streams)
		p.streams = append(p.streams, stream{labels: string(p.labels)})
		p.index[p.streams[i].labels] = i
	}
	return &p.streams[i]
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
