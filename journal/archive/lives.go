package archive

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fapilog/fapilog/journal/internal/disk"
	"github.com/fapilog/fapilog/journal/internal/life"
)

// The names in a journal's directory and in that of a life; see package journal.
const (
	lockName         = "lock"
	segmentSuffix    = ".segment"
	cursorSuffix     = ".cursor"
	damagedDir       = "damaged"
	quarantineDir    = "quarantine"
	quarantineSuffix = ".jsonl"
)

// files is the file system.
var files = disk.OS()

// content is what lies in a journal's directory.
type content struct {
	dir                 string
	lives               []string // names
	damaged, quarantine bool
	foreign             []string
}

// list returns what lies in dir, or an error that says why it is no journal.
func list(dir string) (content, error) {
	entries, err := files.ReadDir(dir)
	if err != nil {
		return content{}, fmt.Errorf("journal: %w", err)
	}
	c := content{dir: dir}
	for _, e := range entries {
		name := e.Name()
		unfinished, _ := strings.CutPrefix(name, ".")
		_, ok := lifeID(unfinished)
		switch {
		case e.IsDir() && ok && unfinished == name:
			c.lives = append(c.lives, name)
		case e.IsDir() && ok:
			// A life that is being made, or that a kill has left so: empty.
		case e.IsDir() && name == damagedDir:
			c.damaged = true
		case e.IsDir() && name == quarantineDir:
			c.quarantine = true
		default:
			c.foreign = append(c.foreign, name)
		}
	}
	if c.lives == nil && !c.damaged {
		return content{}, c.noJournal()
	}
	return c, nil
}

// noJournal returns what is missing, and what was probably meant.
func (c content) noJournal() error {
	has := func(suffix string) bool {
		return slices.ContainsFunc(c.foreign, func(name string) bool { return strings.HasSuffix(name, suffix) })
	}
	hint := ""
	if _, ok := lifeID(filepath.Base(c.dir)); ok && (has(segmentSuffix) || slices.Contains(c.foreign, lockName)) {
		hint = "; this is one life of a journal: name the directory above it"
	} else if c.quarantine {
		hint = fmt.Sprintf("; there are only quarantined records, in %s", filepath.Join(c.dir, quarantineDir))
	} else if has(quarantineSuffix) {
		hint = "; it has files as of a quarantine, which are replayed but not inspected"
	}
	return fmt.Errorf("journal: %s is not a journal: it holds no life, a directory whose name has 32 hexadecimal digits%s", c.dir, hint)
}

// lifeID reads the name of a life's directory.
func lifeID(name string) (id [16]byte, ok bool) {
	if len(name) != 2*len(id) || name != strings.ToLower(name) {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(name))
	return id, err == nil
}

// chapter is a life as it lies in its directory.
type chapter struct {
	id       [16]byte
	name     string
	dir      string
	created  int64     // Unix ns; 0: nothing tells
	segments []segment // by FirstSeq; they do not overlap
	marks    map[string]life.Mark
	torn     []string // cursor files that cannot be read
	carried  life.Carried
	end      uint64
	newer    bool
	inUse    bool
	busy     bool // it is in use, or nothing can be said about that
	drained  bool // another life carries its counts
	problems []string
}

// open reads what c says of its lives, the earliest first. Lives that are removed
// meanwhile are left out. unseen says that it cannot be seen which are in use.
func (c content) open() (chapters []*chapter, problems []string, unseen bool) {
	held, err := heldLocks()
	unseen = err != nil
	for _, name := range c.lives {
		l := &chapter{name: name, dir: filepath.Join(c.dir, name)}
		if info, err := files.Lstat(l.dir); err == nil && !files.Own(info) {
			problems = append(problems, fmt.Sprintf("%s belongs to another user and is left alone", name))
			continue
		}
		l.inUse = held.has(filepath.Join(l.dir, lockName))
		l.busy = l.inUse || unseen
		err := l.read()
		if errors.Is(err, fs.ErrNotExist) {
			continue // drained and removed
		}
		problems = append(problems, l.problems...)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", name, err))
		}
		chapters = append(chapters, l)
	}
	for _, l := range chapters {
		for _, name := range l.carried.Lives {
			if i := slices.IndexFunc(chapters, func(other *chapter) bool { return other.name == name }); i >= 0 {
				chapters[i].drained = true
			}
		}
	}
	slices.SortFunc(chapters, func(a, b *chapter) int {
		return cmp.Or(cmp.Compare(a.created, b.created), strings.Compare(a.name, b.name))
	})
	return chapters, problems, unseen
}

// read reads the life's files, but for the records.
func (l *chapter) read() error {
	d, problems, err := life.Peek(files, l.dir)
	for _, p := range problems {
		if errors.Is(p, life.ErrNewer) {
			l.newer = true
			continue
		}
		l.problems = append(l.problems, strings.ReplaceAll(p.Error(), l.dir, l.name))
	}
	l.id, l.created, l.marks, l.torn, l.carried, l.end = d.ID, d.Created, d.Marks, d.Torn, d.Carried, d.End
	for _, name := range d.Torn {
		l.problems = append(l.problems, fmt.Sprintf("%s: cursor %s is damaged: its sink gets everything again", l.name, name))
	}
	for _, s := range d.Segments {
		l.segments = append(l.segments, segment{Segment: s})
	}
	l.findLost()
	return err
}
