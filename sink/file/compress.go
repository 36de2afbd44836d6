package file

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/fapilog/fapilog/internal/crash"
)

// compressor is the goroutine that compresses rotated files. It ends when its context
// does, and leaves the file it is at as it was.
//
// A file is compressed under the lock of the original, to a temporary name beside it.
// So two processes do not compress the same file, and a temporary file whose original
// is not locked is nobody's. At any moment either the original is there and whole, or
// the compressed file is, or both: then only the original is left to be removed.
type compressor struct {
	kick chan struct{} // holds a token: there may be something to compress
	done chan struct{} // closed when run has returned

	mu    sync.Mutex
	names *names
	err   error // of the rounds since the last take

	told map[string]string // owned by run: files that cannot be compressed, and why

	// Replaced in tests.
	wrap    func(handle) handle  // makes temporary files fail; nil: none
	sync    func(*os.File) error // of originals
	syncDir func(path string) error
	rename  func(from, to string) error
}

// patience is how long another process may have the lock of a rotated file, before that
// is left to it.
const patience = 5 * time.Second

var errGrew = errors.New("another program goes on writing to it; it has to reopen the file or take its lock")

func newCompressor() *compressor {
	return &compressor{
		kick: make(chan struct{}, 1), done: make(chan struct{}),
		sync: (*os.File).Sync, syncDir: syncDir, rename: os.Rename,
	}
}

// look makes the compressor look for files with these names.
func (c *compressor) look(s *names) {
	c.mu.Lock()
	c.names = s
	c.mu.Unlock()
	select {
	case c.kick <- struct{}{}:
	default: // it has not begun to look yet
	}
}

// take returns what went wrong since it was called last.
func (c *compressor) take() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.err
	c.err = nil
	return err
}

func (c *compressor) run(ctx context.Context) {
	defer close(c.done)
	for {
		select {
		case <-c.kick:
		case <-ctx.Done():
			return
		}
		c.mu.Lock()
		s := c.names
		c.mu.Unlock()
		err := c.round(ctx, s)
		c.mu.Lock()
		c.err = errors.Join(c.err, err)
		c.mu.Unlock()
	}
}

// round compresses what there is, oldest first. A file that fails stays as it is until
// another round, and does not keep the others from their turn, unless the disk is full.
// The same error of the same file is told once.
func (c *compressor) round(ctx context.Context, s *names) error {
	found, err := s.list()
	if err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	var errs []error
	told := c.told
	c.told = make(map[string]string)
	for _, m := range found.plain {
		path := s.rotated(m)
		err := c.compress(ctx, path)
		if ctx.Err() != nil {
			return errors.Join(errs...)
		}
		if err != nil {
			c.told[path] = err.Error()
			if told[path] != err.Error() {
				errs = append(errs, fmt.Errorf("compress %s: %w", filepath.Base(path), err))
			}
		}
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			break
		}
	}
	return errors.Join(errs...)
}

// compress puts the compressed file into the place of the one at path. It does nothing
// if that is gone, no regular file, or locked by somebody else.
func (c *compressor) compress(ctx context.Context, path string) error {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return ignoreAbsent(err)
	}
	original, err := os.OpenFile(path, forSync|openFlags, 0)
	if err != nil {
		return ignoreAbsent(err)
	}
	defer original.Close()
	if taken, err := patientLock(ctx, original); err != nil || !taken {
		return err
	}
	info, err := original.Stat()
	if err != nil || !isFile(path, info) {
		return err // whoever had the lock has compressed it
	}
	temporary := path + temporarySuffix
	if unpacked(ctx, path+zipSuffix) >= info.Size() {
		// A process ended between install's two steps, perhaps with the machine, which may
		// have shortened the original.
		_ = os.Remove(temporary)
		return c.finish(path, original, info)
	}
	err = c.write(ctx, temporary, original, info)
	if err == nil {
		err = c.install(path, temporary, original, info)
	}
	if err != nil {
		_ = os.Remove(temporary)
	}
	if !isFile(path, info) {
		return nil // done, or retention has removed it meanwhile, and perhaps the temporary file
	}
	return err
}

