package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// line is what emit was called with.
type line struct {
	text string
	size int64
}

func (l line) String() string { return fmt.Sprintf("%q of %d bytes", l.text, l.size) }

// collect returns a splitter and the lines that it has emitted.
func collect(limit int) (*splitter, *[]line) {
	lines := new([]line)
	return &splitter{limit: limit, emit: func(p []byte, size int64) {
		*lines = append(*lines, line{string(p), size})
	}}, lines
}

// collectAll is collect with a splitter that emits as many lines at once as it can.
func collectAll(limit int) (*splitter, *[]line) {
	s, lines := collect(limit)
	s.emitAll = func(p []byte) {
		*lines = append(*lines, splitSlowly(p, len(p))...)
	}
	return s, lines
}

// whole returns lines that were not cut.
func whole(texts ...string) (lines []line) {
	for _, t := range texts {
		lines = append(lines, line{t, int64(len(t))})
	}
	return lines
}

func TestLinesEndWithLFOrCRLFAndEachComesOnce(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []line
	}{
		"nothing is no line":                         {"", nil},
		"an LF alone is an empty line":               {"\n", whole("")},
		"a CR LF alone is an empty line":             {"\r\n", whole("")},
		"empty lines count":                          {"\n\na\n\n", whole("", "", "a", "")},
		"the last line needs no end":                 {"a\nb", whole("a", "b")},
		"CR LF is an end":                            {"a\r\nb\r\n", whole("a", "b")},
		"of several CRs one belongs to the end":      {"a\r\r\n", whole("a\r")},
		"a CR in a line is part of it":               {"a\rb\n\rc\n", whole("a\rb", "\rc")},
		"a CR at the end of the input is part of it": {"a\r", whole("a\r")},
		"NUL and invalid UTF-8 are bytes like any":   {"\x00\xff\n\xc3", whole("\x00\xff", "\xc3")},
		"a line as long as the limit is whole":       {"12345678\n12345678", whole("12345678", "12345678")},
		"its CR LF does not count":                   {"12345678\r\n", whole("12345678")},
		"of a longer one the head is kept":           {"123456789\n123456789", []line{{"12345678", 9}, {"12345678", 9}}},
		"whose size is without CR LF":                {"123456789\r\n", []line{{"12345678", 9}}},
		"the next line is none of its":               {"0123456789abcdef\nb\n", []line{{"01234567", 16}, {"b", 1}}},
		"a CR at the limit is cut only if it is one of the end": {"1234567\r\n1234567\rx\n", []line{
			{"1234567", 7}, {"1234567\r", 9}}},
	} {
		t.Run(name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"at once":          strings.NewReader(c.in),
				"byte by byte":     iotest.OneByteReader(strings.NewReader(c.in)),
				"EOF with the end": iotest.DataErrReader(strings.NewReader(c.in)),
			} {
				s, got := collect(8)
				if err := copyLines(t.Context(), source{Reader: r}, s); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(*got, c.want) {
					t.Errorf("%s: %q gave\n%v, want\n%v", how, c.in, *got, c.want)
				}
			}
		})
	}
}

// splitSlowly is the obvious way to do it, with all of the input in memory.
func splitSlowly(in []byte, limit int) (lines []line) {
	texts := bytes.SplitAfter(in, []byte("\n"))
	for _, t := range texts {
		if len(t) == 0 {
			continue // after the last LF
		}
		if text, ended := bytes.CutSuffix(t, []byte("\n")); ended {
			t = bytes.TrimSuffix(text, []byte("\r"))
		}
		lines = append(lines, line{string(t[:min(len(t), limit)]), int64(len(t))})
	}
	return lines
}

// FuzzLines: however the input is cut into pieces, the lines are those of the
// input as a whole.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\nb\n\r\n\rc"), uint8(3), uint8(1))
	f.Add([]byte("0123456789\r\n\n"), uint8(4), uint8(10))
	f.Add([]byte{0, 0xff, '\n', '\r'}, uint8(0), uint8(7))
	f.Fuzz(func(t *testing.T, in []byte, limit, piece uint8) {
		for _, collect := range []func(limit int) (*splitter, *[]line){collect, collectAll} {
			s, got := collect(int(limit))
			for p := range slices.Chunk(in, int(piece)+1) {
				s.write(p)
			}
			s.end()
			if want := splitSlowly(in, int(limit)); !slices.Equal(*got, want) {
				t.Errorf("%q in pieces of %d gave\n%v, want\n%v", in, int(piece)+1, *got, want)
			}
		}
	})
}

// endless is a reader of n zero bytes, without a line's end.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.n == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.n)
	clear(p[:n])
	e.n -= n
	return int(n), nil
}

