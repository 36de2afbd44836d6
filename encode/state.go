package encode

import (
	"encoding/json"
	"log/slog"
	"sync"
)

// Scratch is the memory that one call encodes in. A caller that keeps one from call
// to call saves what [Encoder.AppendRecord] does to find one. The zero value is
// ready to use; it must not be copied afterwards. Two calls must not use one at the same
// time; a method of the user that logs while it is encoded needs another. A call that did not come to its end, because
// such a method panicked or ended the goroutine, does no harm to the next.
type Scratch struct{ state state }

// AppendRecord is [Encoder.AppendRecord] in s's memory. attrs are further attributes
// of the record, behind those of r.
func (s *Scratch) AppendRecord(e *Encoder, dst []byte, r *slog.Record, extra, attrs []slog.Attr) []byte {
	st := &s.state
	st.begin(e, dst)
	st.appendRecord(r, extra, attrs)
	return st.end()
}

// state is what one call needs besides its Encoder.
type state struct {
	e       *Encoder
	set     *settings // e's, or those of the Encoder before
	buf     []byte    // the caller's, with what has been appended to it
	base    int       // where the record begins in buf
	stop    int       // attributes of a buf longer than this are not looked at; see maxOversize
	depth   int       // objects open around the next attribute
	nesting int       // groups around the next attribute, those without a key too
	open    []string
	builtin bool // the next attribute is one of the record's own
	stamp   stamp

	// What adopt takes from set.
	keys     keyCache // none of them needs a mask by the rules
	patterns bool     // the rules have patterns

	json   *json.Encoder // its Write is jsonWriter's
	status status        // how jsonWriter fared

	// Scratch.
	kinds   []uint64 // of open JSON values, a bit for each: an object, or else an array
	spans   []span
	text    []byte
	offsets []int
	head    []byte // a line that is masked
}

// states are for calls that bring no Scratch.
var states = sync.Pool{New: func() any { return new(state) }}

// maxPooled is the largest buffer in bytes that is kept for another call, as in
// log/slog.
const maxPooled = 16 << 10

func getState(e *Encoder, dst []byte) *state {
	s := states.Get().(*state)
	s.begin(e, dst)
	return s
}

// release gives s, which is from getState, back and returns its buffer.
func (s *state) release() []byte {
	out := s.end()
	states.Put(s)
	return out
}

// begin makes s ready to append to dst for e, whatever it has been used for.
func (s *state) begin(e *Encoder, dst []byte) {
	if s.set != e.settings {
		s.adopt(e.settings)
	}
	s.e = e
	s.buf = dst
	s.base = len(dst)
	s.stop = len(dst) + e.stop
	s.depth, s.nesting = 1, 0
	s.builtin = false
	if e.replace != nil {
		s.open = append(s.open[:0], e.groups...)
	}
}

// adopt makes s ready for Encoders with other settings than before.
func (s *state) adopt(set *settings) {
	s.set = set
	s.keys = keyCache{}
	s.patterns = set.rules.hasPatterns()
	if s.json == nil {
		s.json = json.NewEncoder((*jsonWriter)(s))
		s.json.SetEscapeHTML(false)
		s.open = make([]string, 0, 8)
	}
}

// end returns the buffer. Nothing in s refers to the caller's memory any more.
func (s *state) end() []byte {
	e, out := s.e, s.buf
	s.e, s.buf = nil, nil
	if e.replace != nil {
		clear(s.open[:cap(s.open)])
		s.open = s.open[:0]
	}
	if cap(s.text)|cap(s.head) > maxPooled || cap(s.offsets)|cap(s.spans)|cap(s.kinds) > maxPooled/16 {
		s.text, s.head, s.offsets, s.spans, s.kinds = nil, nil, nil, nil, nil
	}
	return out
}

func (s *state) rules() *rules { return s.e.rules }

// setKind notes whether the value opened at depth is an object.
func (s *state) setKind(depth int, isObject bool) {
	i, bit := depth/64, uint64(1)<<(depth%64)
	if i == len(s.kinds) {
		s.kinds = append(s.kinds, 0)
	}
	if isObject {
		s.kinds[i] |= bit
	} else {
		s.kinds[i] &^= bit
	}
}

// inObject reports whether the innermost of depth open values is an object.
func (s *state) inObject(depth int) bool {
	depth--
	return s.kinds[depth/64]&(1<<(depth%64)) != 0
}
