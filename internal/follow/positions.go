package follow

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// magic begins a file of positions, and names its format. After it, on the same line,
// stands the SHA-256 of the rest in hexadecimal digits: one JSON object, positions.
const (
	magic  = family + "1 "
	family = "fapilog positions " // in which every version begins
)

// positions is what is kept.
type positions struct {
	Kept    time.Time   `json:"kept"`
	Streams []savedPath `json:"streams"`

	// Patterns are those that were followed, absolute: what matches them and is in no
	// stream is new.
	Patterns []string `json:"patterns,omitempty"`
}

type savedPath struct {
	Path  string  `json:"path"` // absolute
	Files []saved `json:"files"`
}

// saved is one file.
type saved struct {
	Name string `json:"name"` // where it was seen last
	identity
	State    savedState `json:"state"`
	Position int64      `json:"position"` // of the first byte that was not accepted
	Read     int64      `json:"read"`     // the bytes that the print is of: of whole lines, if there is one
	Print    print      `json:"print"`
	Written  time.Time  `json:"written,omitzero"` // last, if it was read to its end
}

type savedState string

const (
	savedOpen    savedState = "open"    // it was being read, or waited for that
	savedDone    savedState = "done"    // it was finished
	savedIgnored savedState = "ignored" // it was not to be read
)

var errDamaged = errors.New("the file is damaged")

func parsePositions(b []byte) (p positions, err error) {
	line, body, ok := bytes.Cut(b, []byte("\n"))
	sum, versioned := strings.CutPrefix(string(line), magic)
	if !ok || !versioned || sum != hashOf(body) {
		return p, errDamaged
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, errDamaged
	}
	for _, path := range p.Streams {
		for _, g := range path.Files {
			if g.Position < 0 || g.Read < g.Position || g.Print.Head.Bytes > printBytes || g.Print.Tail.Bytes > printBytes {
				return positions{}, errDamaged
			}
		}
	}
	return p, nil
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (p positions) bytes() ([]byte, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return append([]byte(magic+hashOf(body)+"\n"), body...), nil
}

// resume registers what the Store knows.
func (f *Follower) resume() {
	if f.config.Store == nil {
		return
	}
	p, err := f.config.Store.load()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.everything = true
		f.report(f.config.Store.path, fmt.Sprintf("the positions cannot be read (%s); reading everything there is from the start", cause(err)))
		return
	}
	for _, other := range f.config.Store.others() {
		p.add(other, f.wants)
	}
	for _, pattern := range p.Patterns {
		if i := f.indexOf(pattern); i >= 0 {
			f.before = append(f.before, f.config.Patterns[i])
		} else {
			f.others.Patterns = append(f.others.Patterns, pattern)
		}
	}
	for _, path := range p.Streams {
		spelled, ok := f.spelled(path.Path)
		if !ok {
			f.others.Streams = append(f.others.Streams, path)
			continue
		}
		s := f.addStream(spelled)
		s.stored = true
		for _, g := range path.Files {
			f.recall(s, g)
		}
	}
}

// wants reports whether a path or pattern, which is absolute, is followed.
func (f *Follower) wants(abs string) bool {
	_, ok := f.spelled(abs)
	return ok || f.indexOf(abs) >= 0
}

// indexOf returns which of the patterns an absolute one is, or -1.
func (f *Follower) indexOf(abs string) int {
	return slices.IndexFunc(f.config.Patterns, func(p string) bool { return absolute(p) == abs })
}

// add adds what p lacks and other has, of the paths and patterns that are wanted.
func (p *positions) add(other positions, wanted func(abs string) bool) {
	held := make(map[identity]bool)
	for _, path := range p.Streams {
		for _, g := range path.Files {
			held[g.identity] = true
		}
	}
	for _, path := range other.Streams {
		if p.has(path.Path) || !wanted(path.Path) {
			continue
		}
		path.Files = slices.DeleteFunc(path.Files, func(g saved) bool { return held[g.identity] }) // it was renamed since
		p.Streams = append(p.Streams, path)
	}
	for _, pattern := range other.Patterns {
		if !slices.Contains(p.Patterns, pattern) && wanted(pattern) {
			p.Patterns = append(p.Patterns, pattern)
		}
	}
}

func (p *positions) has(path string) bool {
	return slices.ContainsFunc(p.Streams, func(s savedPath) bool { return s.Path == path })
}

// recall registers one file.
func (f *Follower) recall(s *stream, kept saved) {
	g := &file{
		id: kept.identity, stream: s, name: filepath.Join(filepath.Dir(s.path), filepath.Base(kept.Name)),
		status: closed, unfinished: kept.State == savedOpen,
		position: kept.Position, next: kept.Read, print: kept.Print, mtime: kept.Written,
	}
	if kept.State == savedIgnored {
		g.status = ignored
	}
	f.known[g.id] = g
	if g.unfinished {
		s.resumed = append(s.resumed, g)
	}
}

// spelled returns the path as it is followed: as a pattern spells it. It reports false
// if it is not.
func (f *Follower) spelled(abs string) (path string, ok bool) {
	for _, s := range f.streams {
		if absolute(s.path) == abs {
			return s.path, true
		}
	}
	if f.matches(abs) {
		return abs, true
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, abs); err == nil && f.matches(rel) {
			return rel, true
		}
	}
	return "", false
}

// absolute returns a path or pattern independent of the working directory, where that
// is known.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// save keeps the positions if what they cover is safe.
func (f *Follower) save(now time.Time) {
	f.kept = now
	if f.config.Store != nil && (f.config.Durable == nil || f.config.Durable()) {
		f.keep(now)
	}
}

// keep keeps the positions if they have moved.
func (f *Follower) keep(now time.Time) {
	f.kept = now
	if f.config.Store == nil || !f.dirty.Swap(false) {
		return
	}
	err := f.config.Store.save(f.positions(now))
	if err != nil {
		f.dirty.Store(true)
	}
	f.trouble(keeping, f.config.Store.path, err)
}

// positions returns what is to be kept. It is called by who reads.
func (f *Follower) positions(now time.Time) positions {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := positions{Kept: now.Round(0), Patterns: slices.Clone(f.others.Patterns)}
	for _, pattern := range f.config.Patterns {
		p.Patterns = append(p.Patterns, absolute(pattern))
	}
	at := make(map[*stream]int)
	for i, s := range f.streams {
		at[s] = i
		p.Streams = append(p.Streams, savedPath{Path: absolute(s.path)})
		for _, g := range s.queue { // in order
			p.Streams[i].Files = append(p.Streams[i].Files, g.saved())
		}
	}
	for _, g := range f.known {
		if i, ok := at[g.stream]; ok && g.status != live {
			p.Streams[i].Files = append(p.Streams[i].Files, g.saved())
		}
	}
	p.Streams = append(p.Streams, f.others.Streams...)
	return p
}

func (g *file) saved() saved {
	state := savedDone
	switch {
	case g.status == ignored:
		state = savedIgnored
	case g.status == live || g.unfinished:
		state = savedOpen
	}
	read, print := g.next, g.print
	if g.begun > 0 { // the rest may be taken back
		read, print = g.begun, g.whole
	}
	return saved{g.name, g.id, state, g.position, read, print, g.mtime}
}
