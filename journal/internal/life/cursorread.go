package life

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/fapilog/fapilog/journal/internal/disk"
)

// tornReads is how often a cursor file without a valid slot is read. Its owner
// would have to store twice during each of the reads.
const tornReads = 16

// ReadCursor returns the key in a cursor file and where the cursor stands. The
// life can be another process's: the mark is one that was valid while ReadCursor
// ran. Errors are those of [OpenCursor].
func ReadCursor(fsys disk.FS, path string) (key string, m Mark, err error) {
	f, err := fsys.OpenRead(path)
	if err != nil {
		return "", Mark{}, err
	}
	defer f.Close()
	for range tornReads {
		key, m, err = readPage(f).read()
		if !errors.Is(err, ErrDamaged) {
			break
		}
	}
	if err != nil {
		return "", Mark{}, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return key, m, nil
}

func (p *page) read() (string, Mark, error) {
	key, err := p.key()
	if err != nil {
		return "", Mark{}, err
	}
	s, _, err := p.newest()
	return key, s.mark, err
}

// readPage returns the file's first page. What cannot be read is zero: then a
// part of it is not valid.
func readPage(f io.ReaderAt) *page {
	p := new(page)
	if n, err := f.ReadAt(p[:], 0); n == len(p) || errors.Is(err, io.EOF) {
		return p
	}
	for off := 0; off < len(p); off += slotStride {
		part := p[off:][:slotStride]
		if n, err := f.ReadAt(part, int64(off)); n < len(part) && !errors.Is(err, io.EOF) {
			clear(part)
		}
	}
	return p
}

// ReadCursors returns where the cursors in a life's directory stand, by key, and
// the names of the files that do not say. Files of other names, or whose name does
// not fit the key in them, are left out. The error matches [ErrNewer] if one of
// the files is newer; others are of the file system, and nothing is returned.
func ReadCursors(fsys disk.FS, lifeDir string) (marks map[string]Mark, damaged []string, err error) {
	entries, err := fsys.ReadDir(lifeDir)
	if err != nil {
		return nil, nil, err
	}
	marks = map[string]Mark{}
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), cursorSuffix)
		if !ok || kindOf(e) != cursorKind {
			continue
		}
		key, m, err := ReadCursor(fsys, filepath.Join(lifeDir, e.Name()))
		switch {
		case err == nil && FileKey(key) == stem:
			marks[key] = m
		case errors.Is(err, ErrDamaged):
			damaged = append(damaged, e.Name())
		case err != nil && !vanished(err):
			return nil, nil, err
		}
	}
	return marks, damaged, nil
}

// vanished reports that what a directory listed as ours is not there, or is now
// something else.
func vanished(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, disk.ErrForeign)
}
