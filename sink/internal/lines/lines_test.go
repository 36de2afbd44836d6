package lines

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

var errFull = errors.New("full")

// taker takes as many bytes of each write as it is told, and then fails; with no
// more to be told it takes everything.
type taker struct {
	take   []int
	got    []byte
	writes []string
}

func (o *taker) Write(p []byte) (int, error) {
	if len(o.take) == 0 {
		o.got = append(o.got, p...)
		o.writes = append(o.writes, string(p))
		return len(p), nil
	}
	n := min(o.take[0], len(p))
	o.take = o.take[1:]
	o.got = append(o.got, p[:n]...)
	o.writes = append(o.writes, string(p[:n]))
	return n, errFull
}

// records returns records whose JSON is {"n":from} and so on.
func records(from, to int) (batch []sink.Record) {
	for n := from; n < to; n++ {
		batch = append(batch, sink.Record{ID: sink.ID{Journal: [16]byte{1}, Seq: uint64(n)}, JSON: fmt.Appendf(nil, `{"n":%d}`, n)})
	}
	return batch
}

func lines(from, to int) string {
	var b strings.Builder
	for _, r := range records(from, to) {
		fmt.Fprintf(&b, "%s\n", r.JSON)
	}
	return b.String()
}

// items returns the indices that err names.
func items(t *testing.T, err error) (indices []int) {
	t.Helper()
	var e *sink.Error
	if !errors.As(err, &e) {
		return nil
	}
	for _, i := range e.Items {
		if i.Verdict != sink.Retry || !errors.Is(i.Err, errFull) {
			t.Errorf("item %d: %v, %v", i.Index, i.Verdict, i.Err)
		}
		indices = append(indices, i.Index)
	}
	return indices
}

func TestATornLineIsFinishedFirst(t *testing.T) {
	ctx := t.Context()
	w, out := NewWriter(NewStream(), 0, JSON), &taker{take: []int{11, 2, 0}}
	err := w.Write(ctx, out, records(0, 4))
	if got := items(t, err); !slices.Equal(got, []int{1, 2, 3}) || !errors.Is(err, errFull) || w.Torn() != 3 {
		t.Errorf("first attempt: %v, %d bytes torn", err, w.Torn())
	}
	for range 2 { // each gets further into the line, or nowhere
		if err := w.Write(ctx, out, records(1, 4)); err != errFull || w.Torn() != 5 {
			t.Errorf("attempt that only goes on with the line: %v, %d bytes torn", err, w.Torn())
		}
	}
	if err := w.Write(ctx, out, records(1, 4)); err != nil || w.Torn() != 0 {
		t.Errorf("last attempt: %v, %d bytes torn", err, w.Torn())
	}
	if got := string(out.got); got != lines(0, 4) {
		t.Errorf("written: %q", got)
	}
}

func TestTheWholeBatchMayComeAgain(t *testing.T) {
	w, out := NewWriter(NewStream(), 0, JSON), &taker{take: []int{20, 8}}
	for w.Write(t.Context(), out, records(0, 5)) != nil {
	}
	if got := string(out.got); got != lines(0, 5) {
		t.Errorf("written: %q", got)
	}
}

func TestAnotherWriterFinishesTheTornLine(t *testing.T) {
	s := NewStream()
	a, b := NewWriter(s, 0, JSON), NewWriter(s, 0, JSON)
	out := &taker{take: []int{11}}
	if a.Write(t.Context(), out, records(0, 2)) == nil {
		t.Fatal("the first attempt did not fail")
	}
	for _, w := range []*Writer{b, a} {
		if err := w.Write(t.Context(), out, records(0, 2)); err != nil {
			t.Fatal(err)
		}
	}
	// b finishes a's second line and writes both of its own; a has nothing left.
	if got, want := string(out.got), lines(0, 2)+lines(0, 2); got != want {
		t.Errorf("written: %q", got)
	}
}

func TestAForgottenLineIsWrittenAgain(t *testing.T) {
	w, out := NewWriter(NewStream(), 0, JSON), &taker{take: []int{11}}
	if w.Write(t.Context(), out, records(0, 2)) == nil {
		t.Fatal("the first attempt did not fail")
	}
	w.Forget()
	if err := w.Write(t.Context(), out, records(0, 2)); err != nil {
		t.Fatal(err)
	}
	if got, want := string(out.got), lines(0, 1)+`{"n`+lines(1, 2); got != want {
		t.Errorf("written: %q", got)
	}
}

