package life

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/fapilog/fapilog/journal/internal/disk"
)

const (
	lockName      = "lock"
	carriedName   = "carried"
	cursorSuffix  = ".cursor"
	segmentSuffix = ".segment"
	damagedSuffix = ".damaged"

	idDigits      = 32
	segmentDigits = 8
)

// kind is what a file in a life's directory is, in the order of removal.
type kind int

const (
	foreign kind = iota
	segmentKind
	cursorKind
	carriedKind
	lockKind
)

// kindOf goes by the name; what is not a regular file is foreign whatever its
// name, and so is a name with upper-case digits.
func kindOf(e fs.DirEntry) kind {
	if !e.Type().IsRegular() {
		return foreign
	}
	name := strings.TrimSuffix(e.Name(), disk.TempSuffix)
	slot, isSegment := strings.CutSuffix(name, segmentSuffix)
	key, isCursor := strings.CutSuffix(strings.TrimSuffix(name, damagedSuffix), cursorSuffix)
	switch {
	case name == lockName:
		return lockKind
	case name == carriedName:
		return carriedKind
	case isSegment && isHex(slot, segmentDigits):
		return segmentKind
	case isCursor && fileable(key):
		return cursorKind
	}
	return foreign
}

func isHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}

// parseName returns the id that a life's directory is named by. staged says that
// the name begins with the dot of a life that is being made or removed.
func parseName(name string) (id [16]byte, staged, ok bool) {
	name, staged = strings.CutPrefix(name, ".")
	if !isHex(name, idDigits) {
		return id, staged, false
	}
	hex.Decode(id[:], []byte(name))
	return id, staged, true
}

// listing is what lies in a journal's directory.
type listing struct {
	lives   []string // names, sorted
	staged  []string // names of lives that are being made or removed
	refused []error  // lives that are left alone, and why
}

func list(fsys disk.FS, root string) (l listing, err error) {
	entries, err := fsys.ReadDir(root)
	if err != nil {
		return listing{}, err
	}
	for _, e := range entries {
		_, staged, ok := parseName(e.Name())
		if !ok || !e.IsDir() {
			continue
		}
		dir := filepath.Join(root, e.Name())
		info, err := fsys.Lstat(dir)
		if err == nil && info.IsDir() && !fsys.Own(info) {
			err = errAnothers
		}
		switch {
		case err == nil && !info.IsDir():
		case err == nil && staged:
			l.staged = append(l.staged, e.Name())
		case err == nil:
			l.lives = append(l.lives, e.Name())
		case !staged && gone(err) != nil:
			l.refused = append(l.refused, leftAlone(dir, err))
		}
	}
	return l, nil
}

var errAnothers = errors.New("it belongs to another user; to have its records delivered, give it to this user by chown -R, and start again")
