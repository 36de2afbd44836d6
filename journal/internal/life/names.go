package life

import (
	"encoding/hex"
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

// list returns the names of the lives in root, sorted, and of the directories of
// lives that are being made or removed.
func list(fsys disk.FS, root string) (lives, staged []string, err error) {
	entries, err := fsys.ReadDir(root)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		_, isStaged, ok := parseName(e.Name())
		if !ok || !e.IsDir() {
			continue
		}
		info, err := fsys.Lstat(filepath.Join(root, e.Name()))
		switch {
		case err != nil || !info.IsDir() || !fsys.Own(info):
		case isStaged:
			staged = append(staged, e.Name())
		default:
			lives = append(lives, e.Name())
		}
	}
	return lives, staged, nil
}
