package httppost

import (
	"bytes"
	"compress/gzip"
	"io"
	"sync"
)

// compressor makes gzip of one level. It is safe for concurrent use.
type compressor struct {
	level   int
	writers sync.Pool // of *gzip.Writer, which have about 800 KB
}

// compress returns body compressed.
func (c *compressor) compress(body []byte) ([]byte, error) {
	w, ok := c.writers.Get().(*gzip.Writer)
	if !ok {
		var err error
		if w, err = gzip.NewWriterLevel(nil, c.level); err != nil {
			return nil, err
		}
	}
	out := bytes.NewBuffer(make([]byte, 0, len(body)/8+512))
	w.Reset(out)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	c.writers.Put(w)
	return out.Bytes(), nil
}

// lent is a body that is lent to the transport, which may read it on another
// goroutine even after it has returned (see [http.RoundTripper]).
type lent struct {
	mu   sync.Mutex
	body []byte // nil: taken back
}

// takeBack returns when nobody reads the body any more, or ever will.
func (l *lent) takeBack() {
	l.mu.Lock()
	l.body = nil
	l.mu.Unlock()
}

// reader returns a new reader from the start. It has no WriteTo: the transport
// then copies to memory of its own.
func (l *lent) reader() io.ReadCloser { return &lentReader{lent: l} }

type lentReader struct {
	lent   *lent
	offset int
}

// Read implements [io.Reader].
func (r *lentReader) Read(p []byte) (int, error) {
	r.lent.mu.Lock()
	defer r.lent.mu.Unlock()
	switch {
	case r.lent.body == nil:
		return 0, io.ErrUnexpectedEOF
	case r.offset == len(r.lent.body):
		return 0, io.EOF
	}
	n := copy(p, r.lent.body[r.offset:])
	r.offset += n
	return n, nil
}

// Close implements [io.Closer].
func (r *lentReader) Close() error { return nil }
