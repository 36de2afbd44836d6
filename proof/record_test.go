//go:build unix

package proof

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"strconv"
	"time"
	"unsafe"

	"github.com/fapilog/fapilog/sink"
)

// producer names a goroutine of a child: the child's run, and the goroutine in it. It
// logs records 0, 1, 2 and so on. All of a record follows from its two numbers.
type producer uint32

// large marks a producer whose records have 1000 bytes and more, all alike.
const large producer = 1 << 31

func producerOf(run, goroutine int) producer { return producer(run<<4 | goroutine) }

func (p producer) run() int { return int(p &^ large >> 4) }

// record returns record n of p, which is whole until scratch, which has its text, is
// used again: so that the producers make no garbage where memory is measured.
func (p producer) record(n uint64, scratch []byte) (slog.Record, []byte) {
	scratch = p.appendBody(scratch[:0], n)
	r := slog.NewRecord(p.time(n), level(n), "m", 0)
	r.AddAttrs(slog.Uint64("p", uint64(p)), slog.Uint64("n", n), slog.String("body", unsafe.String(unsafe.SliceData(scratch), len(scratch))))
	return r, scratch
}

func (p producer) time(n uint64) time.Time {
	return time.Unix(1_700_000_000+int64(p&^large), int64(n%1_000_000_000))
}

func level(n uint64) slog.Level { return slog.Level(n % 3 * 4) }

// appendBody appends the text of record n: mostly short, now and then long.
func (p producer) appendBody(dst []byte, n uint64) []byte {
	state := uint64(p)<<32 ^ n
	length := mix(&state) % 300
	switch {
	case p&large != 0:
		length = 1000
	case n%64 == 63:
		length += 2500
	}
	for uint64(len(dst)) < length {
		word := mix(&state)
		for range 8 {
			dst = append(dst, "abcdefghijklmnopqrstuvwxyz012345"[word%32])
			word >>= 8
		}
	}
	return dst
}

// mix is SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the next value after state.
func mix(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// recognise returns whose record r is, and false where it is not, byte for byte, what
// its producer logged.
func recognise(r sink.Record) (p producer, n uint64, ok bool) {
	_, rest, _ := bytes.Cut(r.JSON, []byte(`"p":`))
	first, rest, _ := bytes.Cut(rest, []byte(`,"n":`))
	second, rest, _ := bytes.Cut(rest, []byte(`,"body":"`))
	v, err1 := strconv.ParseUint(string(first), 10, 32)
	n, err2 := strconv.ParseUint(string(second), 10, 64)
	if err1 != nil || err2 != nil {
		return 0, 0, false
	}
	p = producer(v)
	body, found := bytes.CutSuffix(rest, []byte(`"}`))
	ok = found && bytes.Equal(body, p.appendBody(nil, n)) && r.Level == level(n) && r.Time.Equal(p.time(n))
	return p, n, ok
}

// row is a delivered record as a sink of a child writes it down.
type row struct {
	id    sink.ID
	p     producer
	n     uint64
	wrong bool // it is not what anybody logged
}

const rowBytes = 40

func (r row) appendTo(dst []byte) []byte {
	dst = append(dst, r.id.Journal[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, r.id.Seq)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(r.p))
	wrong := uint32(0)
	if r.wrong {
		wrong = 1
	}
	dst = binary.LittleEndian.AppendUint32(dst, wrong)
	return binary.LittleEndian.AppendUint64(dst, r.n)
}

func readRow(b []byte) (r row) {
	copy(r.id.Journal[:], b)
	r.id.Seq = binary.LittleEndian.Uint64(b[16:])
	r.p = producer(binary.LittleEndian.Uint32(b[24:]))
	r.wrong = binary.LittleEndian.Uint32(b[28:]) != 0
	r.n = binary.LittleEndian.Uint64(b[32:])
	return r
}

// message is what a child tells its parent over the pipe. It is one small write, so
// that messages of several goroutines do not mix (pipe(7), PIPE_BUF).
type message struct {
	kind  kind
	who   uint32 // the producer, or the sink's place in the plan
	value uint64
}

type kind uint32

const (
	accepted  kind = iota // the first value records of the producer were accepted and are to survive
	opened                // New has returned, after value nanoseconds
	degraded              // the journal went on in memory
	restored              // and is back on disk
	failed                // an attempt of a sink failed
	delivered             // the sink was given value records
	memory                // the process takes value bytes more of anonymous memory than before New; the most so far
)

const messageBytes = 16

func (m message) bytes() []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, messageBytes), uint32(m.kind))
	b = binary.LittleEndian.AppendUint32(b, m.who)
	return binary.LittleEndian.AppendUint64(b, m.value)
}

func readMessage(b []byte) message {
	return message{kind(binary.LittleEndian.Uint32(b)), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:])}
}
