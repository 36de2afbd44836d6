package follow

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// place is where a file comes in a stream's queue.
type place int

const (
	atEnd        place = iota // the newest, and what it holds already is not read
	asNewest                  // the newest
	behindOthers              // an older one than that, and newer than all before
	beforeOthers              // one that had been finished
)

// passes is how often a rotation's files are looked for again while names change.
const passes = 50

// first begins a stream: with what the Store knows, or with what its path names, which
// is id; none if id is zero.
func (f *Follower) first(s *stream, fits []entry, id identity, now time.Time) {
	switch {
	case f.everything:
		f.rotated(s, now)
		return
	case s.stored:
		f.resumeStream(s, fits, id, now)
		return
	}
	f.ignore(s, f.unknown(fits))
	if id == (identity{}) {
		return
	}
	p := asNewest
	if !f.begun && !matchesAny(f.before, s.path) && !f.config.FromStart {
		p = atEnd
	}
	_, err := f.take(s, s.path, id, p, now)
	f.trouble(opening, s.path, err)
}

// resumeStream goes on where an earlier process has stopped: with the files that it had
// not finished, under whatever name in the directory, and with those since. It had noted
// which others there were, so no clock is asked what is new.
func (f *Follower) resumeStream(s *stream, fits []entry, id identity, now time.Time) {
	renamed := f.isRenamed(s, id)
	for _, g := range s.resumed {
		if g.id == id {
			continue
		}
		if path, ok := f.find(s, g); ok {
			_, err := f.take(s, path, g.id, behindOthers, now)
			f.trouble(opening, path, err)
		}
	}
	s.resumed = nil
	if !renamed { // so they are copies
		f.ignore(s, f.unknown(fits))
	}
	f.rotated(s, now)
}

// isRenamed reports whether the path names another file than when the Store was
// written, or other content.
func (f *Follower) isRenamed(s *stream, id identity) bool {
	f.mu.Lock()
	g := f.known[id]
	f.mu.Unlock()
	if g == nil || g.stream != s {
		return true
	}
	if g.next > 0 && g.isAt(s.path) { // of an empty file nothing tells
		return false
	}
	f.mu.Lock()
	s.remember(cut{g.print, g.next}) // its copy may be there
	f.mu.Unlock()
	return true
}

// find returns the name of a file in the directories of a stream.
func (f *Follower) find(s *stream, known *file) (path string, ok bool) {
	for _, e := range f.fits(s, false) {
		if e.id == known.id {
			return e.path, true
		}
	}
	if known.next == 0 {
		return "", false // it was empty: any file would do
	}
	for _, h := range s.homes {
		dir := filepath.Dir(h)
		for _, name := range f.list(dir, false).names {
			e, ok := f.entryAt(filepath.Join(dir, name))
			if ok && e.id == known.id && known.isAt(e.path) {
				return e.path, true
			}
		}
	}
	return "", false
}

// isAt reports whether a path names the file, and not one that was given its inode.
func (g *file) isAt(path string) bool {
	h, err := open(path)
	if err != nil {
		return false
	}
	defer h.Close()
	same, err := g.print.matches(h, g.next)
	return same && err == nil
}

// rotated takes what a stream's path names now, after the files that were created and
// renamed away since the last look.
func (f *Follower) rotated(s *stream, now time.Time) {
	for range passes {
		current, _, lookErr := look(s.path)
		fits := f.unknown(f.fits(s, true))
		f.missCompressed(s, fits)
		fits = slices.DeleteFunc(fits, func(e entry) bool { return e.compressed || lookErr == nil && e.id == current })
		if len(fits) > 0 {
			if !f.takeAll(s, fits, now) {
				return
			}
			continue
		}
		id, _, err := look(s.path)
		if err == nil && id == current && !f.room(s) {
			return
		}
		taken := false
		if err == nil && id == current {
			taken, err = f.take(s, s.path, id, asNewest, now)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return // the next look says what is there
		}
		f.trouble(opening, s.path, err)
		if taken || err != nil {
			return
		}
	}
}

