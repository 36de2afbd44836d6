//go:build darwin || linux

package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenRootMakesTheDirectoryAndItsParents(t *testing.T) {
	top := filepath.Join(t.TempDir(), "a")
	dir := filepath.Join(top, "b", "c")
	must(t, CheckRoot(dir))
	if _, err := os.Lstat(top); err == nil {
		t.Error("CheckRoot has made something")
	}
	must(t, OS().OpenRoot(dir))
	must(t, CheckRoot(dir))
	for _, path := range []string{top, filepath.Dir(dir), dir} {
		if got := lstat(t, path).Mode(); got != fs.ModeDir|0o700 {
			t.Errorf("%s has mode %v", path, got)
		}
	}
	must(t, OS().OpenRoot(dir))
	must(t, OS().OpenRoot(dir+"/"))
	must(t, os.Chmod(dir, 0o755))
	if err := OS().OpenRoot(dir); err != nil {
		t.Errorf("others may read it: %v", err)
	}
}

func TestOpenRootFollowsLinksAmongTheParents(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "real"), 0o700))
	must(t, OS().OpenRoot(filepath.Join(link(t, dir, "link", "real"), "journal")))
	lstat(t, filepath.Join(dir, "real", "journal"))
}

func TestOpenRootSaysWhatToDoAboutAnUnfitDirectory(t *testing.T) {
	mode := func(mode fs.FileMode) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			must(t, os.Mkdir(dir, 0o700))
			must(t, os.Chmod(dir, mode))
		}
	}
	for _, c := range []struct {
		name   string
		make   func(t *testing.T, dir string)
		below  string
		advice string
	}{
		{"a file", func(t *testing.T, dir string) { create(t, dir) }, "", "is not a directory"},
		{"a file among the parents", func(t *testing.T, dir string) { create(t, dir) }, "/b/c", "not a directory"},
		{"a link", func(t *testing.T, dir string) { link(t, filepath.Dir(dir), "d", t.TempDir()) }, "", "name the directory it leads to"},
		{"a link with a slash", func(t *testing.T, dir string) { link(t, filepath.Dir(dir), "d", t.TempDir()) }, "/", "name the directory it leads to"},
		{"a link that leads nowhere", func(t *testing.T, dir string) { link(t, filepath.Dir(dir), "d", "none") }, "", "name the directory it leads to"},
		{"a FIFO", func(t *testing.T, dir string) { must(t, os.Rename(fifo(t, filepath.Dir(dir)), dir)) }, "", "is not a directory"},
		{"writable for its group", mode(0o770), "", "chmod 700 "},
		{"writable for others", mode(0o702), "", "chmod 700 "},
		{"not writable for its owner", mode(0o500), "", "chmod 700 "},
		{"like /tmp", mode(0o777 | fs.ModeSticky), "", "use a subdirectory"},
		{"another's", func(t *testing.T, dir string) { mode(0o700)(t, dir); chown(t, dir) }, "", "by chown -R"},
		{"a name too long", func(*testing.T, string) {}, strings.Repeat("x", 300), "name a directory"},
		{"a name with a zero byte", func(*testing.T, string) {}, "\x00", "name a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			c.make(t, dir)
			before := CheckRoot(dir + c.below)
			err := OS().OpenRoot(dir + c.below)
			if before == nil || err != nil && before.Error() != err.Error() {
				t.Errorf("CheckRoot says %v, OpenRoot %v", before, err)
			}
			if !errors.Is(err, ErrUnfit) || !strings.Contains(err.Error(), c.advice) {
				t.Errorf("got %v; want ErrUnfit with %q", err, c.advice)
			}
		})
	}
}

func TestOpenRootThatMayNotMakeTheDirectoryIsUnfit(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("NOT TESTED: root may make directories anywhere")
	}
	parent := filepath.Join(t.TempDir(), "p")
	must(t, os.Mkdir(parent, 0o500))
	if err := OS().OpenRoot(filepath.Join(parent, "d")); !errors.Is(err, ErrUnfit) {
		t.Errorf("got %v", err)
	}
	must(t, os.Chmod(parent, 0))
	if err := OS().OpenRoot(filepath.Join(parent, "d")); !errors.Is(err, ErrUnfit) {
		t.Errorf("got %v", err)
	}
	must(t, os.Chmod(parent, 0o700))
}
