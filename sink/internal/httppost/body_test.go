package httppost

import (
	"errors"
	"io"
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
