package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// multiline says which lines make one record. Its regular expression is that of
// the line that begins one: every other line belongs to the record before it, as
// Filebeat has it with negate: true and match: after, and Vector with halt_before.
type multiline struct {
	begins  *regexp.Regexp // nil: every line is a record
	line    int            // bytes of a line that are kept
	max     sink.Bytes     // of a record; 0: as much as of a line
	lines   int
	timeout sink.Duration
}

func newMultiline() multiline {
	return multiline{line: maxLine, lines: 1000, timeout: sink.Duration(time.Second)}
}

// bind binds m to flags.
func (m *multiline) bind(fs *flag.FlagSet) {
	fs.Func("multiline", "join lines into one record: a line that matches this `regexp` (RE2) begins one,\nthe others continue the one before; a line that is a JSON object stays alone", m.setBegins)
	fs.Func("multiline-max", "keep this many bytes of a joined record, a `size`; it says how long it was\n(default FAPILOG_MAX_RECORD, or 256KiB, which is also the most)", m.setMax)
	fs.Func("multiline-lines", "begin another record after this `number` of lines (default 1000)", m.setLines)
	fs.Var(&m.timeout, "multiline-timeout", "end a record when no line has come for this `time`; 0: only the next one ends it\n(default 1s)")
}

func (m *multiline) setBegins(s string) error {
	if s == "" {
		return errors.New(`want a regular expression such as '^\d{4}-'`)
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return err
	}
	m.begins = re
	return nil
}

func (m *multiline) setMax(s string) error {
	var b sink.Bytes
	if err := b.Set(s); err != nil {
		return err
	}
	if b < 1 {
		return errors.New("want a size of 1 byte or more")
	}
	m.max = b
	return nil
}

// setLine sets how many bytes of a line are kept: as much as a record can hold.
func (m *multiline) setLine(n int) error {
	m.line = n
	if m.max > sink.Bytes(n) {
		return fmt.Errorf("fapilog: --multiline-max is %v, and a record holds %v; lower it, or raise FAPILOG_MAX_RECORD", m.max, sink.Bytes(n))
	}
	return nil
}

func (m *multiline) setLines(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return errors.New("want a whole number, 1 or more")
	}
	m.lines = n
	return nil
}

// splitter returns what cuts a stream into records. Each stream has one of its own.
// For emit see [splitter].
func (m *multiline) splitter(emit func(line []byte, size int64)) *splitter {
	j := m.joiner(emit)
	if j == nil {
		return &splitter{limit: m.line, emit: emit}
	}
	return &splitter{limit: m.line, emit: j.add, joiner: j}
}

// joiner returns what joins the lines of one stream, or nil if lines are not
// joined.
func (m *multiline) joiner(emit func(record []byte, size int64)) *joiner {
	if m.begins == nil {
		return nil
	}
	return &joiner{begins: m.begins.Match, limit: int(cmp.Or(m.max, sink.Bytes(m.line))), most: m.lines, wait: time.Duration(m.timeout), emit: emit}
}

// joiner joins lines into records, with an LF between two. It has no clock: whoever
// adds lines calls release when none has come for wait, and at the end. It holds
// limit bytes at most, and is not safe for concurrent use.
type joiner struct {
	begins func(line []byte) bool // the line is the first of a record
	limit  int                    // most bytes of a record that are kept
	most   int                    // most lines of a record
	wait   time.Duration          // 0: for ever

	// emit is called for each record, in order: with the record, or with its first
	// limit bytes, and with how many it had. It does not keep record.
	emit func(record []byte, size int64)

	// The record that is not complete yet.
	head  []byte
	size  int64
	lines int // 0: there is none
}

// add takes a line of size bytes, of which line is the first or all. It does not
// keep line.
func (j *joiner) add(line []byte, size int64) {
	if size == int64(len(line)) && isObject(line) {
		j.release()
		j.emit(line, size)
		return
	}
	if j.lines >= j.most || j.begins(line) {
		j.release()
	}
	if j.lines > 0 {
		j.keep([]byte{'\n'}, 1)
	}
	j.keep(line, size)
	j.lines++
}

func (j *joiner) keep(p []byte, size int64) {
	whole := j.size == int64(len(j.head)) // nothing is missing before p
	j.size += size
	if whole {
		j.head = append(j.head, p[:min(len(p), j.limit-len(j.head))]...)
	}
}

// held reports whether there is a record that is not complete yet.
func (j *joiner) held() bool { return j.lines > 0 }

// release emits what there is of a record.
func (j *joiner) release() {
	if j.lines == 0 {
		return
	}
	j.emit(j.head, j.size)
	j.size, j.lines = 0, 0
	if cap(j.head) > chunkSize {
		j.head = nil
	}
	j.head = j.head[:0]
}

// isObject reports whether p is one JSON object. Most lines are seen not to be one
// by their first byte.
func isObject(p []byte) bool {
	p = bytes.TrimLeft(p, " \t\r\n")
	return len(p) > 0 && p[0] == '{' && json.Valid(p)
}
