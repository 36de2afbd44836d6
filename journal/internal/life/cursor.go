package life

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"sync/atomic"

	"github.com/fapilog/fapilog/internal/crash"
	"github.com/fapilog/fapilog/journal/internal/disk"
)

// OwesNothing is the position of a cursor that reads nothing and whose tally alone
// is kept.
const OwesNothing = math.MaxUint64

// Mark is how far a cursor has come in one life, in sequences of that life.
type Mark struct {
	Next   uint64 // everything below is settled
	Origin uint64 // where the cursor began
	Tally  Tally  // what became of the records from Origin to Next, and of those diverted here
}

// CursorFile is the file of one key's cursor in one life, open for writing. It
// has one owner, who has locked the life; its methods must not overlap.
type CursorFile struct {
	file   disk.File // nil once closed
	mapped []*disk.Mapping
	words  []uint64 // of the mapping; nil: written

	generation uint64 // of the newest valid slot
	next       int    // the slot that Store writes: the other one
	buf        [slotBytes]byte
	copyIn     func() // copies buf into words; made once, as Store allocates nothing
}

// CreateCursor makes the file of key's cursor, which stands at m, in a life's
// directory, and opens it. With mapped, Store makes no system call if the file
// can be mapped. The file appears whole or, when the process is killed or an error
// is returned, possibly not at all.
//
// A damaged file in its place is kept with .damaged behind its name, in place of
// an earlier one. If one that is not damaged is there, the error matches
// [fs.ErrExist], or [ErrNewer], or [disk.ErrForeign]. A key is UTF-8 and has 1 to
// 512 bytes.
func CreateCursor(fsys disk.FS, lifeDir, key string, m Mark, mapped bool) (*CursorFile, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	path := CursorPath(lifeDir, key)
	switch _, _, err := ReadCursor(fsys, path); {
	case err == nil:
		return nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	case errors.Is(err, ErrDamaged):
		if err := fsys.Rename(path, path+damagedSuffix); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := fsys.WriteFile(path, newPage(key, m)[:]); err != nil {
		return nil, err
	}
	c, _, err := OpenCursor(fsys, lifeDir, key, mapped)
	return c, err
}

// OpenCursor opens the file of key's cursor and returns where it stands. mapped
// is as for [CreateCursor]. The error matches [fs.ErrNotExist] if there is none,
// [ErrDamaged] if it does not say where the cursor stands, [ErrNewer], or
// [disk.ErrForeign]. Nothing is changed then.
func OpenCursor(fsys disk.FS, lifeDir, key string, mapped bool) (*CursorFile, Mark, error) {
	path := CursorPath(lifeDir, key)
	f, err := fsys.Open(path)
	if err != nil {
		return nil, Mark{}, err
	}
	p := readPage(f)
	found, err := p.key()
	if err == nil && found != key {
		err = fmt.Errorf("cursor of another key, %q, not %q", found, key)
	}
	s, at, slotErr := p.newest()
	if err == nil {
		err = slotErr
	}
	if err != nil {
		f.Close()
		return nil, Mark{}, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	c := &CursorFile{file: f, generation: s.generation, next: 1 - at}
	if mapped {
		c.mapFile()
	}
	return c, s.mark, nil
}

// CursorPath returns where the file of key's cursor is in a life's directory.
func CursorPath(lifeDir, key string) string {
	return filepath.Join(lifeDir, FileKey(key)+cursorSuffix)
}

// mapFile has Store write to memory. Where that cannot be had it does without:
// a write says what is wrong, if anything is.
func (c *CursorFile) mapFile() {
	if c.file.Allocate(pageBytes) != nil {
		return
	}
	m, err := c.file.Map(pageBytes)
	if err != nil {
		return
	}
	if m.Populate() != nil {
		m.Unmap()
		return
	}
	c.mapped, c.words, c.copyIn = []*disk.Mapping{m}, m.Words(), c.copySlot
}

// Store makes m what a later [OpenCursor] returns. Killed meanwhile, or after an
// error, it is m or what was stored last. An error is one of the file system, or
// a [*disk.Fault] if the file has been truncated; Store can be tried again.
func (c *CursorFile) Store(m Mark) error {
	if c.file == nil {
		return fs.ErrClosed
	}
	s := slot{generation: c.generation + 1, mark: m}
	s.put(&c.buf)
	if err := c.write(); err != nil {
		return err // with the slot torn; the next Store writes the same one
	}
	c.generation, c.next = s.generation, 1-c.next
	crash.Point("cursor.stored")
	return nil
}

func (c *CursorFile) write() error {
	if c.words != nil {
		return disk.Guard(c.copyIn, c.mapped...)
	}
	_, err := c.file.WriteAt(c.buf[:], int64(slotAt(c.next)))
	return err
}

// copySlot writes the slot's words in their order, the checksum last and behind
// a barrier, so that every prefix of the stores is a slot that is not valid.
func (c *CursorFile) copySlot() {
	to := c.words[slotAt(c.next)/wordBytes:]
	for i := range slotWords - 1 {
		if i == slotWords/2 {
			crash.Point("cursor.slot")
		}
		to[i] = native.Uint64(c.buf[i*wordBytes:])
	}
	atomic.StoreUint64(&to[slotWords-1], native.Uint64(c.buf[slotSum:]))
}

// Close closes the file. Further calls do nothing.
func (c *CursorFile) Close() error {
	if c.file == nil {
		return nil
	}
	var err error
	for _, m := range c.mapped {
		err = m.Unmap()
	}
	err = errors.Join(err, c.file.Close())
	c.file, c.mapped, c.words = nil, nil, nil
	return err
}