func TestWritesAreWholeLinesWithinTheLimit(t *testing.T) {
	long := sink.Record{JSON: []byte(strings.Repeat("x", 50))}
	batch := slices.Concat(records(0, 5), []sink.Record{long}, records(5, 7))
	w, out := NewWriter(NewStream(), 20, JSON), &taker{}
	if err := w.Write(t.Context(), out, batch); err != nil {
		t.Fatal(err)
	}
	want := []string{lines(0, 2), lines(2, 4), lines(4, 5), string(long.JSON) + "\n", lines(5, 7)}
	if !slices.Equal(out.writes, want) {
		t.Errorf("writes: %q\nwant %q", out.writes, want)
	}
}

// destination has a limit for each write, and an answer for each commit; with no more
// of them there is none, and all is well.
type destination struct {
	taker
	limits  []int
	answers []error
	commits int
}

func (d *destination) Limit() int {
	if len(d.limits) == 0 {
		return -1
	}
	limit := d.limits[0]
	d.limits = d.limits[1:]
	return limit
}

func (d *destination) Commit() error {
	d.commits++
	if len(d.answers) == 0 {
		return nil
	}
	err := d.answers[0]
	d.answers = d.answers[1:]
	return err
}

func TestEachWriteHasItsLimit(t *testing.T) {
	w, out := NewWriter(NewStream(), 1, JSON), &destination{limits: []int{16, 0, 23, 24}}
	if err := w.WriteTo(t.Context(), out, records(0, 9)); err != nil {
		t.Fatal(err)
	}
	if want := []string{lines(0, 2), lines(2, 3), lines(3, 5), lines(5, 8), lines(8, 9)}; !slices.Equal(out.writes, want) || out.commits != 1 {
		t.Errorf("writes: %q, %d commits, want %q and one", out.writes, out.commits, want)
	}
}

var errLost = errors.New("lost")

func TestNothingCountsThatWasNotCommitted(t *testing.T) {
	w, out := NewWriter(NewStream(), 0, JSON), &destination{taker: taker{take: []int{20}}, answers: []error{errLost, errLost, nil}}
	// The first two records and a part of the third are taken.
	err := w.WriteTo(t.Context(), out, records(0, 4))
	if !errors.Is(err, errLost) || !errors.Is(err, errFull) || items(t, err) != nil {
		t.Errorf("first attempt: %v", err)
	}
	// This one finishes the third, and that does not count either.
	if err := w.WriteTo(t.Context(), out, records(0, 4)); err != errLost {
		t.Errorf("second attempt: %v", err)
	}
	if err := w.WriteTo(t.Context(), out, records(0, 4)); err != nil {
		t.Errorf("third attempt: %v", err)
	}
	if got, want := string(out.got), lines(0, 3)+lines(0, 2)+lines(3, 4)+lines(0, 4); got != want {
		t.Errorf("written: %q, want %q", got, want)
	}
}

func TestALineThatAnEarlierAttemptHasFinishedStaysWritten(t *testing.T) {
	w, out := NewWriter(NewStream(), 0, JSON), &destination{taker: taker{take: []int{3, 5, 4, 2}}, answers: []error{nil, nil, errLost}}
	// A part of the first line; the rest and a part of the second; some of its rest.
	for range 3 {
		if err := w.WriteTo(t.Context(), out, records(0, 2)); err == nil {
			t.Error("an attempt that wrote a part has no error")
		}
	}
	if err := w.WriteTo(t.Context(), out, records(0, 2)); err != nil {
		t.Error(err)
	}
	if got := string(out.got); got != lines(0, 2) {
		t.Errorf("written: %q, want %q", got, lines(0, 2))
	}
}

