package follow

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"
)

// Lines takes the bytes of one file and makes lines of them. Its calls do not overlap,
// also not with those of another file's Lines.
type Lines interface {
	// Write takes the next bytes. An LF is the last of them or is not among them. It
	// returns when whoever gets the lines has accepted those that it gave on. If there
	// is an error the bytes were not taken, following is over, and they come again in
	// another process.
	Write(piece []byte) error

	// Held is how many lines, of those that have ended, were not given on yet: they
	// may belong together with the next one.
	Held() int

	// Release gives on what is held.
	Release() error

	// End says that what comes next does not continue the line that was begun: that
	// is given on too.
	End() error

	// Drop forgets the line that was begun: it has been taken back.
	Drop()
}

// identity is a file's device and inode.
type identity struct {
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
}

// status is what becomes of a file.
type status int

const (
	live    status = iota // open, and in its stream's queue
	closed                // read up to next
	ignored               // of somebody else: a copy, or older than this
)

// file is an inode that is read, was read, or is not to be read.
type file struct {
	id     identity
	stream *stream

	// Guarded by Follower.mu.
	name       string // path under which it was seen last
	status     status
	unfinished bool // closed, but perhaps not read to its end
	fresh      bool // it came while its directory was watched
	back       bool // its path names it again although newer ones wait
	absent     int  // looks in a row that have not found it

	// Owned by who reads while it is live, else by who looks.
	handle   *os.File
	lines    Lines
	position int64   // of the first byte that was not accepted
	next     int64   // of the first byte that was not read
	begun    int64   // of the line that next is in
	held     []int64 // where the lines begin that were read and not accepted
	print    print   // of the bytes before next
	whole    print   // of those before begun

	size    int64     // as seen last
	mtime   time.Time // when everything had been read; zero: look again
	heard   time.Time // when something came last, on this machine's clock
	content bool      // it was seen not to be empty
	holes   bool      // it was truncated: the zeros that it begins with are a hole

	packed bool // its compressed form was seen; owned by who looks
}

// errTruncated says that a file does not hold any more what was read of it.
var errTruncated = errors.New("the file was truncated")

// more returns the next bytes, in buf, or none at the end. buf must hold more than
// printBytes. Before what it returns lie, in buf, as many bytes as the print's tail has.
//
// What is read at an offset that was reached before belongs to what was read before if
// both ends of the print are there afterwards: had the file been truncated meanwhile,
// and written anew beyond that offset, it would begin with something else.
func (g *file) more(buf []byte) (data []byte, err error) {
	info, err := g.handle.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() == g.next && info.ModTime().Equal(g.mtime) {
		return nil, nil
	}
	back := int(min(printBytes, g.next))
	n, err := g.handle.ReadAt(buf, g.next-int64(back))
	if err != nil && err != io.EOF {
		return nil, err
	}
	if n < back || !g.print.Tail.of(buf[:back]) || g.print.Tail.Bytes != back {
		return nil, errTruncated
	}
	if ok, err := g.begins(buf[:n]); err != nil {
		return nil, err
	} else if !ok {
		return nil, errTruncated
	}
	g.size, g.mtime = max(info.Size(), g.next+int64(n-back)), time.Time{}
	g.content = g.content || g.size > 0
	if n == back {
		g.mtime = info.ModTime()
	}
	return buf[back:n], nil
}

// begins reports whether the file begins as its print says, and as what was read just
// now if that is its beginning.
func (g *file) begins(read []byte) (bool, error) {
	want := g.print.Head
	if g.next <= printBytes { // read is from the file's first byte on
		if !want.of(read) {
			return false, nil
		}
		want = sumOf(read[:min(printBytes, len(read))])
	}
	head := make([]byte, want.Bytes)
	err := readFull(g.handle, head, 0)
	if err == io.ErrUnexpectedEOF {
		return false, nil
	}
	return err == nil && want.of(head), err
}

// feed gives data, as more has returned it from buf, to the lines. It returns how many
// bytes were accepted by that; they may have been read earlier.
func (g *file) feed(buf, data []byte) (accepted int64, err error) {
	before, back := g.position, int(min(printBytes, g.next))
	fed := 0
	if g.holes {
		fed = len(data) - len(bytes.TrimLeft(data, "\x00"))
		g.holes = fed == len(data)
		g.begun += int64(fed)
		g.settle()
	}
	for fed < len(data) && err == nil {
		piece, ended := data[fed:], false
		if i := bytes.IndexByte(piece, '\n'); i >= 0 {
			piece, ended = piece[:i+1], true
		}
		if err = g.lines.Write(piece); err != nil {
			break
		}
		fed += len(piece)
		if ended {
			g.held = append(g.held, g.begun)
			g.begun = g.next + int64(fed)
			g.settle()
		}
	}
	if g.begun > g.next {
		g.whole = g.printAfter(buf[:back+int(g.begun-g.next)])
	}
	g.advance(buf[:back+fed], fed)
	return g.position - before, err
}

