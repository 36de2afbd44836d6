package disktest

import (
	"errors"
	"math/bits"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fapilog/fapilog/journal/internal/disk"
)

func TestEveryOperationIsAnnouncedUntilNobodyAsks(t *testing.T) {
	for i := range bits.Len32(uint32(Every)) {
		op := Op(1 << i)
		t.Run(op.String(), func(t *testing.T) {
			f := New(disk.OS())
			all := calls(t, f, t.TempDir())
			n := 0
			end := f.Before(op, "*", func(got Op, path string) {
				if n++; got != op || path == "" {
					t.Errorf("%v of %q is announced", got, path)
				}
			})
			all[op]()
			all[Op(1<<((i+1)%bits.Len32(uint32(Every))))]()
			end()
			all[op]()
			if n != 1 {
				t.Errorf("announced %d times", n)
			}
		})
	}
}

func TestAnnouncedOperationGoesOnAsItWouldHave(t *testing.T) {
	f, dir := New(disk.OS()), t.TempDir()
	var looked []string
	defer f.Before(WriteFile, "*/a", func(_ Op, path string) {
		_, err := f.Lstat(path) // with the file system at its disposal
		looked = append(looked, filepath.Base(path))
		if (err == nil) != (len(looked) > 1) {
			t.Errorf("call %d: %v", len(looked), err)
		}
	})()
	f.Before(WriteFile, "*/b", func(Op, string) { t.Error("another path is announced") })()
	for range 2 {
		if err := f.WriteFile(filepath.Join(dir, "a"), nil); err != nil {
			t.Error(err)
		}
	}
	f.Fail(WriteFile, "a", syscall.EIO)
	if err := f.WriteFile(filepath.Join(dir, "a"), nil); !errors.Is(err, syscall.EIO) {
		t.Errorf("it fails with %v", err)
	}
	if len(looked) != 3 {
		t.Errorf("announced: %q", looked)
	}
}
