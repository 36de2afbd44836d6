package follow

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"
)

var errNotRegular = errors.New("it is not a regular file; what a pipe or device holds goes to fapilog pipe")

// look looks at all names: at what the paths name, at the patterns for what is new, at
// the directories for files that have grown after all or that nobody has seen come.
func (f *Follower) look(now time.Time) {
	f.listings, f.watched = make(map[string]*listing), make(map[string]bool)
	f.expand()
	for _, s := range f.all() {
		s.home()
	}
	f.watchAll()
	f.catchUp()
	for _, s := range f.all() {
		f.check(s, now)
	}
	f.forget()
	f.tellCrowded()
	if !f.begun {
		f.dirty.Store(true)
	}
	f.listings, f.begun = nil, true
}

// expand begins streams for what matches a pattern by now.
func (f *Follower) expand() {
	for _, p := range f.config.Patterns {
		found := false
		paths, _ := filepath.Glob(p) // the pattern is well-formed; what cannot be read does not match
		for _, path := range paths {
			if isCompressed(path) {
				f.tellCompressed(p, path)
				continue
			}
			id, info, err := look(path)
			if err == nil && !info.Mode().IsRegular() {
				continue
			}
			found = true
			if err == nil {
				f.saw(id, path)
			}
			if !f.isKnown(id) || err != nil && !errors.Is(err, fs.ErrNotExist) {
				f.addStream(path)
			}
		}
		if !found && !f.begun {
			f.report(p, "matches no file yet; waiting for one")
		}
	}
}

// tellCompressed tells, once for each pattern, that a compressed file that matches it is
// not followed.
func (f *Follower) tellCompressed(pattern, path string) {
	f.mu.Lock()
	named := f.byPath[filepath.Clean(path)] != nil
	f.mu.Unlock()
	if !named && !f.packed[pattern] {
		f.packed[pattern] = true
		f.report(path, "matches "+pattern+" and is compressed: such files are not read")
	}
}

func (f *Follower) isKnown(id identity) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known[id] != nil
}

// watchAll has the directories watched in which streams' files come and go.
func (f *Follower) watchAll() {
	for _, s := range f.all() {
		f.watchDir(filepath.Dir(s.path))
	}
	for _, p := range f.config.Patterns {
		dir := filepath.Dir(p)
		if !hasMeta(dir) {
			f.watchDir(dir)
			continue
		}
		dirs, _ := filepath.Glob(dir)
		for _, d := range dirs {
			f.watchDir(d)
		}
	}
}

// watchDir has a directory watched. Where it cannot be, looks have to do.
func (f *Follower) watchDir(dir string) {
	err := f.watch.add(dir)
	f.watched[dir] = f.watch != nil && err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !f.unwatched[dir] {
		f.unwatched[dir] = true
		f.report(dir, "cannot be watched ("+cause(err)+"); looking every "+f.config.Scan.String())
	}
}

// check looks at what a stream's path names.
//
// Names are listed before the path is looked at: if it still names the newest file
// then, no file that was listed was the stream's current one without being seen.
func (f *Follower) check(s *stream, now time.Time) {
	fits := f.fits(s, false)
	id, info, err := look(s.path)
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	f.setGone(s, errors.Is(err, fs.ErrNotExist))
	defer func() { s.looked = true }()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.trouble(opening, s.path, nil)
		f.tellMissing(s)
		if !s.looked {
			f.first(s, fits, identity{}, now)
		}
		f.recheck(s, fits, now)
		if s.looked && !f.watched[filepath.Dir(s.path)] {
			f.rotated(s, now) // it may have been there meanwhile
		}
		return
	case err != nil:
		f.trouble(opening, s.path, err)
		return
	}
	s.told = false
	f.saw(id, s.path)
	f.recheck(s, fits, now)
	switch {
	case !s.looked && s.newest == nil:
		f.first(s, fits, id, now)
	case f.isCurrent(s, id):
		f.trouble(opening, s.path, nil)
		if !f.track.pending(s) {
			f.ignore(s, f.unknown(fits))
		}
	default:
		f.catchUp() // the directory may have told of it by now
		if !f.isCurrent(s, id) && !f.track.pending(s) {
			f.rotated(s, now)
		}
	}
}

func (f *Follower) setGone(s *stream, gone bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.gone = gone
}

// tellMissing tells that a path names nothing, but not at once if it did: it may be
// about to be created again.
func (f *Follower) tellMissing(s *stream) {
	if s.told || f.matches(s.path) {
		return
	}
	if s.missing++; s.missing > 1 || !s.looked {
		s.told, s.missing = true, 0
		f.report(s.path, "does not exist; waiting for it")
	}
}

// isCurrent reports whether the stream's newest file has this identity, and is open.
func (f *Follower) isCurrent(s *stream, id identity) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return s.newest != nil && s.newest.id == id && s.newest.status == live && !s.newest.back
}

// recheck looks again at files that are known and not open: one may have grown after
// all, and is read on; and an inode may have gone to another file.
func (f *Follower) recheck(s *stream, fits []entry, now time.Time) {
	for _, e := range append(f.earlier(s), fits...) {
		f.mu.Lock()
		g := f.known[e.id]
		changed := g != nil && g.status != live && (g.unfinished || e.size != g.next || !e.written.Equal(g.mtime))
		resumed := changed && g.unfinished && !s.looked // resumeStream takes it
		f.mu.Unlock()
		if changed && !resumed {
			_, _ = f.take(s, e.path, e.id, beforeOthers, now) // again at the next look
		}
	}
}

// ignore notes files that are not to be read: older than the following, or copies.
func (f *Follower) ignore(s *stream, es []entry) {
	for _, e := range es {
		h, err := open(e.path)
		if err != nil {
			continue // next time
		}
		id, info, err := lookAt(h)
		g := &file{id: id, stream: s, name: e.path, status: ignored}
		if err == nil {
			g.next, g.mtime = info.Size(), info.ModTime()
			g.position = g.next
			g.print, err = printAt(h, g.next)
		}
		_ = h.Close()
		if err == nil {
			f.mu.Lock()
			if f.known[id] == nil {
				f.known[id] = g
				f.dirty.Store(true)
			}
			f.mu.Unlock()
		}
	}
}

// absences is after how many looks that have not found it a file is forgotten: one
// look at a directory that changes may miss a name.
const absences = 5

// forget forgets the files that are gone, and the streams of which nothing is left.
func (f *Follower) forget() {
	var lost []*file
	f.mu.Lock()
	for id, g := range f.known {
		if g.status == live || !f.listed(g) {
			continue
		}
		if g.absent++; g.absent <= absences {
			continue
		}
		delete(f.known, id)
		f.dirty.Store(true)
		if g.unfinished {
			f.summary.MissedFiles++
			lost = append(lost, g)
		}
	}
	f.dropStreams()
	f.mu.Unlock()
	for _, g := range lost {
		f.report(g.name, goneUnfinished)
	}
}

// listed reports whether the directory in which a file was seen last could be listed.
func (f *Follower) listed(g *file) bool {
	l := f.listings[filepath.Dir(g.name)]
	return l != nil && l.err == nil
}

// dropStreams drops the streams that a pattern has brought and of which nothing is
// left. It is called with f.mu held.
func (f *Follower) dropStreams() {
	used := make(map[*stream]bool)
	for _, g := range f.known {
		used[g.stream] = true
	}
	f.streams = slices.DeleteFunc(f.streams, func(s *stream) bool {
		drop := s.gone && !used[s] && f.matches(s.path) && !f.track.pending(s)
		if drop {
			delete(f.byPath, filepath.Clean(s.path))
		}
		return drop
	})
}