func TestLongLineTakesNoMoreMemoryThanTheLimit(t *testing.T) {
	const limit, size = 256 << 10, 100 << 20
	s, got := collect(limit)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := copyLines(t.Context(), source{Reader: &endless{size}}, s); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	// All that was ever allocated: the head as it grew and its copy here, and the
	// two chunks.
	if n := after.TotalAlloc - before.TotalAlloc; n > 8*limit {
		t.Errorf("a line of %d bytes took %d bytes of memory, with a limit of %d", size, n, limit)
	}
	if len(*got) != 1 || len((*got)[0].text) != limit || (*got)[0].size != size {
		t.Errorf("%d lines, the first with %d of %d bytes", len(*got), len((*got)[0].text), (*got)[0].size)
	}
	if cap(s.head) > chunkSize {
		t.Errorf("%d bytes are kept for the next line", cap(s.head))
	}
}

// ordinary returns whole lines of 100 bytes, a chunk of them.
func ordinary() []byte {
	return bytes.Repeat([]byte(strings.Repeat("x", 99)+"\n"), chunkSize/100)
}

func TestLinesTakeNoAllocation(t *testing.T) {
	var n int64
	s := &splitter{limit: 1 << 10, emit: func(p []byte, size int64) { n += size }}
	chunk := ordinary()[:chunkSize-150] // the last line goes on in the next chunk
	s.write(chunk)                      // has made the memory for that
	if allocs := testing.AllocsPerRun(10, func() { s.write(chunk) }); allocs != 0 {
		t.Errorf("%v allocations for a chunk of %d lines", allocs, len(chunk)/100)
	}
}

func TestLinesThatComeAtOnceAreHandedOverAtOnce(t *testing.T) {
	s, lines := collect(chunkSize)
	var all []string
	s.emitAll = func(p []byte) { all = append(all, string(p)) }
	s.write([]byte("a\nb\r\nc"))
	s.write([]byte("d\ne\nf\n"))
	s.write([]byte("g"))
	s.end()
	if want := []string{"a\nb\r\n", "e\nf\n"}; !slices.Equal(all, want) {
		t.Errorf("at once %q, want %q", all, want)
	}
	if want := whole("cd", "g"); !slices.Equal(*lines, want) {
		t.Errorf("alone %v, want %v", *lines, want)
	}
}

func BenchmarkLines(b *testing.B) {
	s := &splitter{limit: 256 << 10, emit: func([]byte, int64) {}}
	chunk := ordinary()
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		s.write(chunk)
	}
}

func TestLineIsHandedOverAsSoonAsItHasArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s, got := collect(8)
		go func() { _ = copyLines(t.Context(), source{Reader: r}, s) }()
		for i, text := range []string{"a\n", "b\n", "c\n"} {
			if _, err := io.WriteString(w, text); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if len(*got) != i+1 {
				t.Errorf("%d lines of %d were handed over while the input was silent", len(*got), i+1)
			}
		}
		w.Close()
		synctest.Wait()
	})
}

func TestWhatWasReadBeforeTheEndOfReadingIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		defer w.Close() // ends the read that is under way
		ctx, stop := context.WithCancel(t.Context())
		s, got := collect(8)
		done := make(chan error)
		go func() { done <- copyLines(ctx, source{Reader: r}, s) }()
		if _, err := io.WriteString(w, "a\nb"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if want := whole("a", "b"); !slices.Equal(*got, want) {
			t.Errorf("got %v, want %v", *got, want)
		}
	})
}

func TestLinesBeforeAReadErrorAreHandedOver(t *testing.T) {
	broken := errors.New("input/output error")
	s, got := collect(8)
	err := copyLines(t.Context(), source{Reader: io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken))}, s)
	if !errors.Is(err, broken) {
		t.Errorf("the error is %v, want %v", err, broken)
	}
	if want := whole("a", "b"); !slices.Equal(*got, want) {
		t.Errorf("got %v, want %v", *got, want)
	}
}

func TestReadingInAHurryEndsWithASilentInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		defer w.Close() // ends the read that is under way
		hurry := make(chan struct{})
		s, got := collect(8)
		emit := s.emit
		s.emit = func(line []byte, size int64) {
			emit(line, size)
			time.Sleep(time.Hour) // that is no silence
		}
		began := time.Now()
		done := make(chan time.Duration)
		go func() {
			if err := copyLines(t.Context(), source{Reader: r, hurry: hurry}, s); err != nil {
				t.Error(err)
			}
			done <- time.Since(began)
		}()
		time.Sleep(time.Hour)
		close(hurry)
		for _, text := range []string{"a\n", "b\n", "c"} {
			time.Sleep(silence - 1)
			if _, err := io.WriteString(w, text); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		// An hour before hurry, one for each line, and what c was late after a.
		if took, want := <-done, 4*time.Hour+2*silence-1; took != want {
			t.Errorf("read for %v, want %v", took, want)
		}
		if want := whole("a", "b", "c"); !slices.Equal(*got, want) {
			t.Errorf("got %v, want %v", *got, want)
		}
	})
}
