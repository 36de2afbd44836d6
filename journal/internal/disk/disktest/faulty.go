// Package disktest has a file system that fails when it is told to.
package disktest

import (
	"fmt"
	"io/fs"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/fapilog/fapilog/journal/internal/disk"
)

// Op is a set of operations: methods of [disk.FS] and [disk.File].
type Op uint32

// One operation each; they are combined with |.
const (
	OpenRoot Op = 1 << iota
	Mkdir
	ReadDir
	Lstat
	Create
	Open
	OpenRead
	WriteFile
	Rename
	Remove
	ReadAt
	WriteAt
	Size
	Allocate
	Truncate
	TryLock
	Linked
	Map
	Close // the file is closed all the same

	// Every is all of them.
	Every Op = 1<<iota - 1
)

// Faulty is another file system with failures. It is safe for concurrent use; no
// lock is held while the other file system works.
//
// A failure, or what is called before an operation, is for the paths that match a pattern as of [path.Match], which is
// compared with as many of the path's last elements as it has itself: "*.segment",
// "*/lock", "*". A file's path is the one it was opened at; Rename and Linked
// concern both of theirs. A malformed pattern panics.
type Faulty struct {
	under disk.FS

	mu         sync.Mutex
	failures   []*Failure
	hooks      []*hook // replaced, not changed
	unmappable bool
	space      space
}

// New returns a Faulty that does what under does until it is told otherwise.
func New(under disk.FS) *Faulty {
	return &Faulty{under: under, space: space{free: math.MaxInt64, held: map[string]int64{}}}
}

// Failure is something that goes wrong, until it has often enough or is cleared.
type Failure struct {
	faulty  *Faulty
	ops     Op
	pattern string
	err     error

	left  int      // calls it still fails; below zero: all
	keep  int      // what a WriteAt writes all the same
	bytes [2]int64 // of ReadAt: those that cannot be read, from and to
	count int
}

// Fail makes every matching call fail with err and do nothing.
func (f *Faulty) Fail(ops Op, pattern string, err error) *Failure {
	return f.FailNext(-1, ops, pattern, err)
}

// FailNext is Fail for the next n matching calls.
func (f *Faulty) FailNext(n int, ops Op, pattern string, err error) *Failure {
	return f.add(&Failure{ops: ops, pattern: pattern, err: err, left: n, bytes: [2]int64{0, math.MaxInt64}})
}

// ShortWrite makes the next n matching calls of WriteAt, or all if n is below
// zero, write at most keep bytes and fail with err.
func (f *Faulty) ShortWrite(n, keep int, pattern string, err error) *Failure {
	return f.add(&Failure{ops: WriteAt, pattern: pattern, err: err, left: n, keep: keep})
}

// Unreadable makes matching calls of ReadAt read up to offset from and then fail
// with EIO, if they want any of the bytes from there to offset to.
func (f *Faulty) Unreadable(pattern string, from, to int64) *Failure {
	return f.add(&Failure{ops: ReadAt, pattern: pattern, err: syscall.EIO, left: -1, bytes: [2]int64{from, to}})
}

// SetSpace sets how many bytes Allocate can have from now on, in all files
// together, besides those it has had; then it fails with ENOSPC. What Remove and
// Truncate free is added.
func (f *Faulty) SetSpace(free int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.space.free = free
}

// SetMappable with false makes Mappable false and Map unsupported.
func (f *Faulty) SetMappable(mappable bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unmappable = !mappable
}

// Clear ends the failure.
func (r *Failure) Clear() {
	r.faulty.mu.Lock()
	defer r.faulty.mu.Unlock()
	r.left = 0
}

// Count is how many calls have failed by it.
func (r *Failure) Count() int {
	r.faulty.mu.Lock()
	defer r.faulty.mu.Unlock()
	return r.count
}

func (f *Faulty) add(r *Failure) *Failure {
	if _, err := path.Match(r.pattern, ""); err != nil {
		panic(fmt.Sprintf("disktest: pattern %q: %v", r.pattern, err))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.faulty = f
	f.failures = append(f.failures, r)
	return r
}

// failing finds the failure that a call meets and counts it. A ReadAt wants the
// bytes between from and to.
func (f *Faulty) failing(op Op, from, to int64, paths ...string) (*Failure, error) {
	f.callHooks(op, paths)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.failures {
		if r.left == 0 || r.ops&op == 0 || !slices.ContainsFunc(paths, r.matches) {
			continue
		}
		if op == ReadAt && (to <= r.bytes[0] || r.bytes[1] <= from) {
			continue
		}
		if r.left > 0 {
			r.left--
		}
		r.count++
		return r, &fs.PathError{Op: op.String(), Path: paths[0], Err: r.err}
	}
	return nil, nil
}

// fail is failing for calls that do nothing when they fail.
func (f *Faulty) fail(op Op, paths ...string) error {
	_, err := f.failing(op, 0, 0, paths...)
	return err
}

func (r *Failure) matches(p string) bool { return matches(r.pattern, p) }

func matches(pattern, p string) bool {
	elements := strings.Split(filepath.ToSlash(filepath.Clean(p)), "/")
	last := max(0, len(elements)-strings.Count(pattern, "/")-1)
	ok, _ := path.Match(pattern, strings.Join(elements[last:], "/"))
	return ok
}

// String names the operations as the methods are called.
func (o Op) String() string {
	names := []string{"OpenRoot", "Mkdir", "ReadDir", "Lstat", "Create", "Open", "OpenRead", "WriteFile", "Rename",
		"Remove", "ReadAt", "WriteAt", "Size", "Allocate", "Truncate", "TryLock", "Linked", "Map", "Close"}
	var in []string
	for i, name := range names {
		if o&(1<<i) != 0 {
			in = append(in, name)
		}
	}
	return strings.Join(in, "|")
}
