package follow

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// event is something that has happened to a name in a watched directory.
type event struct {
	kind   eventKind
	dir    string // as it was given to watch.add
	name   string
	cookie uint32 // of a file that left and came: the same
}

type eventKind int

const (
	created eventKind = iota
	left              // under this name; it may come under another
	came
	removed
	overflowed // some events were lost
)

// arrival is a file that came and was not opened yet.
type arrival struct {
	stream *stream
	born   string // path under which it is followed
	path   string // where it is now
	moves  int    // how often that has changed
	fresh  bool   // nobody can know it yet
	made   bool   // it was created here, or linked
	away   bool   // it has left, and has not come yet
	gone   bool   // its name is
	tries  int    // times that it was not where it should have been
}

// tracker follows files by name from when they come until they are opened: in between
// they may be renamed. It is owned by who looks.
type tracker struct {
	waiting []*arrival // in the order they came
	at      map[string]*arrival
	moving  map[uint32]move // files that have left, and may come
}

// move is what has left: an arrival, or else something that was followed or was not.
type move struct {
	arrival  *arrival
	followed bool
	at       time.Time
}

// transit is how long a file that has left may take to come: both events are made by
// one call of the system.
const transit = 100 * time.Millisecond

func newTracker() tracker {
	return tracker{at: make(map[string]*arrival), moving: make(map[uint32]move)}
}

// pending reports whether a file of s has come that was not opened yet.
func (t *tracker) pending(s *stream) bool {
	return slices.ContainsFunc(t.waiting, func(a *arrival) bool { return a.stream == s })
}

func (t *tracker) add(a *arrival) {
	t.vacate(a.path)
	t.at[a.path] = a
	t.waiting = append(t.waiting, a)
}

// vacate says that what was at path is not any more.
func (t *tracker) vacate(path string) *arrival {
	a := t.at[path]
	if a != nil {
		a.gone = true
		delete(t.at, path)
	}
	return a
}

func (t *tracker) drop(a *arrival) {
	if t.at[a.path] == a {
		delete(t.at, a.path)
	}
	t.waiting = slices.DeleteFunc(t.waiting, func(b *arrival) bool { return a == b })
}

// catchUp opens what has come according to the directories.
func (f *Follower) catchUp() {
	f.apply(f.watch.drain())
	f.openArrivals()
}

// apply follows names through events.
func (f *Follower) apply(events []event) {
	for _, e := range events {
		path := filepath.Join(e.dir, e.name)
		switch e.kind {
		case created:
			f.arrive(path, true, true)
		case left:
			a := f.track.at[path]
			delete(f.track.at, path)
			if a != nil {
				a.away = true
				a.moves++
			}
			f.track.moving[e.cookie] = move{a, f.isStream(path), time.Now()}
		case came:
			f.came(path, e.cookie)
		case removed:
			f.track.vacate(path)
		case overflowed:
			f.track, f.watched = newTracker(), nil // a look finds what there is
		}
	}
}

func (f *Follower) came(path string, cookie uint32) {
	m, ok := f.track.moving[cookie]
	delete(f.track.moving, cookie)
	if m.arrival == nil {
		f.track.vacate(path)
		f.arrive(path, !ok || !m.followed, false)
		return
	}
	f.track.vacate(path)
	m.arrival.path, m.arrival.away = path, false
	m.arrival.moves++
	f.track.at[path] = m.arrival
}

// arrive notes a file that has come, if its path is followed.
func (f *Follower) arrive(path string, fresh, made bool) {
	f.mu.Lock()
	s := f.byPath[path]
	f.mu.Unlock()
	if s == nil && !f.matches(path) {
		return
	}
	f.track.add(&arrival{stream: s, born: path, path: path, fresh: fresh, made: made})
}

func (f *Follower) isStream(path string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byPath[path] != nil
}

// openArrivals opens the files that have come, each stream's in their order.
func (f *Follower) openArrivals() {
	f.loseLeft()
	stopped := make(map[*stream]bool) // one of its files cannot be opened now
	for _, a := range slices.Clone(f.track.waiting) {
		s := a.stream
		if s != nil && (stopped[s] || s.stored && !s.looked || !f.room(s)) {
			stopped[s] = true
			continue
		}
		if !f.openArrival(a) {
			stopped[a.stream] = true
		}
	}
}

