package follow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	settling  = time.Second     // for which an older file is silent before it is finished
	abandoned = 5 * time.Minute // the same, where no newer file has content
	hurried   = 16              // newer files that end an older one at its end, silent or not
	waiting   = 128             // files of a stream that are open at most
	saving    = time.Second     // between two times that positions are kept

	chunkBytes = 128 << 10 // read at once
	turnBytes  = 1 << 20   // read of a stream before the next one's turn

	quickest, slowest = 10 * time.Millisecond, 250 * time.Millisecond // between two reads at the end of all files
)

// Config says what a Follower follows. Patterns and Lines are needed.
type Config struct {
	// Patterns are paths, or patterns of [filepath.Match], of files; see [Check]. What
	// does not exist yet is waited for. A pattern stands for files only. Where there is a
	// file of exactly that name at first which it does not match, it is a path.
	Patterns []string

	// FromStart has the files that are there at first, and that Store does not know, read
	// from their first byte and not from the end of their last line.
	FromStart bool

	Store *Store        // where positions are kept; nil: nowhere
	Scan  time.Duration // between two looks at the files' names; default 1s
	Hold  time.Duration // for which lines are held without another one; 0: for ever

	// Outputs are files that are not read, under whatever name they appear: what is read
	// goes to them. That is told as a failure.
	Outputs []fs.FileInfo

	// Lines returns what takes the lines of one of path's files.
	Lines func(path string) Lines

	// Durable reports whether lines that are accepted outlive this process. Positions
	// that cover lines are not kept while they do not, but see Close. nil: they always
	// do.
	Durable func() bool

	// Report is told what keeps a file from being read, and what was lost: once for
	// each change, on any goroutine. It does not wait long. nil: nobody is told.
	Report func(path, text string)
}

// Summary is what a Follower has read.
type Summary struct {
	Files       uint64 `json:"files"`        // that were opened to be read
	Bytes       uint64 `json:"bytes"`        // accepted
	Truncated   uint64 `json:"truncated"`    // times that a file lost what had been read of it
	UnreadBytes uint64 `json:"unread_bytes"` // known to be lost by that; how many more were there nobody knows
	MissedFiles uint64 `json:"missed_files"` // that were gone, or compressed, before they were read, or before they were read to their end
	Failing     uint64 `json:"failing"`      // paths and files that cannot be read now, but for paths that name nothing
}

// Whole reports whether nothing is known to be missing.
func (s Summary) Whole() bool { return s.UnreadBytes == 0 && s.MissedFiles == 0 && s.Failing == 0 }

// Follower follows files. Its two goroutines are that of Run, which reads, and one that
// looks at names, so that a file that is renamed while a line waits to be accepted is
// opened all the same.
type Follower struct {
	config Config
	watch  *watch // nil: there is none

	mu       sync.Mutex // held for memory only
	streams  []*stream  // in the order they were found
	byPath   map[string]*stream
	known    map[identity]*file
	summary  Summary
	troubles map[trouble]string // what was told last
	starved  map[string]bool    // paths that cannot be opened for want of descriptors

	dirty atomic.Bool // there is something to be kept that was not

	// Owned by who looks.
	track      tracker
	begun      bool                // a look has been taken
	before     []string            // patterns that were followed when the Store was written
	others     positions           // what the Store has of paths and patterns that are not followed now
	crowded    bool                // it was told that descriptors are wanting,
	crowd      string              // of this path
	everything bool                // it has some that cannot be read: all that there is comes again
	listings   map[string]*listing // of this look, by directory
	watched    map[string]bool     // directories whose events tell of everything since the last look
	unwatched  map[string]bool     // directories that cannot be watched
	packed     map[string]bool     // patterns of which it was told that compressed files match

	// Owned by who reads.
	buf  []byte
	kept time.Time // when positions were
}

// New returns a Follower of what c says. It reads the positions that c.Store has. It
// opens none of the files; Finish and then Close are to be called in any case.
func New(c Config) *Follower { return newFollower(c, newWatch()) }

func newFollower(c Config, w *watch) *Follower {
	if c.Scan == 0 {
		c.Scan = time.Second
	}
	f := &Follower{
		config: c, watch: w, buf: make([]byte, printBytes+chunkBytes),
		track: newTracker(), unwatched: make(map[string]bool), packed: make(map[string]bool),
		byPath: make(map[string]*stream), known: make(map[identity]*file), troubles: make(map[trouble]string), starved: make(map[string]bool),
	}
	f.config.Patterns = nil
	for _, p := range c.Patterns {
		if !isPattern(p) {
			f.addStream(p)
		} else {
			f.config.Patterns = append(f.config.Patterns, filepath.Clean(p))
		}
	}
	f.resume()
	return f
}

// Check reports what is wrong with a path or pattern.
func Check(pattern string) error {
	if pattern == "" {
		return errors.New("an empty path")
	}
	if _, err := filepath.Match(pattern, ""); err != nil && isPattern(pattern) {
		return errors.New("malformed pattern; put \\ before a [ that stands for itself")
	}
	return nil
}

// isPattern reports whether path is a pattern rather than a path: what there is under
// exactly that name is meant, whatever characters are in it, unless the pattern finds it
// anyway, among others.
func isPattern(path string) bool {
	if !hasMeta(path) {
		return false
	}
	if self, err := filepath.Match(path, path); err == nil && self {
		return true
	}
	_, err := os.Lstat(path)
	return err != nil
}

