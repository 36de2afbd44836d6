//go:build !unix && !windows

package follow

import (
	"hash/fnv"
	"io/fs"
	"os"
)

// Without inodes a file is its path: a rotation shows as a truncation, by size and
// print.
func identityOf(path string) identity {
	h := fnv.New64a()
	_, _ = h.Write([]byte(path)) // never fails
	return identity{1, h.Sum64()}
}

func open(path string) (*os.File, error) { return os.Open(path) }

func look(path string) (identity, fs.FileInfo, error) {
	info, err := os.Stat(path)
	return identityOf(path), info, err
}

func lookAtEntry(path string) (identity, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	return identityOf(path), info, err
}

func lookAt(f *os.File) (identity, fs.FileInfo, error) {
	info, err := f.Stat()
	return identityOf(f.Name()), info, err
}

func stale(error) bool { return false }

func exhausted(error) bool { return false }

// names is not told by this system.
func names(*os.File) uint64 { return 1 }