// unpacked returns how many bytes the compressed file at path has in it; -1: there is
// none, or not a whole one.
func unpacked(ctx context.Context, path string) int64 {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return -1
	}
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return -1
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return -1
	}
	n, err := copyUntil(ctx, io.Discard, z)
	if err != nil {
		return -1
	}
	return n
}

// patientLock reports false when somebody else has the lock for so long that the file
// may be left to him.
func patientLock(ctx context.Context, f *os.File) (bool, error) {
	for waited, pause := time.Duration(0), shortestPause; ; waited, pause = waited+pause, min(2*pause, 10*longestPause) {
		taken, err := flock(f)
		if errors.Is(err, errNoLocks) {
			return true, nil
		}
		if taken || err != nil || waited >= patience {
			return taken, err
		}
		if err := sleep(ctx, pause); err != nil {
			return false, err
		}
	}
}

// write writes the compressed file under its temporary name, to the disk, with the
// times of the original: once it has its own name, nothing about it changes.
func (c *compressor) write(ctx context.Context, path string, original *os.File, info os.FileInfo) (err error) {
	if err := os.Remove(path); ignoreAbsent(err) != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	_ = file.Chmod(info.Mode().Perm()) // what the umask has taken; without it fewer may read the file
	var f handle = file
	if c.wrap != nil {
		f = c.wrap(f)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// Or else a power failure could leave the compressed file, which is synced, beside
	// an original that is shorter.
	if err := c.sync(original); err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	z.Name, z.ModTime = filepath.Base(original.Name()), info.ModTime()
	n, err := copyUntil(ctx, begun{z}, original)
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return err
	}
	if now, err := original.Stat(); err != nil || now.Size() != n {
		return errors.Join(err, errGrew)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err // before the sync, which may take long
	}
	if err := f.Sync(); err != nil {
		return err
	}
	crash.Point("gzip.written")
	return nil
}

// begun is a compressed file of which parts are written.
type begun struct{ io.Writer }

func (b begun) Write(p []byte) (int, error) {
	n, err := b.Writer.Write(p)
	crash.Point("gzip.begun")
	return n, err
}

// copyUntil copies all of r, and stops when ctx ends.
func copyUntil(ctx context.Context, w io.Writer, r io.Reader) (n int64, err error) {
	buf := make([]byte, 128<<10)
	for ctx.Err() == nil {
		k, err := r.Read(buf)
		if k > 0 {
			if _, err := w.Write(buf[:k]); err != nil {
				return n, err
			}
			n += int64(k)
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, ctx.Err()
}

// install gives the compressed file its name and removes the original.
func (c *compressor) install(path, temporary string, original *os.File, info os.FileInfo) error {
	if !isFile(path, info) {
		return os.Remove(temporary)
	}
	if err := c.rename(temporary, path+zipSuffix); err != nil {
		return err
	}
	crash.Point("gzip.renamed")
	return c.finish(path, original, info)
}

// finish removes the original of a compressed file. If that is gone by then, retention
// has removed it, and thinks that nothing is left of it.
func (c *compressor) finish(path string, original *os.File, info os.FileInfo) error {
	if err := c.syncDir(filepath.Dir(path)); err != nil {
		return err
	}
	if closeFirst {
		_ = original.Close()
	}
	err := error(os.ErrNotExist)
	if isFile(path, info) {
		err = os.Remove(path)
	}
	if errors.Is(err, os.ErrNotExist) {
		return ignoreAbsent(os.Remove(path + zipSuffix))
	}
	crash.Point("gzip.removed")
	return err
}

// isFile reports whether path names the file.
func isFile(path string, info os.FileInfo) bool {
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(now, info)
}

// removeStale removes a temporary file that nobody is writing. With its original there,
// one that is being written has the lock of that; one that is to be compressed (again)
// is left to the compressor.
func (s *names) removeStale(m mark, compressing bool) {
	path := s.rotated(m)
	original, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err == nil {
		defer original.Close()
		if compressing {
			return
		}
		if taken, _ := flock(original); !taken {
			return
		}
	}
	if err == nil || isAbsent(err) {
		_ = os.Remove(path + temporarySuffix) // if it stays, so it does until the next time
	}
}

func ignoreAbsent(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
