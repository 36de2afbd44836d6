package follow

import (
	"os"
	"path/filepath"
	"slices"
	"time"
)

// listing is what a directory held of the rotated files of streams.
type listing struct {
	err   error
	fits  map[string][]entry // by the name that the file may have had
	names []string           // all
}

// entry is a regular file in a directory.
type entry struct {
	path       string
	id         identity
	size       int64
	written    time.Time // last
	compressed bool      // by its name
}

// list lists a directory, once a look unless fresh.
func (f *Follower) list(dir string, fresh bool) *listing {
	if l := f.listings[dir]; l != nil && !fresh {
		return l
	}
	l := &listing{fits: make(map[string][]entry)}
	if f.listings != nil {
		f.listings[dir] = l
	}
	l.names, l.err = namesIn(dir)
	bases := f.bases(dir)
	for _, name := range l.names {
		origins, compressed := rotatedFrom(name)
		origins = slices.DeleteFunc(origins, func(o string) bool { return !bases[o] })
		path := filepath.Join(dir, name)
		if len(origins) == 0 || f.follows(path) {
			continue
		}
		if e, ok := f.entryAt(path); ok {
			e.compressed = compressed
			for _, o := range slices.Compact(origins) {
				l.fits[o] = append(l.fits[o], e)
			}
		}
	}
	return l
}

func namesIn(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// entryAt returns the regular file of a name in a directory.
func (f *Follower) entryAt(path string) (entry, bool) {
	id, info, err := lookAtEntry(path)
	if err != nil || !info.Mode().IsRegular() {
		return entry{}, false
	}
	f.saw(id, path)
	return entry{path: path, id: id, size: info.Size(), written: info.ModTime()}, true
}

// saw notes that a file is there.
func (f *Follower) saw(id identity, path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if g := f.known[id]; g != nil {
		g.name, g.absent = path, 0
	}
}

// bases returns the names in a directory that streams have.
func (f *Follower) bases(dir string) map[string]bool {
	bases := make(map[string]bool)
	for _, s := range f.all() {
		for _, h := range s.homes {
			if filepath.Dir(h) == dir {
				bases[filepath.Base(h)] = true
			}
		}
	}
	return bases
}

// follows reports whether a path is, or may become, a stream's own.
func (f *Follower) follows(path string) bool {
	f.mu.Lock()
	s := f.byPath[filepath.Clean(path)]
	f.mu.Unlock()
	return s != nil || f.matches(path)
}

// matches reports whether a path matches a pattern, and is no compressed file's.
func (f *Follower) matches(path string) bool { return matchesAny(f.config.Patterns, path) }

func matchesAny(patterns []string, path string) bool {
	return !isCompressed(path) && slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := filepath.Match(p, filepath.Clean(path)) // Check has seen the pattern
		return ok
	})
}

// home finds out where a stream's rotated files would be: beside its path and, if that
// is a symbolic link, beside what it leads to.
func (s *stream) home() {
	s.homes = append(s.homes[:0], s.path)
	if real, err := filepath.EvalSymlinks(s.path); err == nil && real != filepath.Clean(s.path) {
		s.homes = append(s.homes, real)
		if !slices.Contains(s.targets, real) {
			s.targets = append(s.targets[max(0, len(s.targets)-targetsKept+1):], real)
		}
	}
}

// targetsKept is how many files that a link has led to are looked at again.
const targetsKept = 8

// earlier returns the files that a stream's path has led to.
func (f *Follower) earlier(s *stream) (es []entry) {
	for _, path := range s.targets {
		if e, ok := f.entryAt(path); ok {
			es = append(es, e)
		}
	}
	return es
}

// fits returns the files that by their names are rotated ones of a stream.
func (f *Follower) fits(s *stream, fresh bool) (es []entry) {
	for _, h := range s.homes {
		es = append(es, f.list(filepath.Dir(h), fresh).fits[filepath.Base(h)]...)
	}
	return es
}

// unknown returns those of es that no file is known for.
func (f *Follower) unknown(es []entry) (un []entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range es {
		if f.known[e.id] == nil {
			un = append(un, e)
		}
	}
	return un
}
