package encode

import (
	"encoding/json"
	"sync"
)

// state is what one call needs besides its Encoder. It is pooled. A call that
// ends by runtime.Goexit in a user's method never gives its state back, so no
// other call meets one in the middle of its work; a user's method that logs uses
// another state.
type state struct {
	e       *Encoder
	buf     []byte // the caller's, with what has been appended to it
	base    int    // where the record begins in buf
	depth   int    // objects open around the next attribute
	nesting int    // groups around the next attribute, those without a key too
	open    []string
	builtin bool // the next attribute is one of the record's own
	stamp   stamp

	json   *json.Encoder // its Write is jsonWriter's
	status status        // how jsonWriter fared

	// Scratch.
	kinds   []uint64 // of open JSON values, a bit for each: an object, or else an array
	spans   []span
	text    []byte
	offsets []int
	head    []byte // of a cut line, masked
}

var states = sync.Pool{New: func() any {
	s := &state{open: make([]string, 0, 8)}
	s.json = json.NewEncoder((*jsonWriter)(s))
	s.json.SetEscapeHTML(false)
	return s
}}

// maxPooled is the largest buffer in bytes that is kept for another call, as in
// log/slog.
const maxPooled = 16 << 10

func getState(e *Encoder, dst []byte) *state {
	s := states.Get().(*state)
	s.e = e
	s.buf = dst
	s.base = len(dst)
	s.depth, s.nesting = 1, 0
	if e.replace != nil {
		s.open = append(s.open[:0], e.groups...)
	}
	return s
}

// release gives s back and returns its buffer. Nothing in the pool refers to the
// caller's memory.
func (s *state) release() []byte {
	e, out := s.e, s.buf
	s.e, s.buf = nil, nil
	if e.replace != nil {
		clear(s.open[:cap(s.open)])
		s.open, s.builtin = s.open[:0], false
	}
	if cap(s.text)|cap(s.head) > maxPooled || cap(s.offsets)|cap(s.spans)|cap(s.kinds) > maxPooled/16 {
		s.text, s.head, s.offsets, s.spans, s.kinds = nil, nil, nil, nil, nil
	}
	states.Put(s)
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