// settle moves the position to what is accepted by now.
func (g *file) settle() {
	g.held = append(g.held[:0], g.held[max(0, len(g.held)-g.lines.Held()):]...)
	g.position = g.begun
	if len(g.held) > 0 {
		g.position = g.held[0]
	}
}

// advance says that the last n bytes of read have been read; before them are those of
// the print's tail.
func (g *file) advance(read []byte, n int) {
	if n == 0 {
		return
	}
	g.print = g.printAfter(read)
	g.next += int64(n)
}

// printAfter returns the print of what is before the end of read, which begins before
// next, with the bytes of the print's tail.
func (g *file) printAfter(read []byte) print {
	p := print{g.print.Head, sumOf(read[max(0, len(read)-printBytes):])}
	if g.next <= printBytes {
		p.Head = sumOf(read[:min(printBytes, len(read))])
	}
	return p
}

// release has what is held given on.
func (g *file) release() (accepted int64, err error) {
	before := g.position
	if err := g.lines.Release(); err != nil {
		return 0, err
	}
	g.settle()
	return g.position - before, nil
}

// end has everything given on that was read, a line without its end too.
func (g *file) end() (accepted int64, err error) {
	before := g.position
	if err := g.lines.End(); err != nil {
		return 0, err
	}
	g.held, g.begun, g.position, g.whole = g.held[:0], g.next, g.next, g.print
	return g.position - before, nil
}

// takeBack goes back to where the last line begins, of which only the beginning had
// been written, if that was cut off and all before it is there: this is how a writer
// repairs a file. It returns how many bytes behind that were never read.
func (g *file) takeBack() (unread int64, done bool) {
	if g.begun == 0 || g.begun == g.next {
		return 0, false
	}
	if same, err := g.whole.matches(g.handle, g.begun); err != nil || !same {
		return 0, false
	}
	g.lines.Drop()
	unread = max(0, g.size-g.next)
	g.next, g.print, g.size, g.mtime = g.begun, g.whole, 0, time.Time{}
	return unread, true
}

// restart begins again with the first byte. It returns how many bytes are known to
// have been there and were not read.
func (g *file) restart() (unread int64) {
	unread = max(0, g.size-g.next)
	g.position, g.next, g.begun, g.held = 0, 0, 0, g.held[:0]
	g.print, g.whole, g.size, g.mtime, g.holes = print{}, print{}, 0, time.Time{}, true
	return unread
}

// silent is how long nothing has been written, as far as that can be told: by the
// file's time if this machine's clock is not before it.
func (g *file) silent(now time.Time) time.Duration {
	d := now.Sub(g.heard)
	if info, err := g.handle.Stat(); err == nil && info.Size() == g.next && info.ModTime().Before(now) {
		d = max(d, now.Round(0).Sub(info.ModTime()))
	}
	return d
}

// hasContent reports whether the file is not empty, or has been read.
func (g *file) hasContent() bool {
	if !g.content {
		info, err := g.handle.Stat()
		g.content = err == nil && info.Size() > 0
	}
	return g.content || g.next > 0
}

// beginAt has the file read from an offset on; before it the file has print p.
func (g *file) beginAt(at int64, p print) {
	g.position, g.next, g.begun, g.held, g.print, g.whole = at, at, at, nil, p, p
}

// endOf returns where the first line begins that ends after now, and the print of what
// is before it.
func endOf(h *os.File) (at int64, p print, err error) {
	info, err := h.Stat()
	if err != nil {
		return 0, p, err
	}
	if at, err = lastLineEnd(h, info.Size()); err == nil {
		p, err = printAt(h, at)
	}
	return at, p, err
}

// lastLineEnd returns the offset behind the last LF before size. Of a line that goes
// back farther than it looks it returns the middle.
func lastLineEnd(r io.ReaderAt, size int64) (int64, error) {
	b := make([]byte, min(size, 256<<10))
	if err := readFull(r, b, size-int64(len(b))); err != nil {
		return 0, err
	}
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		return size - int64(len(b)) + int64(i) + 1, nil
	}
	if int64(len(b)) == size {
		return 0, nil
	}
	return size, nil
}
