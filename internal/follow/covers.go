package follow

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Covers reports whether whoever follows patterns follows the file of a path, which need
// not exist: under that name, or under another one.
func Covers(patterns []string, path string) bool {
	for _, p := range patterns {
		if coversName(p, path) {
			return true
		}
		for _, other := range expanded(p) {
			if sameFile(other, path) {
				return true
			}
		}
	}
	return false
}

// CoversFile reports whether whoever follows patterns follows a file that is there.
func CoversFile(patterns []string, file fs.FileInfo) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return slices.ContainsFunc(expanded(p), func(path string) bool {
			info, err := os.Stat(path)
			return err == nil && os.SameFile(info, file)
		})
	})
}

// coversName reports whether a path's last name is the pattern's, in the same directory.
func coversName(pattern, path string) bool {
	want, name := filepath.Base(pattern), filepath.Base(path)
	several := isPattern(pattern) && hasMeta(want)
	if matched, _ := filepath.Match(want, name); several && (!matched || isCompressed(name)) || !several && want != name {
		return false
	}
	dir := filepath.Dir(path)
	for _, d := range expanded(filepath.Dir(pattern)) {
		if absolute(d) == absolute(dir) || sameFile(d, dir) {
			return true
		}
	}
	return false
}

// expanded returns the paths that a pattern stands for now.
func expanded(pattern string) []string {
	if !isPattern(pattern) {
		return []string{pattern}
	}
	paths, _ := filepath.Glob(pattern) // Check has seen the pattern
	return paths
}

// sameFile reports whether two paths name one file or directory.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
