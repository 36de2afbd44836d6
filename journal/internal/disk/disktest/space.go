package disktest

import (
	"math"
	"path/filepath"
	"strings"
)

// space counts what Allocate may have and has had, by path.
type space struct {
	free int64
	held map[string]int64
}

// take sets aside what the file lacks of size bytes, and reports false when
// there is not as much.
func (s *space) take(path string, size int64) bool {
	path = filepath.Clean(path)
	more := max(0, size-s.held[path])
	if more > s.free {
		return false
	}
	s.add(-more)
	s.held[path] += more
	return true
}

// cut frees what the file holds beyond size bytes.
func (s *space) cut(path string, size int64) {
	path = filepath.Clean(path)
	if less := s.held[path] - size; less > 0 {
		s.add(less)
		s.held[path] = size
	}
}

func (s *space) add(bytes int64) {
	if s.free != math.MaxInt64 {
		s.free += bytes
	}
}

// move follows a renamed file, or the files in a renamed directory.
func (s *space) move(from, to string) {
	from, to = filepath.Clean(from), filepath.Clean(to)
	s.cut(to, 0)
	moved := map[string]int64{}
	for path, bytes := range s.held {
		rest, ok := strings.CutPrefix(path, from)
		if ok && (rest == "" || rest[0] == filepath.Separator) {
			delete(s.held, path)
			moved[to+rest] = bytes
		}
	}
	for path, bytes := range moved {
		s.held[path] = bytes
	}
}
