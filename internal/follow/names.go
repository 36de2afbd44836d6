package follow

import (
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// compressions are how the names of compressed files end.
var compressions = []string{".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip", ".Z"}

// rotatedFrom returns the names that a file may have had before a rotation gave it
// this one, and whether it is compressed by its name. For app.log these are
//
//	app.log.1  app.log-20260102  app.log.2026-01-02T15:04:05Z  app.log.old
//	app-20260102T150405.000-1.log  app.1.log
//
// that is: after a dot, a hyphen or an underscore, behind the name or before its last
// suffix, a time or number, or one of the words bak, old and prev.
func rotatedFrom(name string) (origins []string, compressed bool) {
	name, compressed = decompressed(name)
	origins = appendStems(nil, name, "")
	if ext := filepath.Ext(name); ext != "" {
		origins = appendStems(origins, strings.TrimSuffix(name, ext), ext)
	}
	return origins, compressed
}

// decompressed returns the name that a compressed file had before, and whether it is
// one by its name.
func decompressed(name string) (before string, compressed bool) {
	for _, c := range compressions {
		if rest, ok := strings.CutSuffix(name, c); ok {
			return rest, true
		}
	}
	return name, false
}

func isCompressed(path string) bool {
	_, compressed := decompressed(path)
	return compressed
}

// appendStems appends what stands in name before a time or number, with ext behind it.
func appendStems(origins []string, name, ext string) []string {
	for i := len(name) - 1; i > 0; i-- {
		if strings.IndexByte(".-_", name[i]) >= 0 && isRotation(name[i+1:]) {
			origins = append(origins, name[:i]+ext)
		}
	}
	return origins
}

func isRotation(s string) bool {
	switch s {
	case "bak", "old", "prev":
		return true
	}
	return s != "" && '0' <= s[0] && s[0] <= '9' && strings.Trim(s, "0123456789.:+_-TZtz") == ""
}

// found is a file that nobody knows, found under the name of a rotated one.
type found struct {
	path    string
	written time.Time // last
}

// oldestFirst sorts files by when they were written last and, where that is the same,
// by the numbers in their names. A time in a name grows. A count grows, or each
// rotation counts all files up, as logrotate does: that is decided by the files whose
// times differ, and for logrotate's way if there are none.
func oldestFirst[T any](files []T, of func(T) found) {
	slices.SortStableFunc(files, func(a, b T) int { return of(a).written.Compare(of(b).written) })
	upwards := 0 // how many neighbours say that a higher count is newer, less those that say the opposite
	for i := 1; i < len(files); i++ {
		a, b := of(files[i-1]), of(files[i])
		if !a.written.Equal(b.written) && !dated(a.path) && !dated(b.path) {
			upwards += byNumbers(b.path, a.path)
		}
	}
	slices.SortStableFunc(files, func(a, b T) int {
		x, y := of(a), of(b)
		if c := x.written.Compare(y.written); c != 0 {
			return c
		}
		if c := byNumbers(x.path, y.path); upwards > 0 || dated(x.path) && dated(y.path) {
			return c
		} else {
			return -c
		}
	})
}

// dated reports whether a name holds what is a date rather than a count.
func dated(path string) bool {
	return slices.ContainsFunc(numbers(path), func(n string) bool { return len(n) >= 8 }) || len(numbers(path)) >= 3
}

// byNumbers compares the numbers in two names, one after the other.
func byNumbers(a, b string) int {
	return slices.CompareFunc(numbers(a), numbers(b), func(x, y string) int {
		m, _ := strconv.ParseUint(x, 10, 64) // one that is too large is the largest
		n, _ := strconv.ParseUint(y, 10, 64)
		return cmp.Compare(m, n)
	})
}

func numbers(path string) []string {
	return strings.FieldsFunc(filepath.Base(path), func(r rune) bool { return r < '0' || r > '9' })
}
