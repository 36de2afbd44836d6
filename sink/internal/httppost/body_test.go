package httppost

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestBodyThatIsTakenBackIsReadNoMore(t *testing.T) {
	l := &lent{body: []byte("hello")}
	first, second := l.reader(), l.reader()
	p := make([]byte, 3)
	if n, err := first.Read(p); n != 3 || err != nil || string(p) != "hel" {
		t.Errorf("%q, %v", p[:n], err)
	}
	if got, err := io.ReadAll(second); err != nil || string(got) != "hello" {
		t.Errorf("each reader begins at the start: %q, %v", got, err)
	}
	if _, copies := first.(io.WriterTo); copies {
		t.Error("the transport is given the memory itself")
	}
	l.takeBack()
	for _, r := range []io.Reader{first, second, l.reader()} {
		if n, err := r.Read(p); n != 0 || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d, %v after it was taken back", n, err)
		}
	}
}

func TestABufferIsEmptyAndAHugeOneIsNotKept(t *testing.T) {
	var b Buffers
	for _, size := range []int{10, maxKept, maxKept + 1} {
		p := b.Get()
		*p = append(*p, make([]byte, size)...)
		b.Put(p)
		if again := b.Get(); len(*again) != 0 || cap(*again) > 2*maxKept || size > maxKept && again == p {
			t.Errorf("after %d bytes: %d of %d", size, len(*again), cap(*again))
		}
	}
}

func TestMemoryOfAHugeCompressedBodyIsNotKept(t *testing.T) {
	c := compressor{level: 1}
	for _, size := range []int{maxKept / 2, maxKept + 1} {
		z := &compressed{}
		z.body.Grow(size)
		c.release(z)
		if got := z.body.Cap(); got > maxKept || (got == 0) != (size > maxKept) {
			t.Errorf("of %d bytes %d are kept", size, got)
		}
	}
}

func TestABodyHasNothingOfTheOneCompressedBefore(t *testing.T) {
	c := compressor{level: 6}
	for _, text := range []string{strings.Repeat("a", 1000), "b", strings.Repeat("abc", 5000), ""} {
		z, err := c.compress([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		r, err := gzip.NewReader(bytes.NewReader(z.body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != text {
			t.Errorf("%d bytes become %d, %v", len(text), len(got), err)
		}
		c.release(z)
	}
}
