package life

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/fapilog/fapilog/journal/internal/disk"
)

// A lock file holds one line: these words, the version, when the life began in
// Unix nanoseconds, and the CRC-32C in hex of everything before it. In every
// version the line begins and ends like that.
const (
	lockMagic   = "fapilog life "
	lockVersion = "1"
	maxLock     = 1 << 10
)

func writeLock(f disk.File, created int64) error {
	line := fmt.Appendf(nil, "%s%s %d ", lockMagic, lockVersion, created)
	_, err := f.WriteAt(fmt.Appendf(line, "%08x\n", checksum(line)), 0)
	return err
}

// readLock returns when the life began, 0 if the file does not say: it may have
// been made anew. The only error is [ErrNewer].
func readLock(f disk.File) (created int64, err error) {
	text := make([]byte, maxLock)
	n, _ := f.ReadAt(text, 0)
	return parseLock(string(text[:n]))
}

// beganAt returns when the life in dir began, whosoever it is; 0 if nothing says so.
func beganAt(fsys disk.FS, dir string) int64 {
	f, err := fsys.OpenRead(filepath.Join(dir, lockName))
	if err != nil {
		return 0
	}
	defer f.Close()
	created, _ := readLock(f)
	return created
}

func parseLock(text string) (created int64, err error) {
	line, _, _ := strings.Cut(text, "\n")
	sumAt := strings.LastIndexByte(line, ' ') + 1
	words, ok := strings.CutPrefix(line[:sumAt], lockMagic)
	if !ok || line[sumAt:] != fmt.Sprintf("%08x", checksum([]byte(line[:sumAt]))) {
		return 0, nil
	}
	version, began, _ := strings.Cut(strings.TrimSuffix(words, " "), " ")
	if version != lockVersion {
		return 0, fmt.Errorf("lock %w", ErrNewer)
	}
	created, _ = strconv.ParseInt(began, 10, 64)
	return created, nil
}
