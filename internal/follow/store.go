package follow

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Store keeps positions in one file, which is replaced as a whole: it holds what was
// kept last, whenever the process is killed. It is not synced; where the machine has
// stopped and left half of it, that is noticed, and everything is read again.
//
// Another file beside it, with .lock added to its name, is locked while a Store is open,
// and stays.
type Store struct {
	path   string
	lock   *os.File // nil: the file system fails, and the first save takes it
	beside bool     // see Beside
}

const storeExt = ".positions"

// StoreName is the name of the file, in a directory for all Stores, of those who follow
// patterns: in whatever order they are given, and relative to whatever directory.
func StoreName(patterns []string) (string, error) {
	var all []string
	for _, p := range patterns {
		abs, err := filepath.Abs(p)
		if err != nil {
			return "", err
		}
		all = append(all, abs)
	}
	slices.Sort(all)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(all), "\n")))
	return hex.EncodeToString(sum[:16]) + storeExt, nil
}

// ErrNotPositions says that the file holds something else, which is not to be replaced.
var ErrNotPositions = errors.New("it holds something else; name another file")

// ErrInUse says that another process, or Store, has the file.
var ErrInUse = errors.New("another process keeps its positions there")

// OpenStore makes the file's directory, if it is not there, and locks the file. One that
// has content has to have been a Store's. Where the file system is read-only, full or
// broken that is no error: nothing is kept until it is well.
func OpenStore(path string) (*Store, error) {
	if err := checkStore(path); err != nil {
		return nil, err
	}
	s := &Store{path: path}
	if err := s.take(); err != nil && !fails(err) {
		return nil, err
	}
	return s, nil
}

// take makes the file's directory and locks the file.
func (s *Store) take() error {
	if err := makeDir(filepath.Dir(s.path), 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(s.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	ok, err := tryLock(lock)
	if err == nil && !ok {
		err = ErrInUse
	}
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	s.lock = lock
	return nil
}

// makeDir is a variable for tests of a file system that fails.
var makeDir = os.MkdirAll

// fails reports whether an error is that of a file system which may be well later.
func fails(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO)
}

// checkStore reports a file that may not be replaced.
func checkStore(path string) error {
	h, err := open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer h.Close()
	if _, info, err := lookAt(h); err != nil || !info.Mode().IsRegular() {
		return cmp.Or(err, ErrNotPositions)
	}
	b := make([]byte, len(family))
	n, err := h.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return err
	}
	if !strings.HasPrefix(family, string(b[:n])) {
		return ErrNotPositions
	}
	return nil
}

// Beside has a Follower look for what the Store has no positions of in the others that lie
// beside it, whose names are of [StoreName]: those of who follows some of its patterns with
// others. They are only read.
func (s *Store) Beside() { s.beside = true }

// others returns what the Stores beside this one hold, the latest first. What cannot be
// read is left out: nobody has said that it is there.
func (s *Store) others() (all []positions) {
	if !s.beside {
		return nil
	}
	dir := filepath.Dir(s.path)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if path == s.path || filepath.Ext(path) != storeExt {
			continue
		}
		if p, err := (&Store{path: path}).load(); err == nil {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b positions) int { return b.Kept.Compare(a.Kept) })
	return all
}

// Close unlocks the file. A Follower that has the Store closes it.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}

// load returns what was kept last, or fs.ErrNotExist.
func (s *Store) load() (p positions, err error) {
	b, err := os.ReadFile(s.path)
	if err != nil {
		return p, err
	}
	return parsePositions(b)
}

// save replaces what was kept.
func (s *Store) save(p positions) error {
	if s.lock == nil {
		if err := s.take(); err != nil {
			return err
		}
	}
	b, err := p.bytes()
	if err != nil {
		return err
	}
	temporary := s.path + ".new"
	if err := os.WriteFile(temporary, b, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, s.path)
}