// takeAll takes files, the oldest first. It reports whether it is worth while to look
// for more.
func (f *Follower) takeAll(s *stream, es []entry, now time.Time) bool {
	oldestFirst(es, func(e entry) found { return found{e.path, e.written} })
	for _, e := range es {
		if !f.room(s) {
			return false
		}
		taken, err := f.take(s, e.path, e.id, behindOthers, now)
		switch {
		case exhausted(err):
			f.trouble(opening, e.path, err)
			return false
		case err != nil:
			f.ignoreMissed(s, e, "cannot be opened ("+cause(err)+"): not read")
		case !taken:
			return true // its name has changed
		}
	}
	return true
}

// room reports whether another file of a stream may be opened.
func (f *Follower) room(s *stream) bool {
	f.mu.Lock()
	n := len(s.queue)
	f.mu.Unlock()
	if n >= waiting && !s.full {
		f.report(s.path, fmt.Sprintf("%d rotated files wait to be read; more are not opened until some have been", n))
	}
	s.full = n >= waiting
	return !s.full
}

// missCompressed notes the compressed ones of files nobody knows. Those that are of no
// file that was read were missed.
func (f *Follower) missCompressed(s *stream, unknown []entry) {
	for _, e := range unknown {
		switch {
		case !e.compressed:
		case f.wasRead(s, e):
			f.ignore(s, []entry{e})
		default:
			f.ignoreMissed(s, e, "compressed before it was read: not read")
		}
	}
}

