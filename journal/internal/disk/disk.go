// Package disk is what the journal asks of a file system, and the only place of
// it that knows the operating system: opening without following links, locks,
// preallocation, mapping, and faults in mapped memory, which it makes errors.
//
// Nothing here syncs: what has been written is in the page cache and survives
// the process, not the machine.
package disk

import (
	"errors"
	"io"
	"io/fs"
)

var (
	// ErrUnfit says that a directory cannot be the journal's before its user has
	// changed something. The error that wraps it says what.
	ErrUnfit = errors.New("unfit for a journal")

	// ErrForeign says that what lies at a path is not a regular file, so it is
	// none of ours.
	ErrForeign = errors.New("not a regular file")
)

// TempSuffix ends the name of the file that WriteFile makes beside its path. A
// process that is killed meanwhile leaves it there.
const TempSuffix = ".tmp"

// FS is what the journal asks of a file system. Its methods may be called
// concurrently. Paths are absolute or relative as the caller gives them; an
// error of the system names the path and matches errors.Is with its
// [syscall.Errno].
type FS interface {
	// OpenRoot sees to it that dir is a directory of our own, and makes it and
	// its parents, with mode 0700, where they are missing. An error that wraps
	// [ErrUnfit] says what to do about a path that is not a directory, is a
	// symbolic link (only its last element counts), belongs to another than the
	// effective user, is writable for group or others or not fully open to its
	// owner, or cannot be reached. Other errors, as of a full or broken file
	// system, do not wrap it.
	OpenRoot(dir string) error

	// Mkdir makes one directory with mode 0700.
	Mkdir(path string) error

	// ReadDir returns the entries of a directory, sorted by name.
	ReadDir(path string) ([]fs.DirEntry, error)

	// Lstat describes what lies at path; a symbolic link is not followed.
	Lstat(path string) (fs.FileInfo, error)

	// Create makes a file, mode 0600, and opens it for reading and writing. It
	// is an error that matches [fs.ErrExist] when anything is at path, be it a
	// symbolic link that leads nowhere.
	Create(path string) (File, error)

	// Open opens a file for reading and writing. It never follows a symbolic
	// link that is path's last element and never waits; what is not a regular
	// file is [ErrForeign].
	Open(path string) (File, error)

	// OpenRead is Open for reading only.
	OpenRead(path string) (File, error)

	// WriteFile makes data the content of the file at path, mode 0600: whoever
	// looks, and whenever the process is killed, finds the old file or the new
	// one. It writes path+[TempSuffix], replacing what is there, and renames it.
	// Calls for one path must not overlap.
	WriteFile(path string, data []byte) error

	// Rename moves a file, in place of the one that is there, or a directory.
	Rename(from, to string) error

	// Remove removes a file or an empty directory.
	Remove(path string) error

	// Own reports whether the effective user owns what info describes. It is
	// true where files have no owners.
	Own(info fs.FileInfo) bool

	// Mappable reports whether files in dir may be mapped: it lies on a local
	// file system that keeps what preallocation promised. What cannot be told
	// is false.
	Mappable(dir string) bool
}

// File is an open regular file. ReadAt, WriteAt, Size and Linked may be called
// concurrently; the other methods are for one owner, and none may overlap with
// Close. A file is not inherited by child processes.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer // ends the lock; mappings stay

	// Size is the length of the file in bytes.
	Size() (int64, error)

	// Allocate makes the file at least size bytes long, and on Linux has the
	// file system set the blocks of all of them aside. Where that cannot be had,
	// the file is lengthened only, and Map is refused.
	// After an error the file may have any length between the old one and size.
	Allocate(size int64) error

	// Truncate makes the file size bytes long.
	Truncate(size int64) error

	// TryLock takes the file's exclusive lock, or reports false when another
	// open file has it, in this process or elsewhere. The lock ends with Close
	// and with the process. Locked again, the file stays locked.
	TryLock() (bool, error)

	// Linked reports whether path names this very file.
	Linked(path string) (bool, error)

	// Map maps the first size bytes, a multiple of eight, shared, for reading
	// and writing. The file should be that long: memory beyond its end faults.
	// Where it is not to be mapped, the error wraps [errors.ErrUnsupported].
	Map(size int64) (*Mapping, error)
}

// OS is the operating system's file system.
func OS() FS { return system{} }
