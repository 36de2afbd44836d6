package follow

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// stream is a path that is followed, and the files that it has named.
type stream struct {
	path string

	// Guarded by Follower.mu.
	queue []*file // open; the first is the oldest, and is read
	gone  bool    // path names nothing
	cut   []cut   // what files held that were truncated: their copies hold that too

	// Owned by who looks.
	newest  *file    // that path named when it was looked at last; nil: none yet
	looked  bool     // path was looked at before
	told    bool     // that it names nothing
	missing int      // looks in a row that found that
	full    bool     // it was told that more files wait than are opened
	homes   []string // paths that its rotated files have names like

	targets []string // that path, as a symbolic link, has led to lately

	stored  bool    // the Store knows the path
	resumed []*file // that it knows as unfinished, in order
}

// cut is what a file held before it was truncated, as far as it was read.
type cut struct {
	print print
	at    int64
}

// cutKept is how many of a stream's truncations are remembered.
const cutKept = 16

// remember notes a truncation. It is called with Follower.mu held.
func (s *stream) remember(c cut) {
	s.cut = append(slices.Clone(s.cut[max(0, len(s.cut)-cutKept+1):]), c)
}

// addStream begins a stream of path, or returns the one there is.
func (f *Follower) addStream(path string) *stream {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := filepath.Clean(path)
	if s := f.byPath[key]; s != nil {
		return s
	}
	s := &stream{path: path, homes: []string{path}}
	f.streams = append(f.streams, s)
	f.byPath[key] = s
	return s
}

// read reads some of what there is, and reports whether there was something.
func (f *Follower) read(now time.Time) (busy bool, err error) {
	for _, s := range f.all() {
		more, err := f.readStream(s, now)
		if err != nil {
			return busy, err
		}
		busy = busy || more
	}
	if f.dirty.Load() && now.Sub(f.kept) >= saving {
		f.save(now)
	}
	return busy, nil
}

// readStream reads the stream's oldest file, and those behind it if it is finished.
func (f *Follower) readStream(s *stream, now time.Time) (busy bool, err error) {
	for total := 0; total < turnBytes; {
		g := f.oldest(s)
		if g == nil {
			return busy, nil
		}
		n, err := f.readFile(s, g, now)
		if err != nil {
			return busy, err
		}
		if n > 0 {
			busy, total = true, total+n
			continue
		}
		if done, err := f.atEnd(s, g, now); !done || err != nil {
			return busy, err
		}
		busy = true
	}
	return busy, nil
}

func (f *Follower) oldest(s *stream) *file {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(s.queue) == 0 {
		return nil
	}
	return s.queue[0]
}

// readFile reads the next bytes of a file. It returns how many there were; the error
// is one of Lines.
func (f *Follower) readFile(s *stream, g *file, now time.Time) (int, error) {
	data, err := g.more(f.buf)
	if errors.Is(err, errTruncated) {
		return 1, f.truncated(s, g, now)
	}
	f.trouble(reading, g.handle.Name(), err)
	if err != nil {
		if stale(err) {
			f.lose(s, g)
		}
		return 0, nil
	}
	if len(data) == 0 {
		return 0, nil
	}
	g.heard = now
	f.dirty.Store(true)
	return len(data), f.accept(g.feed(f.buf, data))
}

// accept counts what was accepted.
func (f *Follower) accept(n int64, err error) error {
	if n > 0 {
		f.dirty.Store(true)
		f.count(func(s *Summary) { s.Bytes += uint64(n) })
	}
	return err
}

// truncated begins the file again, or only its last line if no more than that was cut
// off. A line whose end is lost otherwise is given on as it is.
func (f *Follower) truncated(s *stream, g *file, now time.Time) error {
	if unread, done := g.takeBack(); done {
		f.takenBack(s, g, unread, now)
		return nil
	}
	if err := f.accept(g.end()); err != nil {
		return err
	}
	at := g.next
	f.mu.Lock()
	s.remember(cut{g.print, g.next})
	f.mu.Unlock()
	unread := g.restart()
	g.heard = now
	f.dirty.Store(true)
	f.count(func(s *Summary) { s.Truncated++; s.UnreadBytes += uint64(unread) })
	text := fmt.Sprintf("truncated after %d bytes were read; reading it from its start", at)
	if unread > 0 {
		text += fmt.Sprintf("; at least %d bytes were lost", unread)
	}
	f.report(s.path, text)
	return nil
}

// takenBack notes that the last line was cut off. What of it was read is no loss.
func (f *Follower) takenBack(s *stream, g *file, unread int64, now time.Time) {
	g.heard = now
	f.dirty.Store(true)
	if unread > 0 {
		f.count(func(s *Summary) { s.UnreadBytes += uint64(unread) })
		f.report(s.path, fmt.Sprintf("cut off at byte %d; at least %d bytes were lost", g.next, unread))
	}
}

// atEnd does what is to be done when everything has been read of a stream's oldest
// file. It reports whether another one is the oldest now.
func (f *Follower) atEnd(s *stream, g *file, now time.Time) (bool, error) {
	if len(g.held) > 0 && f.config.Hold > 0 && now.Sub(g.heard) >= f.config.Hold {
		if err := f.accept(g.release()); err != nil {
			return false, err
		}
	}
	f.mu.Lock()
	newer, gone, back := slices.Clone(s.queue[1:]), s.gone, g.back
	f.mu.Unlock()
	switch {
	case back && len(newer) > 0:
		f.requeue(s, g)
		return true, nil
	case !finished(g, newer, gone, now):
		return false, nil
	}
	if err := f.accept(g.end()); err != nil {
		return false, err
	}
	f.retire(s, g, false)
	return true, nil
}

// finished reports whether no more is expected of a file that was read to its end.
func finished(g *file, newer []*file, gone bool, now time.Time) bool {
	switch {
	case len(newer) >= hurried:
		return true
	case slices.ContainsFunc(newer, (*file).hasContent):
		return g.silent(now) >= settling
	case gone || len(newer) > 0:
		return g.silent(now) >= abandoned
	}
	return false
}

// requeue puts a file behind the newer ones.
func (f *Follower) requeue(s *stream, g *file) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g.back = false
	s.queue = append(slices.DeleteFunc(s.queue, func(h *file) bool { return h == g }), g)
}

// retire closes a file. What is known of it is kept while it lies in the directory.
func (f *Follower) retire(s *stream, g *file, unfinished bool) {
	removed := names(g.handle) == 0 && !unfinished
	_ = g.handle.Close() // nothing was written
	f.mu.Lock()
	defer f.mu.Unlock()
	if removed { // its inode is another file's soon
		delete(f.known, g.id)
	}
	g.status, g.unfinished, g.absent, g.back = closed, unfinished, 0, false
	g.handle, g.lines, g.held = nil, nil, nil
	s.queue = slices.DeleteFunc(s.queue, func(h *file) bool { return h == g })
	f.dirty.Store(true)
}

// lose gives up a file whose handle is worth nothing any more. Where it is found again
// it is read on from its position.
func (f *Follower) lose(s *stream, g *file) {
	f.trouble(reading, g.handle.Name(), nil)
	f.retire(s, g, true)
}