// wasRead reports whether e is the compressed form of a file of the stream that was read:
// compressing keeps a file's time. Files that were written within one tick of the
// system's clock have the same time, so each stands for one compressed form only.
func (f *Follower) wasRead(s *stream, e entry) bool {
	f.mu.Lock()
	var open []*file
	var handles []*os.File
	for _, g := range s.queue {
		if !g.packed {
			open, handles = append(open, g), append(handles, g.handle)
		}
	}
	f.mu.Unlock()
	for i, h := range handles { // who reads may have closed it: then it is among the known
		if info, err := h.Stat(); err == nil && info.ModTime().Equal(e.written) {
			open[i].packed = true
			return true
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range f.known {
		if g.stream == s && g.status == closed && !g.packed && g.mtime.Equal(e.written) {
			g.unfinished, g.packed = false, true // it was read to its end
			return true
		}
	}
	return false
}

// ignoreMissed counts a file that is there and cannot be read.
func (f *Follower) ignoreMissed(s *stream, e entry, why string) {
	f.ignore(s, []entry{e})
	f.mu.Lock()
	if f.known[e.id] == nil { // it cannot even be opened
		f.known[e.id] = &file{id: e.id, stream: s, name: e.path, status: ignored, next: e.size, position: e.size}
	}
	f.mu.Unlock()
	f.dirty.Store(true)
	f.miss(e.path, why)
}

// miss counts and tells of a file that was not read.
func (f *Follower) miss(path, why string) {
	f.count(func(s *Summary) { s.MissedFiles++ })
	f.report(path, why)
}

// take opens what path names and has it read. It reports whether that was the file
// looked for.
func (f *Follower) take(s *stream, path string, id identity, p place, now time.Time) (bool, error) {
	h, err := open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	got, _, err := lookAt(h)
	if err != nil || got != id {
		_ = h.Close()
		return false, err
	}
	err = f.put(s, h, path, id, p, false, now)
	f.apply(f.watch.drain())
	for _, a := range f.track.waiting {
		a.made = false // it may be this one
	}
	return true, err
}

var errOutput = errors.New("it is where a sink writes: what is written would be read and written again for ever")

func (f *Follower) isOutput(h *os.File) bool {
	info, err := h.Stat()
	return err == nil && slices.ContainsFunc(f.config.Outputs, func(o fs.FileInfo) bool { return os.SameFile(o, info) })
}

// put has an open file read, unless it is or was; it owns h. A file that was made just
// now is none that was.
func (f *Follower) put(s *stream, h *os.File, path string, id identity, p place, made bool, now time.Time) error {
	if f.isOutput(h) {
		return errors.Join(errOutput, h.Close())
	}
	f.mu.Lock()
	g := f.known[id]
	open := g != nil && g.status == live
	if open && p <= asNewest {
		s.newest = g
		g.back = g.stream == s && s.queue[len(s.queue)-1] != g
	}
	f.mu.Unlock()
	if open {
		return h.Close()
	}
	if g != nil && made {
		f.replaced(g, false)
		g = nil
	}
	if g != nil {
		same, err := g.print.matches(h, g.next)
		if err != nil {
			return errors.Join(err, h.Close())
		}
		if same {
			return f.reopen(s, g, h, path, p, now)
		}
		f.replaced(g, path == s.path)
		if p == beforeOthers {
			return h.Close() // the new one is nobody's yet
		}
	}
	if p == behindOthers && f.isCopy(s, h) {
		_ = h.Close()
		f.ignore(s, []entry{{path: path, id: id}})
		return nil
	}
	var at int64
	var print print
	if p == atEnd {
		var err error
		if at, print, err = endOf(h); err != nil {
			return errors.Join(err, h.Close())
		}
	}
	g = &file{id: id, stream: s}
	f.count(func(s *Summary) { s.Files++ })
	f.enqueue(s, g, h, path, p, now, func() { g.beginAt(at, print) })
	return nil
}

// reopen has a file that is known and not open read on, if there may be something.
func (f *Follower) reopen(s *stream, g *file, h *os.File, path string, p place, now time.Time) error {
	info, err := h.Stat()
	if err != nil {
		return errors.Join(err, h.Close())
	}
	if p > asNewest && (g.status == ignored || !g.unfinished && info.Size() <= g.next) {
		f.mu.Lock()
		g.mtime = info.ModTime()
		f.mu.Unlock()
		return h.Close()
	}
	print, err := printAt(h, g.position)
	if err != nil {
		return errors.Join(err, h.Close())
	}
	if g.unfinished {
		f.count(func(s *Summary) { s.Files++ })
	}
	f.enqueue(s, g, h, path, p, now, func() { g.beginAt(g.position, print) })
	return nil
}

// enqueue makes a file one that is read, when prepare has said from where on.
func (f *Follower) enqueue(s *stream, g *file, h *os.File, path string, p place, now time.Time, prepare func()) {
	lines := f.config.Lines(g.stream.path)
	f.mu.Lock()
	defer f.mu.Unlock()
	prepare()
	g.handle, g.lines, g.heard, g.mtime = h, lines, now, time.Time{}
	g.name, g.status, g.unfinished, g.back, g.absent = path, live, false, false, 0
	f.known[g.id] = g
	if p == beforeOthers {
		g.stream.queue = slices.Insert(slices.Clone(g.stream.queue), 0, g)
	} else {
		g.stream.queue = append(slices.Clone(g.stream.queue), g)
	}
	if p <= asNewest {
		s.newest = g
	}
	f.dirty.Store(true)
}

// replaced forgets a file in whose place, on the same inode, is other content: under its
// own path it was truncated, under another one it is gone.
func (f *Follower) replaced(g *file, own bool) {
	f.mu.Lock()
	delete(f.known, g.id)
	unfinished := g.unfinished
	if unfinished && own {
		f.summary.Truncated++
	}
	f.mu.Unlock()
	f.dirty.Store(true)
	switch {
	case unfinished && own:
		f.report(g.name, "does not hold any more what was read of it; reading it from its start")
	case unfinished:
		f.miss(g.name, goneUnfinished)
	}
}

const goneUnfinished = "gone before it was read to its end"

// isCopy reports whether a file holds what one held that was truncated.
func (f *Follower) isCopy(s *stream, h *os.File) bool {
	f.mu.Lock()
	cuts := s.cut
	f.mu.Unlock()
	return slices.ContainsFunc(cuts, func(c cut) bool {
		same, err := c.print.matches(h, c.at)
		return same && err == nil && c.at > 0
	})
}
