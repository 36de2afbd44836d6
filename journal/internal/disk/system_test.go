package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestCreatedFilesAndDirectoriesAreTheOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	must(t, OS().Mkdir(dir))
	f := create(t, filepath.Join(dir, "f"))
	must(t, OS().WriteFile(filepath.Join(dir, "g"), []byte("x")))
	if _, err := f.WriteAt([]byte("abc"), 2); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Size(); got != 5 || err != nil {
		t.Errorf("size %d, %v; want 5", got, err)
	}
	if _, ok := owner(lstat(t, dir)); !ok {
		return // no owners, no modes
	}
	for path, want := range map[string]fs.FileMode{dir: fs.ModeDir | 0o700, filepath.Join(dir, "f"): 0o600, filepath.Join(dir, "g"): 0o600} {
		if got := lstat(t, path).Mode(); got != want {
			t.Errorf("%s has mode %v, want %v", filepath.Base(path), got, want)
		}
	}
}

func TestCreateTakesNothingOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	create(t, path)
	if _, err := OS().Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created over a file: %v", err)
	}
}

func TestOpenReadsAndWritesAndOpenReadOnlyReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(path, []byte("0123456789"), 0o600))
	rw, err := OS().Open(path)
	must(t, err)
	defer rw.Close()
	if _, err := rw.WriteAt([]byte("x"), 9); err != nil {
		t.Error(err)
	}
	ro, err := OS().OpenRead(path)
	must(t, err)
	defer ro.Close()
	if _, err := ro.WriteAt([]byte("y"), 9); err == nil {
		t.Error("wrote to a file opened for reading")
	}
	p := make([]byte, 4)
	if n, err := ro.ReadAt(p, 8); n != 2 || err != io.EOF || string(p[:n]) != "8x" {
		t.Errorf("read %q, %v; want 8x and the end", p[:n], err)
	}
}

func TestOpenTellsWhatIsMissingFromWhatIsForeign(t *testing.T) {
	dir := t.TempDir()
	for _, open := range []func(string) (File, error){OS().Open, OS().OpenRead} {
		if _, err := open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a missing file: %v", err)
		}
		if _, err := open(dir); !errors.Is(err, ErrForeign) {
			t.Errorf("a directory: %v", err)
		}
	}
}

func TestReadDirIsSorted(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "c", "a"} {
		create(t, filepath.Join(dir, name))
	}
	entries, err := OS().ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Errorf("got %q", names)
	}
}

func TestWriteFileReplacesTheWholeFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, data := range []string{"a long first content", "short", ""} {
		must(t, OS().WriteFile(path, []byte(data)))
		if got, err := os.ReadFile(path); string(got) != data || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, data)
		}
	}
	if entries, _ := OS().ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestWriteFileReplacesTheLeftoverOfAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(path+TempSuffix, []byte("half of somethi"), 0o600))
	must(t, OS().WriteFile(path, []byte("whole")))
	if got, _ := os.ReadFile(path); string(got) != "whole" {
		t.Errorf("got %q", got)
	}
}

func TestWriteFileThatFailsLeavesTheOldFileAndNoOther(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	// A directory cannot be replaced by a file, so the last step fails.
	must(t, os.MkdirAll(filepath.Join(path, "full"), 0o700))
	if err := OS().WriteFile(path, []byte("new")); err == nil {
		t.Error("no error")
	}
	if entries, _ := OS().ReadDir(dir); len(entries) != 1 || !entries[0].IsDir() {
		t.Errorf("left behind: %v", entries)
	}
}

func TestLinkedIsTrueOnlyWhereThePathNamesThisVeryFile(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "f"), filepath.Join(dir, "g")
	f := create(t, path)
	linked := func(when, path string, want bool) {
		t.Helper()
		if got, err := f.Linked(path); got != want || err != nil {
			t.Errorf("%s: %v, %v; want %v", when, got, err, want)
		}
	}
	linked("created", path, true)
	must(t, os.Link(path, other))
	linked("a second name", other, true)
	must(t, os.Remove(path))
	linked("removed", path, false)
	must(t, os.WriteFile(path, nil, 0o600))
	linked("replaced", path, false)
	must(t, os.Remove(path))
	if err := os.Symlink(other, path); err == nil {
		linked("a symbolic link to it", path, false)
	}
}

func TestAllocateOnlyLengthens(t *testing.T) {
	f := create(t, filepath.Join(t.TempDir(), "f"))
	for _, c := range []struct{ allocate, want int64 }{{100, 100}, {9 << 20, 9 << 20}, {5000, 9 << 20}} {
		must(t, f.Allocate(c.allocate))
		if got, err := f.Size(); got != c.want || err != nil {
			t.Errorf("%d bytes after Allocate(%d), %v; want %d", got, c.allocate, err, c.want)
		}
	}
	must(t, f.Truncate(7))
	if got, _ := f.Size(); got != 7 {
		t.Errorf("%d bytes after Truncate(7)", got)
	}
}

func TestOwnFilesAreOwn(t *testing.T) {
	if !OS().Own(lstat(t, t.TempDir())) {
		t.Error("a directory just made is another's")
	}
}

func create(t testing.TB, path string) File {
	t.Helper()
	f, err := OS().Create(path)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func lstat(t testing.TB, path string) fs.FileInfo {
	t.Helper()
	info, err := OS().Lstat(path)
	must(t, err)
	return info
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
