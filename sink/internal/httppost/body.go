package httppost

import (
	"bytes"
	"compress/gzip"
	"io"
	"sync"
)

// maxKept is the capacity up to which the memory of a body is used again: several
// times what a batch makes.
const maxKept = 4 << 20

// Buffers has the memory of bodies used again. The zero value is ready to use, and safe
// for concurrent use. What nobody uses goes with the next collections of garbage.
type Buffers struct{ pool sync.Pool } // of *[]byte

// Get returns an empty buffer, for [Buffers.Put] when [Client.Do] has returned.
func (b *Buffers) Get() *[]byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return p
	}
	return new([]byte)
}

// Put takes a buffer back, which may have become another.
func (b *Buffers) Put(p *[]byte) {
	if cap(*p) > maxKept {
		return
	}
	*p = (*p)[:0]
	b.pool.Put(p)
}

// compressor makes gzip of one level. It is safe for concurrent use.
type compressor struct {
	level int
	pool  sync.Pool // of *compressed
}

// compressed is a body that is compressed, and what it takes to compress another.
type compressed struct {
	writer *gzip.Writer // about 800 KB
	body   bytes.Buffer
}

// compress returns body compressed, for release.
func (c *compressor) compress(body []byte) (*compressed, error) {
	z, ok := c.pool.Get().(*compressed)
	if !ok {
		w, err := gzip.NewWriterLevel(nil, c.level)
		if err != nil {
			return nil, err
		}
		z = &compressed{writer: w}
	}
	z.writer.Reset(&z.body)
	if _, err := z.writer.Write(body); err != nil {
		return nil, err
	}
	if err := z.writer.Close(); err != nil {
		return nil, err
	}
	return z, nil
}

// release lets another body have the memory of z, which nobody reads any more.
func (c *compressor) release(z *compressed) {
	if z.body.Cap() > maxKept {
		z.body = bytes.Buffer{}
	}
	z.body.Reset()
	c.pool.Put(z)
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
