// Package file is the sink that appends records to a file, one line of JSON for each.
// It registers the scheme file:
//
//	file:///var/log/app.jsonl?max-size=100MiB&rotate=24h&max-files=10&compress=gzip
//	file:app.jsonl
//
// # Lines
//
// The file and the directories it needs are made by the first write, and again
// whenever they are missing. A record is a line, and no line is torn or, but for the
// cases named below, written twice. When a write ends in the middle of a line (a full
// disk, a limit), that part is cut off again, or finished by the next attempt where it
// cannot be cut off (a file that can only be appended to). After an error the next
// attempt opens the file anew. What a killed process has left of a line is cut off if
// it begins like a record ({) and is not a whole one; any other last line without its
// newline is given one, and nothing of it is lost.
//
// A write holds an exclusive lock on the file, flock(2), and under it looks whether the
// path still names the file, or else opens the one it names. So several processes and
// sinks may write and rotate one file, as long as all of them are of this package: lines
// are whole, and no line goes to a file that another has rotated. Programs that do not
// take the lock may append whole lines in one write each: while one of them is under way,
// nothing is cut off. (Only a line that begins behind what a killed process has left, in
// the moment that is cut off, goes with it; or else it would have been a part of it.) On
// file systems and systems without flock (Windows) a file is to have one writer.
//
// What a program outside does is noticed by the next write: a file that was renamed or
// removed (logrotate) is left for a new one, a file that was truncated (copytruncate)
// is gone on with at its start. If the file was removed while a batch was written to
// it, and no other name leads to it, the batch is written again, to a new one.
//
// # Rotation
//
// max-size: before a write that would make the file larger, it is rotated. A batch is
// spread over files, by whole lines; a longer line has a file of its own. rotate: the
// first write at or after a multiple of it (24h: midnight UTC) rotates the file, if it
// was last written before; what a restarted process finds is judged by its time of
// modification. An empty file is not rotated.
//
// Rotating is renaming: app.jsonl to app-20060102T150405.000.jsonl, the moment in UTC, or
// the first millisecond after the latest name there is, if that is later: so the order
// of the names, as text, is always that of the rotations, however many there are in a
// moment and wherever the clock goes. Only at the end of the year 9999 do names go on with
// -1, -2 and so on behind the stamp. A rotation that fails is a failed
// attempt. A file that is a mount point cannot be rotated, nor can one with the name of
// a compressed file (.gz).
//
// After each rotation, and at the first write, rotated files are removed, oldest
// first: those beyond the newest max-files, then those older than max-age (by name or
// time of modification, whichever is earlier; the newest one stays, and so does what
// lies in the future), then as many as make all of them and the file fit into
// max-total, which is also looked after before each write. A line that is longer than
// max-total is written all the same: its file does not count as long as it is the file
// or the newest rotated one, and so removes no other. Neither does a compressed file
// that is being made. Only regular files whose names have exactly this form are
// counted, removed or compressed.
//
// compress=gzip: a goroutine compresses rotated files, oldest first, also those of an
// earlier process. The original is synced, and removed when the compressed file is whole,
// on the disk and under its name; a process killed in between leaves both, and the next
// one removes the original. Close does not wait for it: the original stays. A file
// that cannot be compressed is tried again after each rotation, and told once.
//
// # On the disk
//
// fsync=never leaves it to the system when what was written gets to the disk: a crash
// of the process loses nothing, one of the machine may. fsync=batch forces every batch
// to the disk before it counts as delivered. fsync=1s does so within a second; what was
// delivered in between may be lost with the machine. With both, files are synced before
// they are rotated, and directories after. An error of fsync is a failed attempt, the
// next one opens the file anew; with fsync=batch it writes all of its batch again, so
// that lines may be there twice. An error of the goroutines, of fsync=1s and of
// compress, fails the next attempt, once, before anything is written; so does one of the
// sync, with fsync=1s, of a file that is left because of another error.
//
// # Other files
//
// A path that is a symbolic link to a name in its own directory stands for that name,
// which is what is written and rotated. A link to anywhere else is an error:
// who may write to the directory of a log is not to choose which file is written. (For
// /dev/stdout use the scheme stdout.) The directories may be links.
//
// Devices and FIFOs can be written too, and not rotated. A FIFO without a reader is an
// error, and another attempt may find one.
package file

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"

	"github.com/fapilog/fapilog/sink"
)

func init() {
	sink.Register("file", func() sink.Opener { return &Config{} })
}

// Config describes a file. A Path is required; everything else may be zero.
type Config struct {
	Path     string        // relative to the working directory at New
	MaxSize  sink.Bytes    // rotate before a write that would make the file larger; 0: no limit
	Rotate   sink.Duration // rotate at multiples of it since midnight UTC of 0001-01-01; 0: never
	MaxFiles int           // rotated files kept; 0: all
	MaxAge   sink.Duration // age of the oldest rotated file kept; 0: any
	MaxTotal sink.Bytes    // size of the file and the rotated ones together; 0: no limit
	Compress string        // of rotated files: None or Gzip; empty: None
	Fsync    Fsync         // default Never
}

// The values of Config.Compress.
const (
	None = "none"
	Gzip = "gzip"
)

// Flags implements [sink.Opener].
func (c *Config) Flags(fs *flag.FlagSet) {
	fs.Var(&c.MaxSize, "max-size", "rotate before a write that would make the file larger than this `size`; 0: no limit")
	fs.Var(&c.Rotate, "rotate", "rotate at multiples of this `interval`; 24h: at midnight UTC; 0: never")
	fs.IntVar(&c.MaxFiles, "max-files", c.MaxFiles, "`number` of rotated files kept; 0: all")
	fs.Var(&c.MaxAge, "max-age", "`age` beyond which rotated files are removed; 0: none")
	fs.Var(&c.MaxTotal, "max-total", "`size` of the file and the rotated ones together, beyond which the oldest are removed; 0: no limit")
	fs.Var(sink.Enum(&c.Compress, None, Gzip), "compress", "how rotated files are compressed: `none|gzip`")
	fs.Var(&c.Fsync, "fsync", "when what was written is forced to the disk: `never|batch|interval`; an interval such as 1s")
	sink.Alias(fs, "maxBytes", "max-size")
	sink.Alias(fs, "backupCount", "max-files")
}

// Defaults implements [sink.Defaulter].
func (c *Config) Defaults() map[string]string { return map[string]string{"linger": "5ms"} }

// Open implements [sink.Opener]. It is New.
func (c *Config) Open(context.Context) (sink.Sink, error) { return New(*c) }

// New returns the sink. It looks at no file: the first Write creates the file, with
// mode 0640 less the umask, and the directories it needs, with 0750. The error joins
// what is wrong with the settings. The sink may have goroutines, until its Close has
// returned.
func New(c Config) (sink.Sink, error) {
	if err := errors.Join(checkPath(c.Path), c.checkSettings()); err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	return newAppender(path, c), nil
}