// loseLeft gives up what has left and has not come anywhere where it can be seen.
func (f *Follower) loseLeft() {
	for cookie, m := range f.track.moving {
		if time.Since(m.at) < transit {
			continue
		}
		delete(f.track.moving, cookie)
		if m.arrival != nil {
			m.arrival.gone = true
		}
	}
}

// loseArrivals opens what can still be opened, and gives up what is nowhere: there is no
// later look that would.
func (f *Follower) loseArrivals() {
	for range absences + 2 {
		if len(f.track.waiting) == 0 {
			return
		}
		f.catchUp()
	}
	for _, a := range slices.Clone(f.track.waiting) {
		if _, err := os.Lstat(a.path); errors.Is(err, fs.ErrNotExist) {
			f.missArrival(a)
		}
	}
}

// openArrival opens a file that has come. It reports false if that is to be tried
// again.
//
// A name may have gone to another file between the event and the opening. So the
// events that have come meanwhile are looked at after it: if none was about the name,
// it was the right one. If the file was renamed, the one that was opened must be what
// is found under the new name, and that name must not have changed either.
func (f *Follower) openArrival(a *arrival) (done bool) {
	for range passes {
		if a.gone {
			f.missArrival(a)
			return true
		}
		if a.away {
			f.apply(f.watch.drain())
			if a.away {
				return false
			}
		}
		moves := a.moves
		h, err := open(a.path)
		f.apply(f.watch.drain())
		switch {
		case err != nil && (a.gone || a.moves != moves):
			continue
		case err != nil:
			return f.cannotOpen(a, err)
		}
		id, info, err := lookAt(h)
		if err != nil || !f.isArrival(a, id, moves) {
			_ = h.Close()
			continue
		}
		if !info.Mode().IsRegular() {
			_ = h.Close()
			f.track.drop(a)
			return true
		}
		return f.putArrival(a, h, id)
	}
	return false
}

// isArrival reports whether what was opened under a's name, when it had been renamed
// that often, is a.
func (f *Follower) isArrival(a *arrival, id identity, moves int) bool {
	same := a.moves == moves
	if same && !a.gone {
		return true
	}
	moves = a.moves
	now, _, err := look(a.path)
	if a.gone { // its name has gone to nobody, or to another, and what was opened is not that
		return same && (err != nil || now != id)
	}
	f.apply(f.watch.drain())
	return err == nil && now == id && a.moves == moves && !a.gone && !a.away
}

// putArrival has the open file of an arrival read; it owns h.
func (f *Follower) putArrival(a *arrival, h *os.File, id identity) bool {
	f.track.drop(a)
	f.mu.Lock()
	g := f.known[id]
	f.mu.Unlock()
	if g != nil && g.status == live && g.fresh && a.fresh && a.moves > 0 {
		_ = h.Close()
		f.missArrival(a) // this one, or the one whose place it has taken
		return true
	}
	if a.stream == nil && g != nil && g.status == live {
		_ = h.Close()
		return true // it is read already, under another name
	}
	if a.stream == nil {
		a.stream = f.addStream(a.born)
	}
	made := a.made && names(h) == 1 // a link is made of what was there
	err := f.put(a.stream, h, a.path, id, asNewest, made, time.Now())
	if errors.Is(err, errOutput) {
		return true // the next look tells of it
	}
	if err != nil {
		f.miss(a.path, "cannot be read ("+cause(err)+"): not read")
		return true
	}
	f.mu.Lock()
	if g := f.known[id]; g != nil && a.fresh {
		g.fresh = true
	}
	f.mu.Unlock()
	return true
}

// cannotOpen decides what becomes of a file that is where it should be and cannot be
// opened.
func (f *Follower) cannotOpen(a *arrival, err error) (done bool) {
	if exhausted(err) {
		f.trouble(opening, a.born, err)
		return false
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(a.path); err == nil { // a symbolic link to nothing
			f.track.drop(a)
			return true
		}
		if a.tries++; a.tries <= absences {
			return false
		}
		a.gone = true
		f.missArrival(a)
		return true
	}
	if a.path != filepath.Clean(a.born) { // the next look tells of the path itself
		f.miss(a.path, "cannot be opened ("+cause(err)+"): not read")
	}
	f.track.drop(a)
	return true
}

// missArrival counts a file that came and is gone.
func (f *Follower) missArrival(a *arrival) {
	f.track.drop(a)
	if a.fresh {
		f.miss(a.born, "a file was there and was gone before it could be opened")
	}
}