func TestWhatWasCommittedInAFailedAttemptIsNotWrittenAgain(t *testing.T) {
	w, out := NewWriter(NewStream(), 0, JSON), &destination{taker: taker{take: []int{16}}, answers: []error{nil, errLost}}
	if err := w.WriteTo(t.Context(), out, records(0, 4)); !slices.Equal(items(t, err), []int{2, 3}) {
		t.Errorf("first attempt: %v", err)
	}
	for _, want := range []error{errLost, nil} {
		if err := w.WriteTo(t.Context(), out, records(0, 4)); err != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if got, want := string(out.got), lines(0, 4)+lines(2, 4); got != want {
		t.Errorf("written: %q, want %q", got, want)
	}
}

func TestRecordsWithoutAnIDAreNotTakenForEachOther(t *testing.T) {
	w, out := NewWriter(NewStream(), 0, JSON), &taker{take: []int{2}}
	batch := []sink.Record{{JSON: []byte("a")}, {JSON: []byte("b")}}
	if got := items(t, w.Write(t.Context(), out, batch)); !slices.Equal(got, []int{1}) {
		t.Errorf("not written: %v", got)
	}
	if err := w.Write(t.Context(), out, batch[1:]); err != nil || string(out.got) != "a\nb\n" {
		t.Errorf("%v, written: %q", err, out.got)
	}
}

func TestABatchThatIsAbandonedIsNotWrittenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, out := NewWriter(NewStream(), 10, JSON), &taker{}
		slow := writerFunc(func(p []byte) (int, error) {
			time.Sleep(2 * time.Second)
			return out.Write(p)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := w.Write(ctx, slow, records(0, 4))
		if !errors.Is(err, context.DeadlineExceeded) || string(out.got) != lines(0, 2) {
			t.Errorf("%v, written: %q", err, out.got)
		}
		late, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := w.Write(late, slow, records(0, 4)); err != nil { // the second write ends late
			t.Error(err)
		}
		if err := w.Write(t.Context(), slow, records(0, 5)); err != nil {
			t.Error(err)
		}
		if got := string(out.got); got != lines(0, 5) {
			t.Errorf("written: %q", got)
		}
	})
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestAWriterWaitsForItsTurnNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		a, b := NewWriter(s, 0, JSON), NewWriter(s, 0, JSON)
		if err := a.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		a.Release()
		if err := b.Acquire(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestMemoryOfWhatWasWrittenIsBounded(t *testing.T) {
	var s seen
	for n := range 10 * remembered {
		s.add(records(n, n+1))
		oldest := max(0, n-remembered+1)
		if !s.has(records(oldest, oldest+1)[0].ID) {
			t.Fatalf("record %d is forgotten at %d", oldest, n)
		}
	}
	if n := len(s.young) + len(s.old); n > 2*remembered {
		t.Errorf("%d IDs are remembered", n)
	}
}

// Whatever parts are taken, and whether the sender sends again all of a batch or what
// it was told is missing, two Writers' lines arrive whole, in order, once.
func TestLinesSurviveAnyPartialWrites(t *testing.T) {
	for seed := range uint64(500) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		out := &taker{}
		for range rnd.IntN(40) {
			out.take = append(out.take, rnd.IntN(30))
		}
		s := NewStream()
		writers := []*Writer{NewWriter(s, 25, JSON), NewWriter(s, 0, prefixed)}
		left := [][]sink.Record{records(0, 30), records(0, 30)}
		for len(left[0])+len(left[1]) > 0 {
			i := rnd.IntN(2)
			if len(left[i]) == 0 {
				continue
			}
			n := 1 + rnd.IntN(min(8, len(left[i])))
			batch := left[i][:n]
			for err := errFull; err != nil; {
				err = writers[i].Write(t.Context(), out, batch)
				if rest := items(t, err); rest != nil && rnd.IntN(2) == 0 {
					batch = batch[rest[0]:]
				}
				if rnd.IntN(3) == 0 && err != nil {
					break // the other one first
				}
				if err == nil {
					left[i] = left[i][n:]
				}
			}
		}
		var got [2]strings.Builder
		for l := range strings.Lines(string(out.got)) {
			if rest, ok := strings.CutPrefix(l, "B"); ok {
				got[1].WriteString(rest)
			} else {
				got[0].WriteString(l)
			}
		}
		if got[0].String() != lines(0, 30) || got[1].String() != lines(0, 30) {
			t.Fatalf("seed %d: %q", seed, out.got)
		}
	}
}

func prefixed(dst []byte, r sink.Record) []byte { return append(append(dst, 'B'), r.JSON...) }

func TestAWriteDoesNotAllocate(t *testing.T) {
	w, batch := NewWriter(NewStream(), 4096, JSON), records(0, 1000)
	discard := writerFunc(func(p []byte) (int, error) { return len(p), nil })
	if n := testing.AllocsPerRun(10, func() {
		if err := w.Write(t.Context(), discard, batch); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestMemoryOfAHugeLineIsNotKept(t *testing.T) {
	w := NewWriter(NewStream(), 0, JSON)
	for _, size := range []int{maxKept / 2, maxKept} { // and a newline
		if err := w.Write(t.Context(), &taker{}, []sink.Record{{JSON: make([]byte, size)}}); err != nil {
			t.Fatal(err)
		}
		if got := cap(w.buf); got > maxKept || (got == 0) != (size == maxKept) {
			t.Errorf("after %d bytes %d are kept", size, got)
		}
	}
}
