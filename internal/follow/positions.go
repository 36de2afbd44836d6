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
const magic = "fapilog positions 1 "

// Store keeps positions in one file, which is replaced as a whole: it holds what was
// kept last, whenever the process is killed. It is not synced; where the machine has
// stopped and left half of it, that is noticed, and everything is read again.
//
// Another file beside it, with .lock added to its name, is locked while a Store is open,
// and stays.
type Store struct {
	path string
	lock *os.File
}

// StoreName is the name of the file, in a directory for all Stores, of those who follow
// patterns: in whatever order they are given, and relative to whatever directory.
func StoreName(patterns []string) (string, error) {
	var all []string
	for _, p := range patterns {
		abs, err := filepath.Abs(p)
		if err != nil {
			return "", err
		}
		all = append(all, abs)
	}
	slices.Sort(all)
	sum := sha256.Sum256([]byte(strings.Join(slices.Compact(all), "\n")))
	return hex.EncodeToString(sum[:16]) + ".positions", nil
}

// ErrInUse says that another process, or Store, has the file.
var ErrInUse = errors.New("another process keeps its positions there")

// OpenStore makes the file's directory, if it is not there, and locks the file.
func OpenStore(path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	ok, err := tryLock(lock)
	if err == nil && !ok {
		err = ErrInUse
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Store{path, lock}, nil
}

// Close unlocks the file. A Follower that has the Store closes it.
func (s *Store) Close() error {
	return s.lock.Close()
}

// positions is what is kept.
type positions struct {
	Kept    time.Time   `json:"kept"`
	Streams []savedPath `json:"streams"`
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
	Read     int64      `json:"read"`     // the bytes before which the print is of
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

// load returns what was kept last, or fs.ErrNotExist.
func (s *Store) load() (p positions, err error) {
	b, err := os.ReadFile(s.path)
	if err != nil {
		return p, err
	}
	return parsePositions(b)
}

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

// save replaces what was kept.
func (s *Store) save(p positions) error {
	b, err := p.bytes()
	if err != nil {
		return err
	}
	temporary := s.path + ".new"
	if err := os.WriteFile(temporary, b, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, s.path)
}

// resume registers what the Store knows.
func (f *Follower) resume() {
	if f.config.Store == nil {
		return
	}
	p, err := f.config.Store.load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		f.everything = true
		f.report(f.config.Store.path, fmt.Sprintf("the positions cannot be read (%s); reading everything there is from the start", cause(err)))
		return
	}
	f.resuming = true
	for _, path := range p.Streams {
		s := f.addStream(f.spelled(path.Path))
		s.stored = true
		for _, g := range path.Files {
			f.recall(s, g)
		}
	}
}

// recall registers one file.
func (f *Follower) recall(s *stream, kept saved) {
	g := &file{
		id: kept.identity, stream: s, name: filepath.Join(filepath.Dir(s.path), filepath.Base(kept.Name)),
		status: closed, unfinished: kept.State == savedOpen,
		position: kept.Position, next: kept.Read, begun: kept.Position, print: kept.Print, mtime: kept.Written,
	}
	if kept.State == savedIgnored {
		g.status = ignored
	}
	f.known[g.id] = g
	if g.unfinished {
		s.resumed = append(s.resumed, g)
	}
}

// spelled returns the path as it is followed: as a pattern spells it.
func (f *Follower) spelled(abs string) string {
	for _, s := range f.streams {
		if a, err := filepath.Abs(s.path); err == nil && a == abs {
			return s.path
		}
	}
	if f.matches(abs) {
		return abs
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, abs); err == nil && f.matches(rel) {
			return rel
		}
	}
	return abs
}

// save keeps the positions if they have moved, and what they cover is safe.
func (f *Follower) save(now time.Time) {
	f.kept = now
	if f.config.Store == nil || f.config.Durable != nil && !f.config.Durable() || !f.dirty.Swap(false) {
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
	p := positions{Kept: now.Round(0)}
	at := make(map[*stream]int)
	for i, s := range f.streams {
		at[s] = i
		path, err := filepath.Abs(s.path)
		if err != nil {
			path = s.path
		}
		p.Streams = append(p.Streams, savedPath{Path: path})
		for _, g := range s.queue { // in order
			p.Streams[i].Files = append(p.Streams[i].Files, g.saved())
		}
	}
	for _, g := range f.known {
		if i, ok := at[g.stream]; ok && g.status != live {
			p.Streams[i].Files = append(p.Streams[i].Files, g.saved())
		}
	}
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
	return saved{g.name, g.id, state, g.position, g.next, g.print, g.mtime}
}