// hasMeta reports whether path may be a pattern rather than a path.
func hasMeta(path string) bool { return strings.ContainsAny(path, `*?[`) }

// Run follows the files until ctx ends. An error is one of Lines; then it ends too.
func (f *Follower) Run(ctx context.Context) error {
	f.look(time.Now())
	f.keep(time.Now()) // from now on what is new is not to be missed; no line is covered yet
	ctx, cancel := context.WithCancel(ctx)
	looking := make(chan struct{}) // closed when nobody looks any more
	go func() {
		defer close(looking)
		f.keepLooking(ctx)
	}()
	err := f.keepReading(ctx)
	cancel()
	<-looking
	return err
}

func (f *Follower) keepLooking(ctx context.Context) {
	ticker := time.NewTicker(f.config.Scan)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.watch.wake():
			f.catchUp()
		case <-ticker.C:
			f.look(time.Now())
		}
	}
}

func (f *Follower) keepReading(ctx context.Context) error {
	pause := quickest
	for {
		busy, err := f.read(time.Now())
		if err != nil {
			return err
		}
		if busy {
			pause = quickest
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
			pause = min(2*pause, slowest)
		}
	}
}

// Finish reads on to the present end of all files or, where following has ended with an
// error or ctx ends, no more; keeps the positions, and closes the files.
//
// A line that has not ended is left for the next process. Without a Store there will
// be none that knows of it, and it is given on as it is.
func (f *Follower) Finish(ctx context.Context, failed error) error {
	err := failed
	if err == nil {
		f.look(time.Now())
		f.loseArrivals()
		err = f.readOut(ctx)
	}
	f.save(time.Now())
	f.closeFiles()
	return err
}

// Close keeps the positions, if settled says that nothing has to be accepted again by
// another process: then they need no Durable. It closes the Store.
func (f *Follower) Close(settled bool) {
	if settled {
		f.keep(time.Now())
	}
	if f.config.Store != nil {
		_ = f.config.Store.Close() // nothing was written
	}
}

// readOut reads every open file to its end, in order.
func (f *Follower) readOut(ctx context.Context) error {
	for _, s := range f.all() {
		for _, g := range f.queue(s) {
			for ctx.Err() == nil {
				n, err := f.readFile(s, g, time.Now())
				if err != nil {
					return err
				}
				if n == 0 {
					break
				}
			}
			if ctx.Err() != nil {
				break // what follows would come before what is left
			}
			give := g.release
			if f.config.Store == nil {
				give = g.end
			}
			if err := f.accept(give()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Follower) closeFiles() {
	f.watch.close()
	for _, s := range f.all() {
		for _, g := range f.queue(s) {
			_ = g.handle.Close() // nothing was written
		}
	}
}

// Summary returns what has been read so far. It is safe for concurrent use.
func (f *Follower) Summary() Summary {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.summary
	s.Failing = uint64(len(f.troubles))
	return s
}

// count changes the summary.
func (f *Follower) count(change func(*Summary)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.summary)
}

// all returns the streams there are.
func (f *Follower) all() []*stream {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.streams)
}

// queue returns the files of a stream that are open.
func (f *Follower) queue(s *stream) []*file {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(s.queue)
}

// trouble is what cannot be done with a path.
type trouble struct {
	what activity
	path string
}

type activity string

const (
	opening activity = "opening"
	reading activity = "reading"
	keeping activity = "keeping positions"
)

// trouble tells what goes wrong with path, unless that was the last that was told;
// nil: nothing does any more. Of the files for which there are no descriptors
// tellCrowded tells.
func (f *Follower) trouble(what activity, path string, err error) {
	text, key := "", trouble{what, path}
	if err != nil {
		text = string(what) + ": " + cause(err)
	}
	f.mu.Lock()
	last := f.troubles[key]
	if text == "" {
		delete(f.troubles, key)
	} else {
		f.troubles[key] = text
	}
	told := false // by tellCrowded
	if what == opening {
		starved := exhausted(err)
		told = starved || f.starved[path] && err == nil
		if starved {
			f.starved[path] = true
		} else {
			delete(f.starved, path)
		}
	}
	f.mu.Unlock()
	switch {
	case text == last || told:
	case text == "":
		f.report(path, string(what)+" works again")
	default:
		f.report(path, text+"; trying again every "+f.config.Scan.String())
	}
}

// tellCrowded tells that files cannot be opened for want of descriptors, once for all
// of them, and when there are enough again.
func (f *Follower) tellCrowded() {
	f.mu.Lock()
	starved := slices.Sorted(maps.Keys(f.starved))
	f.mu.Unlock()
	if crowded := len(starved) > 0; crowded == f.crowded {
		return
	}
	f.crowded = !f.crowded
	if !f.crowded {
		f.report(f.crowd, string(opening)+" works again")
		return
	}
	f.crowd = starved[0]
	f.report(f.crowd, fmt.Sprintf("%s: too many open files; %d files are not read; raise the limit (ulimit -n); trying again every %v", opening, len(starved), f.config.Scan))
}

func (f *Follower) report(path, text string) {
	if f.config.Report != nil {
		f.config.Report(path, text)
	}
}

// cause is an error of the system without the path, which stands before it.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
