//go:build darwin || linux

package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestOpenNeitherFollowsLinksNorWaits(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	must(t, os.WriteFile(target, []byte("not ours"), 0o600))
	for name, path := range map[string]string{
		"symbolic link":           link(t, dir, "link", target),
		"link that leads nowhere": link(t, dir, "dangling", filepath.Join(dir, "none")),
		"FIFO":                    fifo(t, dir),
		"device":                  os.DevNull,
	} {
		for _, open := range []func(string) (File, error){OS().Open, OS().OpenRead} {
			if f, err := open(path); !errors.Is(err, ErrForeign) {
				t.Errorf("%s: opened as %v, %v; want ErrForeign", name, f, err)
			}
		}
	}
	if _, err := OS().Create(filepath.Join(dir, "dangling")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created behind a link: %v", err)
	}
}

func TestOpenFlagsKeepALinkClosedThatIsPutThereBetweenTheLookAndTheOpening(t *testing.T) {
	dir := t.TempDir()
	path := link(t, dir, "link", os.DevNull)
	if f, err := os.OpenFile(path, os.O_RDWR|openFlags, 0); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("opened as %v, %v", f, err)
	}
	// And a FIFO is not waited for.
	f, err := os.OpenFile(fifo(t, dir), os.O_RDONLY|openFlags, 0)
	must(t, err)
	f.Close()
}

func TestOpenedIsARegularFileThoughThePathKeepsChanging(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	regular := filepath.Join(dir, "regular")
	must(t, os.WriteFile(regular, nil, 0o600))
	pipe := fifo(t, dir)
	changed := make(chan struct{}) // closed when the path changes no more
	go func() {
		defer close(changed)
		for i := range 4000 {
			next := filepath.Join(dir, "next")
			if err := errors.Join(os.Link([]string{regular, pipe}[i%2], next), os.Rename(next, path)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for running := true; running; {
		select {
		case <-changed:
			running = false
		default:
		}
		f, err := OS().Open(path)
		if err != nil {
			continue
		}
		if info, err := f.(*file).Stat(); err != nil || !info.Mode().IsRegular() {
			t.Errorf("opened %v, %v", info.Mode(), err)
		}
		f.Close()
	}
}

func TestWriteFileDoesNotWriteThroughALink(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	must(t, os.WriteFile(target, []byte("not ours"), 0o600))
	path := link(t, dir, "f", target)
	link(t, dir, "f"+TempSuffix, target)
	must(t, OS().WriteFile(path, []byte("ours")))
	if got, _ := os.ReadFile(target); string(got) != "not ours" {
		t.Errorf("what a link leads to is now %q", got)
	}
	if info := lstat(t, path); !info.Mode().IsRegular() {
		t.Errorf("the link is now %v", info.Mode())
	}
}

func TestErrorsNameThePathAndTheCause(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	ro, err := OS().OpenRead(create(t, path).(*file).Name())
	must(t, err)
	closed := create(t, filepath.Join(dir, "closed"))
	must(t, closed.Close())
	_, mapped := ro.Map(7)
	_, locked := closed.TryLock()
	for op, c := range map[string]struct{ got, want error }{
		"Mkdir":    {OS().Mkdir(path), syscall.EEXIST},
		"Allocate": {ro.Allocate(4096), syscall.EBADF},
		"Map":      {mapped, fs.ErrInvalid},
		"Rename":   {OS().Rename(filepath.Join(dir, "none"), path), syscall.ENOENT},
		"closed":   {locked, fs.ErrClosed},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v; want %v", op, c.got, c.want)
		}
		var path *fs.PathError
		var link *os.LinkError
		if !errors.As(c.got, &path) && !errors.As(c.got, &link) {
			t.Errorf("%s: %v names no path", op, c.got)
		}
	}
}

func TestAnothersFilesAreNotOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	create(t, path)
	chown(t, path)
	if OS().Own(lstat(t, path)) {
		t.Error("another user's file is own")
	}
}

func link(t *testing.T, dir, name, target string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.Symlink(target, path))
	return path
}

func fifo(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(path, 0o600); !errors.Is(err, syscall.EEXIST) {
		must(t, err)
	}
	return path
}

// chown gives path to another user.
func chown(t *testing.T, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: giving a file to another user takes root")
	}
	must(t, os.Chown(path, 12345, 12345))
}
